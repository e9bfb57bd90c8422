/**
 * Single reads while all entities are counted in the same process, and the same reads without it.
 */

import { FeatureStore } from 'cluster-feature-store';
import { drawIndexes, idOf } from '../data-set.ts';
import { urlsOf } from '../rivals/feature-store.ts';
import type { WorkPlan } from './work-plan.ts';

const ENTITIES = 1_000_000;
const QUICK_ENTITIES = 100_000;
const ID_COUNT = 4_096;
const TTL_SECONDS = 86_400;
const NAMES = ['n'];

export const NOT_COUNTING = 'without a count';
export const COUNTING = 'while all entities are counted';

export const countEntities: WorkPlan = {
  name: 'count-beside',
  title: 'single reads, without and while 1,000,000 entities are counted',
  unit: 'id',
  note: 'One store reads, one read after the other, and counts; the next count starts when one ends.',
  targets: ['cluster', 'standalone'],
  rounds: 5,
  turnMs: 1_000,
  concurrency: 1,
  contenders: async (bench, target) => {
    const entityCount = bench.quick ? QUICK_ENTITIES : ENTITIES;
    const store = await FeatureStore.connect({ nodes: urlsOf(target), keyPrefix: 'fs:count:' });
    bench.onClose(() => store.close());
    await store.bulkLoad(rowsOf(entityCount), { ttlSeconds: TTL_SECONDS });
    const ids = drawIndexes(bench.seed, ID_COUNT, entityCount).map(idOf);
    const run = (turn: number): Promise<unknown> =>
      store.getFeatures(ids[turn % ID_COUNT] ?? '', NAMES);
    const begin = async (): Promise<() => Promise<void>> => {
      const ending = new AbortController();
      const counts = countUntil(store, entityCount, ending.signal);
      return async () => {
        ending.abort();
        await counts;
      };
    };
    return [
      { name: NOT_COUNTING, idsPerOperation: 1, run },
      { name: COUNTING, idsPerOperation: 1, run, begin },
    ];
  },
};

async function countUntil(
  store: FeatureStore,
  entityCount: number,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const count = await store.countEntities();
    if (count < entityCount) throw new Error(`${count} of ${entityCount} entities were counted`);
  }
}

function* rowsOf(count: number): Generator<[id: string, features: { readonly n: number }]> {
  for (let index = 0; index < count; index++) yield [idOf(index), { n: index }];
}
