import { Cluster } from 'ioredis';
import type { Rival } from '../rival.ts';
import { connectIoredis, ioredisNodes } from './ioredis-connection.ts';
import { shardPipelines } from './shard-pipelines.ts';

export const ioredisPipelines: Rival = {
  name: 'ioredis-pipelines',
  method: 'ids by shard with cluster-key-slot, one pipeline() on each primary, in parallel',
  streamingMethod: "pipeline.call('HSETEX', …)",
  open: async (target, keyPrefix) => {
    const client = await connectIoredis(target, false);
    return shardPipelines({
      keyPrefix,
      clientOf: ioredisNodes(client),
      isCluster: client instanceof Cluster,
      close: async () => client.disconnect(),
    });
  },
};
