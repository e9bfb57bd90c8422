/**
 * A cut connection is no news about who owns a slot, so what was sent on it is sent again without
 * asking first.
 */

import { FeatureStoreError } from '../../errors.ts';
import type { Address } from '../address.ts';
import { CUTS_IN_A_ROW, FIRST_PAUSE_AFTER_CUT_MS } from '../limits.ts';

/**
 * The pause in ms before what was under way on a connection that was cut is sent again: none the
 * first time, then longer and longer, with jitter. Undefined where it was cut too often for that.
 * @param cutsBefore cuts under the same rows so far
 */
export function pauseAfterCut(cutsBefore: number): number | undefined {
  if (cutsBefore >= CUTS_IN_A_ROW) return undefined;
  if (cutsBefore === 0) return 0;
  return FIRST_PAUSE_AFTER_CUT_MS * 2 ** (cutsBefore - 1) * (0.5 + Math.random() / 2);
}

/** What was seen where a node closes the connection again and again, and what it mostly means. */
export function cutOff(shard: Address, cuts: number, cause: FeatureStoreError): FeatureStoreError {
  return new FeatureStoreError(
    'CONNECTION_LOST',
    `${cause.message} ${shard} closed the connection ${cuts} times in the middle of the reply ` +
      'to this one row. The reply may be larger than the server allows: raise ' +
      'client-output-buffer-limit normal or maxmemory-clients there, or read fewer features.',
    { cause },
  );
}
