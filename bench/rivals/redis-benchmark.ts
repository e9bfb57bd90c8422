/**
 * The servers' own limit: redis-benchmark, in C, with no rows to make and no order to keep. Its
 * cluster mode only reaches keys that hold its own `{tag}`, so there is one process per primary,
 * all at once, and their rates are added up. The keys exist: each shard has its third of the
 * entities once more, under a hash tag of that shard, so that `__rand_int__` always finds one
 * there.
 */

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { EntitySet } from '../data-set.ts';
import type { Node } from '../rival.ts';

export interface BenchmarkShape {
  readonly name: string;
  readonly connectionsPerNode: number;
  readonly commandsPerWrite: number;
}

/** The fastest that was found by trying, and its own defaults with the pipeline of its manual. */
export const BENCHMARK_SHAPES: readonly BenchmarkShape[] = [
  { name: 'redis-benchmark', connectionsPerNode: 8, commandsPerWrite: 100 },
  { name: 'redis-benchmark -P 16', connectionsPerNode: 50, commandsPerWrite: 16 },
];
const RANDOM = '__rand_int__';

const execute = promisify(execFile);

/** Where the keys of a shard are that redis-benchmark reads. */
export interface BenchmarkShard {
  readonly node: Node;
  /** What stands before the 12 digits. */
  readonly keyPrefix: string;
  readonly keyCount: number;
}

export interface RedisBenchmarkRun {
  readonly ids: number;
  /** As if all had taken the time that the sum of their rates gives. */
  readonly elapsedMs: number;
}

export async function runRedisBenchmark(
  path: string,
  shards: readonly BenchmarkShard[],
  set: EntitySet,
  shape: BenchmarkShape,
  idsPerShard: number,
): Promise<RedisBenchmarkRun> {
  const rates = await Promise.all(
    shards.map((shard) => rateOf(path, shard, set, shape, idsPerShard)),
  );
  const ids = idsPerShard * shards.length;
  const perSecond = rates.reduce((sum, rate) => sum + rate, 0);
  return { ids, elapsedMs: (ids / perSecond) * 1_000 };
}

async function rateOf(
  path: string,
  { node, keyPrefix, keyCount }: BenchmarkShard,
  set: EntitySet,
  { connectionsPerNode, commandsPerWrite }: BenchmarkShape,
  ids: number,
): Promise<number> {
  const server = ['-h', node.host, '-p', String(node.port), '-c', String(connectionsPerNode)];
  const load = ['-P', String(commandsPerWrite), '-n', String(ids), '-r', String(keyCount)];
  const command = ['HMGET', keyPrefix + RANDOM, ...set.readNames];
  const { stdout } = await execute(path, [...server, ...load, '--csv', ...command]);
  const [, rate] = /","([\d.]+)"/.exec(stdout.trim().split('\n').at(-1) ?? '') ?? [];
  if (rate === undefined) throw new Error(`redis-benchmark said what is not understood: ${stdout}`);
  return Number(rate);
}
