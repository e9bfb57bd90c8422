/**
 * Shares the event loop between bulk work and everything else.
 *
 *   sockets ─▶ online replies are read at once ─▶ timers, callers ─▶ some rows of bulk work ─▶ sockets ─▶ …
 *
 * A turn of the loop reads no more than `rowsPerTurn` rows of bulk replies, over all lanes
 * together, and of online replies no more than takes some milliseconds; what else takes long is
 * done in slices with a turn between two. So what waits for the loop, a single read above all,
 * waits for a slice and not for a batch.
 */

import { setImmediate } from '../../runtime/clock.ts';
import { PROMPT_ROWS_PER_TURN } from '../limits.ts';

/** What is left of a turn. What reads a row takes it from here. */
export interface Turn {
  rowsLeft: number;
}

/**
 * For a turn that reads all that there is. An integer, as V8 counts it down without a heap number.
 */
export const ALL_ROWS = 1_000_000_000;

/** Works until it is done for now, and says true, or until the turn has nothing left. */
export type TurnWork = (turn: Turn) => boolean;

/** When what has arrived is read. */
export interface ReadingTurns {
  /** Whether it is read as it comes, as long as that is not much. */
  readonly arePrompt: boolean;
  /** Has the work done, now or in turns to come. */
  add(work: TurnWork): void;
}

/** For bulk work: each turn of the event loop does some of it. */
export class Turns implements ReadingTurns {
  readonly arePrompt = false;
  readonly #rowsPerTurn: () => number;
  readonly #waiting: TurnWork[] = [];
  readonly #inNextTurn: (take: () => void) => void;
  #scheduled = false;

  constructor(rowsPerTurn: () => number, inNextTurn: (take: () => void) => void = setImmediate) {
    this.#rowsPerTurn = rowsPerTurn;
    this.#inNextTurn = inNextTurn;
  }

  /** Has the work done in the next turn, and if need be in those after it. */
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

/**
 * For online reads: they are read as they come, until so much has come in one turn of the loop that
 * the rest is left to the next.
 */
export class PromptTurns implements ReadingTurns {
  readonly arePrompt = true;
  readonly #later = new Turns(() => PROMPT_ROWS_PER_TURN);
  #turn: Turn = { rowsLeft: PROMPT_ROWS_PER_TURN };
  #isEnding = false;

  add(work: TurnWork): void {
    const turn = this.#turn;
    if (turn.rowsLeft <= 0 || !work(turn)) this.#later.add(work);
    if (turn.rowsLeft >= PROMPT_ROWS_PER_TURN / 2 || this.#isEnding) return;
    this.#isEnding = true;
    setImmediate(this.#end);
  }

  readonly #end = (): void => {
    this.#isEnding = false;
    this.#turn = { rowsLeft: PROMPT_ROWS_PER_TURN };
  };
}
