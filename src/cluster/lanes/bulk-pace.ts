/**
 * How fast bulk work may go: as fast as it can while it is alone, and in small steps while there
 * are online reads. A single read then waits for a few dozen rows, here and at the server, and a
 * core is left for it where there are few.
 */

import { performance } from '../../runtime/clock.ts';
import type { BulkPaces, Pace } from '../limits.ts';

export class BulkPace {
  readonly #paces: BulkPaces;
  readonly #nowMs: () => number;
  #onlineAtMs = Number.NEGATIVE_INFINITY;

  constructor(paces: BulkPaces, nowMs: () => number = performance.now) {
    this.#paces = paces;
    this.#nowMs = nowMs;
  }

  /** @param atMs by the same clock */
  noteOnline(atMs: number): void {
    this.#onlineAtMs = atMs;
  }

  get now(): Pace {
    const { alone, besideOnlineReads, quietMs } = this.#paces;
    return this.#nowMs() - this.#onlineAtMs < quietMs ? besideOnlineReads : alone;
  }

  /**
   * Where a round trip takes long, more rows go in one: a single read, which takes that long too,
   * hardly notices what they cost the server, and bulk work would come to a stand.
   */
  rowsPerWrite(roundTripMs: number | undefined): number {
    const { alone, linkMs } = this.#paces;
    const { rowsPerWrite } = this.now;
    const links = Math.max(1, (roundTripMs ?? 0) / linkMs);
    return Math.min(Math.round(rowsPerWrite * links), alone.rowsPerWrite);
  }
}
