/**
 * Shares the event loop between bulk work and everything else.
 *
 *   sockets ─▶ online replies are read at once ─▶ timers, callers ─▶ some rows of bulk work ─▶ sockets ─▶ …
 *
 * A turn of the loop reads no more than `rowsPerTurn` rows of bulk replies, over all lanes together,
 * and what else takes long is done in slices with a turn between two. So what waits for the loop, a
 * single read above all, waits for a slice and not for a batch.
 */

import { setImmediate } from '../clock.ts';
/** What is left of a turn. Who reads a row takes it from here. */
export interface Turn {
  rowsLeft: number;
}

/** Works until it is done for now, and says true, or until the turn has nothing left. */
export type TurnWork = (turn: Turn) => boolean;

export class Turns {
  readonly #rowsPerTurn: () => number;
  readonly #waiting: TurnWork[] = [];
  readonly #inNextTurn: (take: () => void) => void;
  #scheduled = false;

  constructor(
    rowsPerTurn: () => number,
    inNextTurn: (take: () => void) => void = (take) => setImmediate(take),
  ) {
    this.#rowsPerTurn = rowsPerTurn;
    this.#inNextTurn = inNextTurn;
  }

  /** Has the work done in the next turn, and if need be in those behind it. */
  add(work: TurnWork): void {
    this.#waiting.push(work);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#inNextTurn(this.#take);
  }

  readonly #take = (): void => {
    this.#scheduled = false;
    const turn: Turn = { rowsLeft: this.#rowsPerTurn() };
    try {
      while (turn.rowsLeft > 0) {
        const work = this.#waiting.shift();
        if (work === undefined) return;
        if (!work(turn)) this.#waiting.push(work);
      }
    } finally {
      if (this.#waiting.length > 0) this.#schedule();
    }
  };
}

/** Resolves in the next turn of the event loop, after it has looked at the sockets. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
