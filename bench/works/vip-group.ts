/** A VIP group, whose keys share a slot, against the same ids spread over the cluster. */

import { FeatureStore } from 'cluster-feature-store';
import { drawIndexes, idOf } from '../data-set.ts';
import type { Contender } from '../interleave.ts';
import { urlsOf } from '../rivals/feature-store.ts';
import { checkRows } from './row-check.ts';
import type { WorkPlan } from './work-plan.ts';

const MEMBERS = 100;
const TTL_SECONDS = 86_400;

export const GROUP = 'VIP group';
export const SPREAD = 'spread ids';

export const vipGroup: WorkPlan = {
  name: 'vip-100',
  title: 'VIP group of 100 against the same ids spread',
  unit: 'id',
  targets: ['cluster', 'standalone'],
  rounds: 7,
  turnMs: 200,
  concurrency: 1,
  contenders: async (bench, target) => {
    const { narrow, seed } = bench;
    const indexes = [...new Set(drawIndexes(seed, MEMBERS, narrow.count))];
    const ids = indexes.map(idOf);
    const store = await FeatureStore.connect({
      nodes: urlsOf(target),
      keyPrefix: 'fs:vip:',
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
    ];
  },
};
