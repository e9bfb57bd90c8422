/**
 * How fast bulk work may go: as fast as it can while it is alone, and in small steps while there
 * are online reads. A single read then waits for a few dozen rows, here and at the server, and a
 * core is left for it where there are few.
 */

import { performance } from '../clock.ts';
export interface Pace {
  /** Rows of bulk replies that are read in one turn of the event loop, over all lanes. */
  readonly rowsPerTurn: number;
  /**
   * Rows of a chunk that are sent at once, the next when they are answered; beside online reads
   * that many on a link of `linkMs`, and more on a longer one.
   */
  readonly rowsPerWrite: number;
  /** COUNT of a page of SCAN: keys that the server looks at before it answers anybody else. */
  readonly keysPerPage: number;
  /** The least pause after a page of SCAN; with one, pages come one after the other. */
  readonly pagePauseMs: number;
  /** Chunks that may be under way on one lane. */
  readonly chunksInFlight: number;
}

export interface BulkPaces {
  readonly alone: Pace;
  readonly besideOnlineReads: Pace;
  /** The round trip within one rack or machine. */
  readonly linkMs: number;
  /** Without an online read for this long, bulk work is alone. */
  readonly quietMs: number;
}

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
