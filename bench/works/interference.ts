/**
 * Single reads while a batch of 200,000 ids runs in the same process, and the same reads without
 * it.
 */

import { drawIndexes, idOf } from '../data-set.ts';
import type { Contender } from '../interleave.ts';
import { OURS, type OpenRival, type RivalName } from '../rival.ts';
import type { Bench, WorkPlan } from './work-plan.ts';

const BATCH_IDS = 200_000;
const ID_COUNT = 4_096;

export const ALONE = 'without the batch';
export const DURING = 'during the batch';

export const interference: readonly WorkPlan[] = [
  {
    ...workOf('interference', OURS, 5),
    title: 'single reads, without and during a batch of 200,000 ids',
    targets: ['cluster', 'standalone'],
  },
  {
    ...workOf('interference-ioredis', 'ioredis-pipelines', 2),
    title: 'the same with ioredis, one pipeline per shard',
    targets: ['cluster'],
  },
];

function workOf(
  name: string,
  rival: RivalName,
  rounds: number,
): Omit<WorkPlan, 'title' | 'targets'> {
  return {
    name,
    unit: 'id',
    note: 'One reader, one read after the other; the next batch begins when one ends.',
    rounds,
    turnMs: 1_000,
    concurrency: 1,
    contenders: async (bench, target) => {
      const [opened] = await bench.open(target, bench.narrow.prefix, [rival]);
      return opened ? aloneAndDuring(bench, opened.client) : [];
    },
  };
}

function aloneAndDuring({ narrow, seed }: Bench, client: OpenRival): Contender[] {
  const batchIds = drawIndexes(seed, BATCH_IDS, narrow.count).map(idOf);
  const ids = drawIndexes(seed + 1, ID_COUNT, narrow.count).map(idOf);
  const run = (turn: number): Promise<unknown> =>
    client.readOne(ids[turn % ID_COUNT] ?? '', narrow.readNames);
  const begin = async (): Promise<() => Promise<void>> => {
    const ending = new AbortController();
    const batches = (async () => {
      while (!ending.signal.aborted) await client.readBatch(batchIds, narrow.readNames);
    })();
    return async () => {
      ending.abort();
      await batches;
    };
  };
  return [
    { name: ALONE, idsPerOperation: 1, run },
    { name: DURING, idsPerOperation: 1, run, begin },
  ];
}
