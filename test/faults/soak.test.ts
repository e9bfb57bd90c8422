/** The soak itself, for a short time: it strikes, heals, counts, and stops when it is told to. */

import { expect, it, onTestFailed } from 'vitest';
import { runSoak } from '../../rig/soak/run.ts';
import { brokenPromises, newTally } from '../../rig/soak/tally.ts';
import { faultsSeed } from './seed.ts';

it('soaks until it is told to stop, keeps every promise and says what it did', async () => {
  const lines: string[] = [];
  const control = new AbortController();
  onTestFailed(() => console.error(lines.join('\n')));
  const kept = await runSoak({
    minutes: 60,
    seed: faultsSeed,
    portFrom: 22_400,
    signal: control.signal,
    log: (line) => {
      lines.push(line);
      // Three faults of shards, then enough.
      if (lines.filter((one) => one.startsWith('[')).length === 3) control.abort();
    },
  });
  const heard = lines.join('\n');
  expect(heard).toMatch(/^rows checked +\d{4,} in \d+ reads$/mu);
  expect(heard).toMatch(/^faults +\d+ \(/mu);
  expect(heard).toMatch(/^heap and handles at end +[\d.]+ MB, \d+ \(/mu);
  expect(heard).toContain('every promise was kept');
  expect(kept).toBe(true);
});

it('calls a promise broken for whatever must not happen, and not for what was asked for', () => {
  expect(brokenPromises(newTally(1))).toStrictEqual([]);
  const fine = {
    failedRows: { ABORTED: 3 },
    failedWrites: { ABORTED: 2 },
    lostByCause: { 'primary killed': 1 },
    staleReads: 1,
    overtakenWrites: 1,
  };
  expect(brokenPromises({ ...newTally(1), ...fine })).toStrictEqual([]);
  for (const wrong of [
    { wrongValues: 1 },
    { wrongNulls: 1 },
    { wrongReplacements: 1 },
    { wrongTimes: 1 },
    { wrongGhosts: 1 },
    { lostWrites: 1 },
    { wrongTtls: 1 },
    { failedRows: { TIMEOUT: 1 } },
    { failedWrites: { SHARD_UNAVAILABLE: 1 } },
    { violations: ['two rows for three ids'] },
  ]) {
    expect(brokenPromises({ ...newTally(1), ...wrong })).toHaveLength(1);
  }
});
