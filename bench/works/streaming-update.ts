/** One streaming write a call, 64 callers at once. */

import { idOf, streamFeatures, type EntityRow } from '../data-set.ts';
import type { Contender } from '../interleave.ts';
import { OURS } from '../rival.ts';
import type { WorkPlan } from './work-plan.ts';
import { checkWritten, deleteRows, hasFieldTtl, STREAMING_TTL_SECONDS } from './write.ts';

const ROW_COUNT = 4_096;
const CHECKED_ROWS = 500;
const PREFIX = 'fs:stream-one:';

export const streamingUpdate: WorkPlan = {
  name: 'streaming-64',
  title: 'streaming writes of one row of 5 features, 64 at once: HSETEX',
  unit: 'row',
  targets: ['cluster'],
  rounds: 7,
  turnMs: 350,
  concurrency: 64,
  contenders: async (bench, target) => {
    const rows = Array.from({ length: ROW_COUNT }, (_, index): EntityRow => {
      return [idOf(index), streamFeatures(bench.seed, index)];
    });
    const names = [OURS, 'ioredis-promise-all', 'ioredis-autopipelining'] as const;
    const opened = await bench.open(target, PREFIX, names);
    return opened.map(({ name, client }): Contender => ({
      name,
      idsPerOperation: 1,
      run: (turn) =>
        client.writeStreaming([rows[turn % ROW_COUNT] ?? NO_ROW], STREAMING_TTL_SECONDS),
      check: async () => {
        const checked = rows.slice(0, CHECKED_ROWS);
        await deleteRows(target, PREFIX, checked);
        await Promise.all(
          checked.map((row) => client.writeStreaming([row], STREAMING_TTL_SECONDS)),
        );
        await checkWritten(name, target, { prefix: PREFIX, ttlIsRight: hasFieldTtl }, checked);
      },
    }));
  },
};

const NO_ROW: EntityRow = ['', {}];
