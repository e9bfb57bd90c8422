/** Single reads while all entities are counted in the same process, and the same reads without it. */

import { FeatureStore } from 'cluster-feature-store';
import { drawIndexes, idOf } from '../data-set.ts';
import { urlsOf } from '../rivals/feature-store.ts';
import type { WorkPlan } from './work-plan.ts';

const ENTITIES = 1_000_000;
const QUICK_ENTITIES = 100_000;
const ID_COUNT = 4_096;
const TTL_SECONDS = 86_400;

export const NOT_COUNTING = 'without a count';
export const COUNTING = 'while all entities are counted';

export const countEntities: WorkPlan = {
  name: 'count-beside',
  title: 'single reads, without and while 1,000,000 entities are counted',
  unit: 'id',
  note: 'One reader, one read after the other; the next count starts when one ends.',
  targets: ['cluster', 'standalone'],
  rounds: 5,
  turnMs: 1_000,
  concurrency: 1,
  contenders: async (bench, target) => {
    const { narrow, seed } = bench;
    const entityCount = bench.quick ? QUICK_ENTITIES : ENTITIES;
    const nodes = urlsOf(target);
    const counted = await FeatureStore.connect({ nodes, keyPrefix: 'fs:count:' });
    const store = await FeatureStore.connect({ nodes, keyPrefix: narrow.prefix });
    bench.onClose(() => store.close());
    bench.onClose(() => counted.close());
    await counted.bulkLoad(rowsOf(entityCount), { ttlSeconds: TTL_SECONDS });
    const ids = drawIndexes(seed, ID_COUNT, narrow.count).map(idOf);
    const run = (turn: number): Promise<unknown> =>
      store.getFeatures(ids[turn % ID_COUNT] ?? '', narrow.readNames);
    const begin = async (): Promise<() => Promise<void>> => {
      const ending = new AbortController();
      const counts = countUntil(counted, entityCount, ending.signal);
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
