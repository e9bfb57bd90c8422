/**
 * A cut connection is no news about who owns a slot, so what was sent on it is sent again without
 * asking first.
 */

/**
 * Cuts under the same rows from which on they are a matter of the node: a reply too big for it, or
 * a crash.
 */
const CUTS_IN_A_ROW = 6;
const FIRST_PAUSE_MS = 1;

/**
 * The pause in ms before what was under way on a connection that was cut is sent again: none the
 * first time, then longer and longer, with jitter. Undefined where it was cut too often for that.
 * @param cutsBefore cuts under the same rows so far
 */
export function pauseAfterCut(cutsBefore: number): number | undefined {
  if (cutsBefore >= CUTS_IN_A_ROW) return undefined;
  if (cutsBefore === 0) return 0;
  return FIRST_PAUSE_MS * 2 ** (cutsBefore - 1) * (0.5 + Math.random() / 2);
}
