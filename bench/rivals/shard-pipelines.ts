/**
 * One pipeline per shard, by hand: slots by cluster-key-slot, the ids in a bucket per primary, a
 * `pipeline()` on that primary's own connection, and the replies put back in the order of the ids.
 * What a careful user of ioredis writes today; ioredis and iovalkey share the code, as they share
 * the API.
 */

import calculateSlot from 'cluster-key-slot';
import type { EntityRow } from '../data-set.ts';
import { flat, type OpenRival, type Row } from '../rival.ts';

export interface Pipeline {
  hmget(key: string, ...names: string[]): unknown;
  hset(key: string, ...pairs: (string | number)[]): unknown;
  expire(key: string, seconds: number): unknown;
  call(command: string, ...args: (string | number)[]): unknown;
  exec(): Promise<[error: Error | null, reply: unknown][] | null>;
}

/** A connection to one node. */
export interface NodeClient {
  pipeline(): Pipeline;
  hmget(key: string, ...names: string[]): Promise<(string | null)[]>;
}

export interface ShardPipelinesOptions {
  readonly keyPrefix: string;
  /** The connection of the primary that owns the slot. */
  readonly clientOf: (slot: number) => NodeClient;
  readonly isCluster: boolean;
  readonly close: () => Promise<void>;
}

export function shardPipelines(options: ShardPipelinesOptions): OpenRival {
  const { keyPrefix, close } = options;
  const keysOf = (rows: readonly EntityRow[]): string[] => rows.map(([id]) => keyPrefix + id);
  const clientFor = clientByKey(options);
  return {
    readBatch: async (ids, names) => {
      const rows = Array.from<Row>({ length: ids.length });
      const keys = ids.map((id) => keyPrefix + id);
      const add: AddCommands = (pipeline, key) => pipeline.hmget(key, ...names);
      await runPipelines(clientFor, keys, add, 1, (row, reply) => {
        rows[row] = reply as Row; // HMGET answers with values in the order of the names
      });
      return rows;
    },
    readOne: (id, names) => clientFor(keyPrefix + id).hmget(keyPrefix + id, ...names),
    load: (rows, ttlSeconds) => {
      const add: AddCommands = (pipeline, key, row) => {
        pipeline.hset(key, ...flat(rows[row]?.[1] ?? {}));
        pipeline.expire(key, ttlSeconds);
      };
      return runPipelines(clientFor, keysOf(rows), add, 2);
    },
    writeStreaming: (rows, ttlSeconds) => {
      const add: AddCommands = (pipeline, key, row) => {
        const pairs = flat(rows[row]?.[1] ?? {});
        pipeline.call('HSETEX', key, 'EX', ttlSeconds, 'FIELDS', pairs.length / 2, ...pairs);
      };
      return runPipelines(clientFor, keysOf(rows), add, 1);
    },
    close,
  };
}

type AddCommands = (pipeline: Pipeline, key: string, row: number) => void;

function clientByKey({ clientOf, isCluster }: ShardPipelinesOptions): (key: string) => NodeClient {
  return (key) => clientOf(isCluster ? calculateSlot(key) : 0);
}

async function runPipelines(
  clientFor: (key: string) => NodeClient,
  keys: readonly string[],
  add: AddCommands,
  commandsPerRow: number,
  take: (row: number, reply: unknown) => void = () => undefined,
): Promise<void> {
  const buckets = new Map<NodeClient, number[]>();
  for (const [row, key] of keys.entries()) {
    const client = clientFor(key);
    const bucket = buckets.get(client);
    if (bucket) bucket.push(row);
    else buckets.set(client, [row]);
  }
  await Promise.all(
    [...buckets].map(async ([client, rows]) => {
      const pipeline = client.pipeline();
      for (const row of rows) add(pipeline, keys[row] ?? '', row);
      const replies = (await pipeline.exec()) ?? [];
      for (const [at, row] of rows.entries()) {
        for (let command = 0; command < commandsPerRow; command++) {
          const [error, reply] = replies[at * commandsPerRow + command] ?? [new Error('no reply')];
          if (error) throw error;
          take(row, reply);
        }
      }
    }),
  );
}
