/**
 * The workload in a test: seeded from FAULTS_SEED, ended with the test, the seed printed when it
 * fails.
 */

import { expect, onTestFailed, onTestFinished } from 'vitest';
import { total, type Tally } from '../../rig/soak/tally.ts';
import { Workload, type WorkloadOptions } from '../../rig/soak/workload.ts';
import { faultsSeed } from './seed.ts';

/** Every entity is loaded when this resolves, and readers and writers run. */
export async function startWorkload(options: Omit<WorkloadOptions, 'seed'>): Promise<Workload> {
  const workload = await Workload.start({ ...options, seed: faultsSeed });
  onTestFailed(() => console.error(`FAULTS_SEED=${faultsSeed}`));
  onTestFinished(() => workload.halt());
  return workload;
}

/**
 * No row wrong, none absent that exists, none half replaced, no event time that went back, no
 * ghost, no acknowledged write lost, both TTL layers as they must be.
 */
export function expectNothingWrong(tally: Tally): void {
  expect(tally.violations).toStrictEqual([]);
  expect(tally).toMatchObject({
    wrongValues: 0,
    wrongNulls: 0,
    wrongReplacements: 0,
    wrongTimes: 0,
    wrongGhosts: 0,
    lostWrites: 0,
    wrongTtls: 0,
  });
  expect(tally.rows).toBeGreaterThan(0);
  expect(tally.acknowledgedRows).toBeGreaterThan(0);
  expect(tally.ttlChecks).toBeGreaterThan(0);
}

/** And besides: no call failed for any id, nothing was lost for any reason. */
export function expectNothingFailed(tally: Tally): void {
  expectNothingWrong(tally);
  expect(tally.failedRows).toStrictEqual({});
  expect(tally.failedWrites).toStrictEqual({});
  expect(total(tally.lostByCause) + tally.staleReads + tally.overtakenWrites).toBe(0);
}
