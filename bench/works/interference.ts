/** Single reads while a batch of 200,000 ids runs in the same process, and the same reads without it. */

import { drawIndexes, idOf } from '../data-set.ts';
import type { Contender } from '../interleave.ts';
import type { OpenRival } from '../rival.ts';
import type { Bench, WorkPlan } from './work-plan.ts';
import type { BenchTarget } from '../bench-servers.ts';

const BATCH_IDS = 200_000;
const ID_COUNT = 4_096;

export const ALONE = 'without the batch';
export const DURING = 'during the batch';

export const interference: WorkPlan = {
  name: 'interference',
  title: 'single reads, without and during a batch of 200,000 ids',
  unit: 'id',
  note: 'One reader, one read after the other; the next batch begins when one ends.',
  targets: ['cluster', 'standalone'],
  rounds: 5,
  turnMs: 1_000,
  concurrency: 1,
  contenders: async (bench: Bench, target: BenchTarget) => {
    const { narrow, seed } = bench;
    const batchIds = drawIndexes(seed, BATCH_IDS, narrow.count).map(idOf);
    const ids = drawIndexes(seed + 1, ID_COUNT, narrow.count).map(idOf);
    const pair = (client: OpenRival, suffix: string): Contender[] => {
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
        { name: ALONE + suffix, idsPerOperation: 1, run },
        { name: DURING + suffix, idsPerOperation: 1, run, begin },
      ];
    };
    const ours = await bench.openOurs(target, narrow.prefix);
    const [ioredis] = await bench.open(target, narrow.prefix, ['ioredis-pipelines']);
    return [...pair(ours, ''), ...(ioredis ? pair(ioredis.client, ', ioredis-pipelines') : [])];
  },
};
