/**
 * How soon a connection is opened again.
 *
 *   in use ─▶ cut ─▶ at once ─▶ cut again, or not opened ─▶ after a pause ─▶ after twice that ─▶ …
 *
 * A lost socket is not a lost node: idle timeouts, proxies and CLIENT KILL cut connections to nodes
 * that are well, so the first attempt is made without a pause. A node that cannot be reached, or
 * cuts what it has just accepted, is asked more and more seldom, with jitter.
 */

import { performance } from '../../runtime/clock.ts';
import { FIRST_REOPEN_PAUSE_MS, LONG_LIFE_MS, MAX_REOPEN_PAUSE_MS } from '../limits.ts';

export class ReopenPace {
  /** Ends in a row without a reply in between. */
  #endsInVain = 0;
  #openedAtMs = Number.POSITIVE_INFINITY;

  /** The connection is open. */
  noteOpen(): void {
    this.#openedAtMs = performance.now();
  }

  /** It has brought something. */
  noteUse(): void {
    this.#endsInVain = 0;
  }

  /**
   * The pause in ms before the next attempt.
   * @param isCut whether the other side closed a connection that it had accepted
   */
  pauseAfterEnd(isCut: boolean): number {
    if (performance.now() - this.#openedAtMs >= LONG_LIFE_MS) this.#endsInVain = 0;
    this.#openedAtMs = Number.POSITIVE_INFINITY;
    this.#endsInVain++;
    const pausesBefore = this.#endsInVain - (isCut ? 2 : 1);
    if (pausesBefore < 0) return 0;
    return (
      Math.min(FIRST_REOPEN_PAUSE_MS * 2 ** pausesBefore, MAX_REOPEN_PAUSE_MS) *
      (0.5 + Math.random() / 2)
    );
  }
}
