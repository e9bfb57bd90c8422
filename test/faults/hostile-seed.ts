/**
 * Runs a fast-check property so that it can be run again: FAULTS_SEED chooses, and a failure
 * reports it.
 */

import * as fc from 'fast-check';
import { faultsSeed } from './seed.ts';

const LONGEST_REPORT = 4_000;

/** Checks `runs` examples; each may hold many cases. */
export async function holds<Values>(
  property: fc.IAsyncPropertyWithHooks<Values> | fc.IPropertyWithHooks<Values>,
  runs: number,
): Promise<void> {
  try {
    await fc.assert(property as fc.IAsyncProperty<Values>, {
      seed: faultsSeed,
      numRuns: runs,
      interruptAfterTimeLimit: 120_000,
      markInterruptAsFailure: true,
    });
  } catch (error) {
    const report = error instanceof Error ? error.message : String(error);
    const cause = error instanceof Error ? error.cause : error;
    // oxlint-disable-next-line preserve-caught-error -- its message can be megabytes long
    throw new Error(`Again with FAULTS_SEED=${faultsSeed}. ${report.slice(0, LONGEST_REPORT)}`, {
      cause,
    });
  }
}
