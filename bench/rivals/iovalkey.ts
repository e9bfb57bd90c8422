import { once } from 'node:events';
import { Cluster, Redis } from 'iovalkey';
import type { Rival } from '../rival.ts';
import { shardPipelines } from './shard-pipelines.ts';

export const iovalkey: Rival = {
  name: 'iovalkey',
  method: 'as ioredis, one pipeline() per primary',
  streamingMethod: "pipeline.call('HSETEX', …) on the primary: its command table lacks HSETEX",
  open: async (target, keyPrefix) => {
    if (target.kind === 'standalone') {
      const client = new Redis({ ...target.nodes[0] });
      await once(client, 'ready');
      const close = async (): Promise<void> => client.disconnect();
      return shardPipelines({ keyPrefix, clientOf: () => client, isCluster: false, close });
    }
    const cluster = new Cluster([...target.nodes]);
    await once(cluster, 'ready');
    const byAddress = new Map(
      cluster.nodes('master').map((node) => [`${node.options.host}:${node.options.port}`, node]),
    );
    return shardPipelines({
      keyPrefix,
      clientOf: (slot) => {
        const node = byAddress.get(cluster.slots[slot]?.[0] ?? '');
        if (!node) throw new Error(`iovalkey knows no primary of slot ${slot}`);
        return node;
      },
      isCluster: true,
      close: async () => cluster.disconnect(),
    });
  },
};
