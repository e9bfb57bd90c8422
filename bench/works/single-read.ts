/** One id a call: one after the other, and 64 callers at once. */

import { drawIndexes, idOf } from '../data-set.ts';
import type { Contender } from '../interleave.ts';
import { checkRow } from './row-check.ts';
import type { WorkPlan } from './work-plan.ts';

const ID_COUNT = 4_096;

export const singleReads: readonly WorkPlan[] = [
  singleRead('single', 'single reads, one after the other', 1, 150),
  singleRead('single-64', 'single reads, 64 at once', 64, 350),
];

function singleRead(name: string, title: string, concurrency: number, turnMs: number): WorkPlan {
  return {
    name,
    title,
    unit: 'id',
    targets: ['cluster', 'standalone'],
    rounds: 7,
    turnMs,
    concurrency,
    contenders: async (bench, target) => {
      const { narrow } = bench;
      const indexes = drawIndexes(bench.seed, ID_COUNT, narrow.count);
      const ids = indexes.map(idOf);
      const opened = await bench.open(target, narrow.prefix);
      return opened.map(({ name: rival, client }): Contender => ({
        name: rival,
        idsPerOperation: 1,
        run: (turn) => client.readOne(ids[turn % ID_COUNT] ?? '', narrow.readNames),
        check: async () => {
          const sample = indexes.slice(0, 500);
          const rows = await Promise.all(
            sample.map((_, at) => client.readOne(ids[at] ?? '', narrow.readNames)),
          );
          for (const [at, index] of sample.entries()) checkRow(rival, narrow, index, rows[at]);
        },
      }));
    },
  };
}
