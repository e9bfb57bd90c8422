/**
 * Bulk loads and batched streaming writes, at keys of their own that are read back and compared.
 */

import { Redis } from 'ioredis';
import calculateSlot from 'cluster-key-slot';
import type { BenchTarget } from '../bench-servers.ts';
import { idOf, streamFeatures, type Entity, type EntityRow } from '../data-set.ts';
import type { Contender } from '../interleave.ts';
import type { OpenRival } from '../rival.ts';
import { FAST_RIVALS, type Bench, type WorkPlan } from './work-plan.ts';

const ROWS = 10_000;
/** Different ids in turn. */
const BATCH_COUNT = 4;
const CHECKED_ROWS = 500;
const BATCH_TTL_SECONDS = 86_400;
export const STREAMING_TTL_SECONDS = 300;

type Write = (client: OpenRival, rows: readonly EntityRow[]) => Promise<void>;

export const writes: readonly WorkPlan[] = [
  write({
    name: 'bulk-load',
    title: 'bulk load, 10,000 rows of 11 features: HSET and EXPIRE',
    prefix: 'fs:load:',
    featuresOf: (bench, index) => bench.narrow.entity(index),
    run: (client, rows) => client.load(rows, BATCH_TTL_SECONDS),
    ttlIsRight: async (redis, key) => (await redis.ttl(key)) > 0,
  }),
  write({
    name: 'streaming-write',
    title: 'streaming writes, 10,000 rows of 5 features: HSETEX',
    prefix: 'fs:stream:',
    featuresOf: (bench, index) => streamFeatures(bench.seed, index),
    run: (client, rows) => client.writeStreaming(rows, STREAMING_TTL_SECONDS),
    ttlIsRight: hasFieldTtl,
  }),
];

export async function hasFieldTtl(redis: Redis, key: string): Promise<boolean> {
  const reply = await redis.call('HTTL', key, 'FIELDS', 1, 'last_login_ts');
  return Array.isArray(reply) && Number(reply[0]) > 0;
}

interface WriteWork {
  readonly name: string;
  readonly title: string;
  readonly prefix: string;
  readonly featuresOf: (bench: Bench, index: number) => Entity;
  readonly run: Write;
  readonly ttlIsRight: (redis: Redis, key: string) => Promise<boolean>;
}

function write(work: WriteWork): WorkPlan {
  const { name, title, prefix, featuresOf, run } = work;
  return {
    name,
    title,
    unit: 'row',
    targets: ['cluster', 'standalone'],
    rounds: 5,
    turnMs: 400,
    concurrency: 1,
    contenders: async (bench, target) => {
      const batches = Array.from({ length: BATCH_COUNT }, (_, batch) =>
        Array.from({ length: ROWS }, (__, at): EntityRow => {
          const index = batch * ROWS + at;
          return [idOf(index), featuresOf(bench, index)];
        }),
      );
      const names = target.kind === 'standalone' ? FAST_RIVALS : undefined;
      const opened = await bench.open(target, prefix, names);
      return opened.map(({ name: rival, client }): Contender => ({
        name: rival,
        idsPerOperation: ROWS,
        run: (turn) => run(client, batches[turn % BATCH_COUNT] ?? []),
        check: async () => {
          const rows = batches[0] ?? [];
          await deleteRows(target, prefix, rows);
          await run(client, rows);
          await checkWritten(rival, target, work, rows.slice(0, CHECKED_ROWS));
        },
      }));
    },
  };
}

/** What the one before wrote would pass for what this one did not. */
export async function deleteRows(
  target: BenchTarget,
  prefix: string,
  rows: readonly EntityRow[],
): Promise<void> {
  await withNodes(target, async (nodeOf) => {
    await Promise.all(rows.map(([id]) => nodeOf(prefix + id).unlink(prefix + id)));
  });
}

export async function checkWritten(
  who: string,
  target: BenchTarget,
  { prefix, ttlIsRight }: Pick<WriteWork, 'prefix' | 'ttlIsRight'>,
  rows: readonly EntityRow[],
): Promise<void> {
  await withNodes(target, async (nodeOf) => {
    for (const [id, features] of rows) {
      const key = prefix + id;
      const stored = await nodeOf(key).hgetall(key);
      const wanted = Object.entries(features).map(([name, value]) => [name, String(value)]);
      const isWhole =
        Object.keys(stored).length === wanted.length &&
        wanted.every(([name = '', value]) => stored[name] === value);
      if (!isWhole) throw new Error(`${who} wrote ${key} as ${JSON.stringify(stored)}`);
      if (!(await ttlIsRight(nodeOf(key), key))) throw new Error(`${who} gave ${key} no TTL`);
    }
  });
}

/** Plain connections, none of a rival's, by the key. */
async function withNodes(
  target: BenchTarget,
  work: (nodeOf: (key: string) => Redis) => Promise<void>,
): Promise<void> {
  const clients = target.primaries.map((node) => new Redis({ ...node }));
  const shardOf = target.shardOfSlot;
  const nodeOf = (key: string): Redis => {
    const client = clients[shardOf(calculateSlot(key))];
    if (!client) throw new Error(`no primary for ${key}`);
    return client;
  };
  try {
    await work(nodeOf);
  } finally {
    for (const client of clients) client.disconnect();
  }
}
