/** A million ids against a hundred thousand: the time must grow as the ids do. */

import { FeatureStore } from 'cluster-feature-store';
import { drawIndexes, idOf } from '../data-set.ts';
import type { Contender } from '../interleave.ts';
import { urlsOf } from '../rivals/feature-store.ts';
import { checkRows } from './row-check.ts';
import type { WorkPlan } from './work-plan.ts';

const FEW = 100_000;
const MANY = 1_000_000;

export const ONE_CALL = 'batchGetFeatures';
export const STREAM = 'streamFeatures';

export const scaling: WorkPlan = {
  name: 'scaling',
  title: '1,000,000 ids against 100,000',
  unit: 'id',
  targets: ['cluster'],
  rounds: 7,
  turnMs: 2_000, // several of the few: one batch of 0.3 s is at the mercy of the machine
  concurrency: 1,
  contenders: async (bench, target) => {
    const { narrow, seed } = bench;
    const indexes = drawIndexes(seed, MANY, narrow.count);
    const many = indexes.map(idOf);
    const few = many.slice(0, FEW);
    const nodes = urlsOf(target);
    const store = await FeatureStore.connect({ nodes, keyPrefix: narrow.prefix });
    bench.onClose(() => store.close());
    const inOneCall = (ids: readonly string[]): Contender => ({
      name: scalingName(ONE_CALL, ids.length),
      idsPerOperation: ids.length,
      run: () => store.batchGetFeatures(ids, narrow.readNames),
      check: async () => {
        const rows = await store.batchGetFeatures(ids, narrow.readNames);
        checkRows(ONE_CALL, narrow, indexes.slice(0, ids.length), rows);
      },
    });
    const asStream = (ids: readonly string[]): Contender => ({
      name: scalingName(STREAM, ids.length),
      idsPerOperation: ids.length,
      run: async () => {
        let rowCount = 0;
        for await (const { rows } of store.streamFeatures(ids, narrow.readNames)) {
          rowCount += rows.length;
        }
        if (rowCount !== ids.length) throw new Error(`${rowCount} rows for ${ids.length} ids`);
      },
    });
    return [inOneCall(few), inOneCall(many), asStream(few), asStream(many)];
  },
};

export function scalingName(call: string, ids: number): string {
  return `${call}, ${ids === MANY ? '1,000,000' : '100,000'} ids`;
}
