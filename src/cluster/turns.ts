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

import { setImmediate } from '../clock.ts';

/** What is left of a turn. What reads a row takes it from here. */
export interface Turn {
  rowsLeft: number;
}

/** Rows are counted by their length: one of this many bytes is one, a longer one is several. */
const BYTES_PER_ROW = 512;

/** What reading that many bytes takes from a turn. */
export function rowsWorth(byteCount: number): number {
  return byteCount < 2 * BYTES_PER_ROW ? 1 : Math.floor(byteCount / BYTES_PER_ROW);
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

  constructor(
    rowsPerTurn: () => number,
    inNextTurn: (take: () => void) => void = (take) => setImmediate(take),
  ) {
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

/** Resolves in the next turn of the event loop, after it has looked at the sockets. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Of replies to online reads, over all lanes: some milliseconds. */
const PROMPT_ROWS_PER_TURN = 256;

/** Up to this many items are sorted, and twice as many merged, in a turn: a millisecond or two. */
const SORTED_PER_TURN = 4_096;

/**
 * A sorted copy of however many items: parts are sorted and then merged, a turn of the event loop
 * between two.
 */
export async function sortInTurns<Item>(
  items: readonly Item[],
  compare: (a: Item, b: Item) => number,
): Promise<Item[]> {
  let runs: Item[][] = [];
  for (let from = 0; from < items.length; from += SORTED_PER_TURN) {
    if (from > 0) await nextTurn();
    runs.push(items.slice(from, from + SORTED_PER_TURN).sort(compare));
  }
  while (runs.length > 1) {
    const merged: Item[][] = [];
    for (let at = 0; at < runs.length; at += 2) {
      merged.push(await merge(runs[at] ?? [], runs[at + 1] ?? [], compare));
    }
    runs = merged;
  }
  return runs[0] ?? [];
}

async function merge<Item>(
  left: readonly Item[],
  right: readonly Item[],
  compare: (a: Item, b: Item) => number,
): Promise<Item[]> {
  const merged: Item[] = [];
  let [l, r] = [0, 0];
  while (l < left.length || r < right.length) {
    if (merged.length % (2 * SORTED_PER_TURN) === 0) await nextTurn();
    const isLeft =
      r === right.length || (l < left.length && compare(itemAt(left, l), itemAt(right, r)) <= 0);
    merged.push(isLeft ? itemAt(left, l++) : itemAt(right, r++));
  }
  return merged;
}

function itemAt<Item>(items: readonly Item[], index: number): Item {
  return items[index] as Item; // the index is below the length
}

/** Calls `work` with each item, `perTurn` of them in a turn of the event loop. */
export async function inSlices<Item>(
  items: readonly Item[],
  perTurn: number,
  work: (item: Item, index: number) => void,
): Promise<void> {
  let left = perTurn;
  for (const [index, item] of items.entries()) {
    if (left-- === 0) {
      await nextTurn();
      left = perTurn - 1;
    }
    work(item, index);
  }
}
