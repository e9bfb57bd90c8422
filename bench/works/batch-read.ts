/** Batch reads of 1 to 100,000 ids: 6 features of 11, and 50 of 50. */

import { drawIndexes, idOf, type EntitySet } from '../data-set.ts';
import type { Contender } from '../interleave.ts';
import { OURS, type RivalName } from '../rival.ts';
import { BENCHMARK_SHAPES, runRedisBenchmark } from '../rivals/redis-benchmark.ts';
import { checkRows } from './row-check.ts';
import { FAST_RIVALS, type Bench, type WorkPlan } from './work-plan.ts';
import type { BenchTarget } from '../bench-servers.ts';

/**
 * Batches in turn, so that no server answers the same keys from a warm cache line again and again.
 */
const BATCH_COUNT = 8;
/** The size at which redis-benchmark runs along. */
const LIMIT_SIZE = 10_000;
const LIMIT_IDS_PER_SHARD = 60_000;

interface Size {
  readonly ids: number;
  readonly rounds: number;
  readonly turnMs: number;
  /** @default all */
  readonly rivals?: readonly RivalName[];
  /** On the one node, where other than on the cluster; none: not measured there. */
  readonly standaloneRivals?: readonly RivalName[];
}

const NARROW_SIZES: readonly Size[] = [
  { ids: 1, rounds: 7, turnMs: 100 },
  { ids: 10, rounds: 5, turnMs: 80, standaloneRivals: FAST_RIVALS },
  { ids: 100, rounds: 7, turnMs: 120, standaloneRivals: FAST_RIVALS },
  { ids: 1_000, rounds: 5, turnMs: 150, standaloneRivals: FAST_RIVALS },
  { ids: 10_000, rounds: 7, turnMs: 400 },
  { ids: 100_000, rounds: 2, turnMs: 1, rivals: FAST_RIVALS },
];

const WIDE_SIZES: readonly Size[] = [
  { ids: 1, rounds: 3, turnMs: 80, standaloneRivals: [] },
  { ids: 10, rounds: 3, turnMs: 80, standaloneRivals: [] },
  { ids: 100, rounds: 3, turnMs: 100, standaloneRivals: FAST_RIVALS },
  { ids: 1_000, rounds: 3, turnMs: 150, rivals: FAST_RIVALS, standaloneRivals: [] },
  { ids: 10_000, rounds: 2, turnMs: 200, rivals: FAST_RIVALS },
  { ids: 100_000, rounds: 2, turnMs: 1, rivals: [OURS, 'ioredis-pipelines'], standaloneRivals: [] },
];

export const batchReads: readonly WorkPlan[] = [
  ...NARROW_SIZES.map((size) => batchRead('read', size, (bench) => bench.narrow, '6 of 11')),
  ...WIDE_SIZES.map((size) => batchRead('read50', size, (bench) => bench.wide, '50')),
];

function batchRead(
  kind: string,
  { ids, rounds, turnMs, rivals, standaloneRivals = rivals }: Size,
  setOf: (bench: Bench) => EntitySet,
  features: string,
): WorkPlan {
  return {
    name: `${kind}-${ids}`,
    title: `batch read, ${ids.toLocaleString('en-US')} ${ids === 1 ? 'id' : 'ids'}, ${features} features`,
    unit: 'id',
    targets: standaloneRivals?.length === 0 ? ['cluster'] : ['cluster', 'standalone'],
    rounds,
    turnMs,
    concurrency: 1,
    contenders: async (bench, target) => {
      const set = setOf(bench);
      const batches = Array.from({ length: BATCH_COUNT }, (_, at) =>
        drawIndexes(bench.seed + at, ids, set.count),
      );
      const batchIds = batches.map((indexes) => indexes.map(idOf));
      const names = target.kind === 'standalone' ? standaloneRivals : rivals;
      const opened = await bench.open(target, set.prefix, names);
      const contenders = opened.map(({ name, client }): Contender => ({
        name,
        idsPerOperation: ids,
        run: (turn) => client.readBatch(batchIds[turn % BATCH_COUNT] ?? [], set.readNames),
        check: async () => {
          const rows = await client.readBatch(batchIds[0] ?? [], set.readNames);
          checkRows(name, set, batches[0] ?? [], rows);
        },
      }));
      const limit = kind === 'read' && ids === LIMIT_SIZE ? serversLimit(bench, target, set) : [];
      return [...contenders, ...limit];
    },
  };
}

function serversLimit(bench: Bench, target: BenchTarget, set: EntitySet): Contender[] {
  const { benchmarkPath } = bench;
  if (benchmarkPath === undefined || !bench.wants('redis-benchmark')) return [];
  return BENCHMARK_SHAPES.map((shape) => {
    const ids = LIMIT_IDS_PER_SHARD;
    const measure = (): ReturnType<typeof runRedisBenchmark> =>
      runRedisBenchmark(benchmarkPath, target.benchmarkShards, set, shape, ids);
    return { name: shape.name, idsPerOperation: LIMIT_SIZE, run: measure, measure };
  });
}
