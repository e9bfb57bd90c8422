/**
 * The rows that every client reads, the same for the same seed: some slots hold many of them, as a
 * busy slot does.
 */

import calculateSlot from 'cluster-key-slot';
import { SLOT_COUNT } from '../../rig/local-cluster/node-view.ts';
import { seededRandom } from '../../src/synthetic/seeded-random.ts';

export const KEY_PREFIX = 'faults:';
export const ROW_COUNT = 2_000;
const BUSY_SLOTS = 8;
const ROWS_PER_BUSY_SLOT = 25;
const NAMES = ['country_iso', 'avg_amount_30d', 'tx_count_5m'] as const;

export interface Rows {
  readonly names: readonly string[];
  readonly ids: readonly string[];
  /** By row, in the order of the names. */
  readonly values: readonly (readonly string[])[];
  /** Slots that hold 25 rows each. */
  readonly busySlots: readonly number[];
  /** Every slot that holds a row. */
  readonly slots: readonly number[];
}

export function makeRows(seed: number): Rows {
  const random = seededRandom(seed);
  const places = new Map<number, number>();
  while (places.size < BUSY_SLOTS) places.set(random.integer(0, SLOT_COUNT - 1), 0);
  const busySlots = [...places.keys()];
  const ids: string[] = [];
  let elsewhere = ROW_COUNT - BUSY_SLOTS * ROWS_PER_BUSY_SLOT;
  for (let number = 0; ids.length < ROW_COUNT; number++) {
    const id = `u${number}`;
    const slot = slotOf(id);
    const inSlot = places.get(slot);
    if (inSlot === undefined ? elsewhere-- <= 0 : inSlot >= ROWS_PER_BUSY_SLOT) continue;
    if (inSlot !== undefined) places.set(slot, inSlot + 1);
    ids.push(id);
  }
  const values = ids.map((id) => [
    random.pick(['US', 'GB', 'DE', 'FR']),
    String(random.integer(500, 35_000) / 100),
    `${id}-${random.integer(0, 12)}`, // no other row has it: a swapped row shows
  ]);
  return { names: NAMES, ids, values, busySlots, slots: [...new Set(ids.map(slotOf))] };
}

export function slotOf(id: string): number {
  return calculateSlot(KEY_PREFIX + id);
}
