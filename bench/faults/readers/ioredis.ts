/** ioredis: a pipeline of the cluster client per shard, and autopipelining. */

import { once } from 'node:events';
import calculateSlot from 'cluster-key-slot';
import { Cluster, type ClusterOptions } from 'ioredis';
import { answerOf, errorOf, type Answer, type Reader, type ReaderOptions } from '../reader.ts';

/**
 * Far below a failover; off by default, so a client without it can stay dead for ever after one.
 */
const REFRESH_MS = 1_000;
const PIPELINES =
  'cluster-key-slot to group the ids, one cluster.pipeline() per shard, in parallel';

export const ioredisPipelines: Reader = pipelines('ioredis pipelines', 'commandTimeout', {});

export const ioredisPipelinesRefreshing: Reader = pipelines(
  'ioredis pipelines, refreshing',
  `commandTimeout, slotsRefreshInterval ${REFRESH_MS}`,
  { slotsRefreshInterval: REFRESH_MS },
);

export const ioredisAutopipelining: Reader = {
  name: 'ioredis autopipelining',
  method: 'enableAutoPipelining, Promise.allSettled over cluster.hmget',
  settings: 'commandTimeout',
  open: async (options) => {
    const cluster = await connect(options, { enableAutoPipelining: true });
    return {
      read: async (ids, names) => {
        const results = await Promise.allSettled(
          ids.map((id) => cluster.hmget(options.keyPrefix + id, ...names)),
        );
        return results.map(answerOf);
      },
      close: async () => cluster.disconnect(),
    };
  },
};

function pipelines(
  name: string,
  settings: string,
  own: Omit<ClusterOptions, 'redisOptions'>,
): Reader {
  return {
    name,
    method: PIPELINES,
    settings,
    open: async (options) => {
      const cluster = await connect(options, own);
      return {
        read: (ids, names) =>
          readByShard(
            cluster,
            ids.map((id) => options.keyPrefix + id),
            names,
          ),
        close: async () => cluster.disconnect(),
      };
    },
  };
}

async function connect(
  { nodes, timeoutMs }: ReaderOptions,
  own: Omit<ClusterOptions, 'redisOptions'>,
): Promise<Cluster> {
  const cluster = new Cluster([...nodes], { ...own, redisOptions: { commandTimeout: timeoutMs } });
  cluster.on('error', () => undefined); // the calls tell of it
  await once(cluster, 'ready');
  return cluster;
}

/** Grouped by what the client knows now: it refuses a pipeline whose keys have different nodes. */
async function readByShard(
  cluster: Cluster,
  keys: readonly string[],
  names: readonly string[],
): Promise<readonly Answer[]> {
  const shards = new Map<string, number[]>();
  for (const [row, key] of keys.entries()) {
    const nodes = (cluster.slots[calculateSlot(key)] ?? []).join();
    const rows = shards.get(nodes);
    if (rows) rows.push(row);
    else shards.set(nodes, [row]);
  }
  const answers = Array.from<Answer>({ length: keys.length });
  await Promise.all(
    [...shards.values()].map(async (rows) => {
      const pipeline = cluster.pipeline();
      for (const row of rows) pipeline.hmget(keys[row] ?? '', ...names);
      const replies = await pipeline.exec().catch(errorOf);
      for (const [at, row] of rows.entries()) answers[row] = answerFrom(replies, at);
    }),
  );
  return answers;
}

function answerFrom(
  replies: readonly [Error | null, unknown][] | Error | null,
  at: number,
): Answer {
  if (replies instanceof Error) return { error: replies };
  const [error, reply] = replies?.[at] ?? [new Error('no reply')];
  return error ? { error } : { values: reply as (string | null)[] }; // of HMGET
}
