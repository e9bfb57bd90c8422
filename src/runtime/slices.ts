/**
 * Long work in slices, with a turn of the event loop between two: what waits for the loop, a single
 * read above all, waits for a slice and not for all of it.
 */

import { setImmediate } from './clock.ts';

/** Resolves in the next turn of the event loop, after it has looked at the sockets. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

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
