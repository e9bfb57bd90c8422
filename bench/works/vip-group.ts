/**
 * A VIP group, whose keys share a slot, against the same ids spread over the cluster, and against
 * what redis-benchmark gets from the one shard that owns the slot. Some callers at once, as
 * redis-benchmark has.
 */

import { FeatureStore } from 'cluster-feature-store';
import { drawIndexes, idOf } from '../data-set.ts';
import type { Contender } from '../interleave.ts';
import type { BenchTarget } from '../bench-servers.ts';
import { urlsOf } from '../rivals/feature-store.ts';
import { BENCHMARK_SHAPES, runRedisBenchmark } from '../rivals/redis-benchmark.ts';
import { checkRows } from './row-check.ts';
import type { Bench, WorkPlan } from './work-plan.ts';

const TTL_SECONDS = 86_400;

export const GROUP = 'VIP group';
export const SPREAD = 'spread ids';

export const VIP_SIZES = [100, 1_000, 10_000] as const;
const CALLERS: Readonly<Record<(typeof VIP_SIZES)[number], number>> = { 100: 8, 1000: 4, 10000: 2 };
const LIMIT_IDS = 60_000;

export const vipGroups: readonly WorkPlan[] = VIP_SIZES.map((members) => ({
  name: vipName(members),
  title: `VIP group of ${members.toLocaleString('en-US')} against the same ids spread`,
  unit: 'id',
  note: `${CALLERS[members]} callers at once; redis-benchmark reads from the shard of the group.`,
  targets: ['cluster', 'standalone'],
  rounds: 7,
  turnMs: 200,
  concurrency: CALLERS[members],
  contenders: async (bench, target) => {
    const { narrow, seed } = bench;
    const indexes = [...new Set(drawIndexes(seed, members, narrow.count))];
    const ids = indexes.map(idOf);
    const store = await FeatureStore.connect({
      nodes: urlsOf(target),
      keyPrefix: `fs:vip${members}:`,
      vipGroups: { vip: ids },
    });
    bench.onClose(() => store.close());
    await store.bulkLoad(
      indexes.map((index) => [idOf(index), narrow.entity(index)] as const),
      { ttlSeconds: TTL_SECONDS },
    );
    const group = store.vipGroup('vip');
    const spread = await bench.openOurs(target, narrow.prefix);
    const contender = (
      name: string,
      read: () => ReturnType<typeof spread.readBatch>,
    ): Contender => ({
      name,
      idsPerOperation: ids.length,
      run: read,
      check: async () => checkRows(name, narrow, indexes, await read()),
    });
    return [
      contender(GROUP, () => group.batchGetFeatures(narrow.readNames)),
      contender(SPREAD, () => spread.readBatch(ids, narrow.readNames)),
      ...limitOf(bench, target, group.shard()),
    ];
  },
}));

export function vipName(members: number): string {
  return `vip-${members}`;
}

function limitOf(bench: Bench, target: BenchTarget, shard: string | undefined): Contender[] {
  const { benchmarkPath } = bench;
  const [shape] = BENCHMARK_SHAPES;
  const owner = target.benchmarkShards.find(({ node }) => `${node.host}:${node.port}` === shard);
  if (!benchmarkPath || !shape || !owner || !bench.wants('redis-benchmark')) return [];
  const measure = (): ReturnType<typeof runRedisBenchmark> =>
    runRedisBenchmark(benchmarkPath, [owner], bench.narrow, shape, LIMIT_IDS);
  return [{ name: shape.name, idsPerOperation: LIMIT_IDS, run: measure, measure }];
}
