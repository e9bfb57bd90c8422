/** Compares what a rival read with what the data set says, value by value. */

import { idOf, type EntitySet } from '../data-set.ts';
import type { Row } from '../rival.ts';

export function checkRows(
  who: string,
  set: EntitySet,
  indexes: readonly number[],
  rows: readonly Row[],
): void {
  if (rows.length !== indexes.length) {
    throw new Error(`${who} gave ${rows.length} rows for ${indexes.length} ids`);
  }
  for (const [at, index] of indexes.entries()) checkRow(who, set, index, rows[at]);
}

export function checkRow(who: string, set: EntitySet, index: number, row: Row | undefined): void {
  const expected = set.entity(index);
  for (const [column, name] of set.readNames.entries()) {
    const wanted = String(expected[name]);
    const got = valueOf(row, column, name);
    if (got === wanted) continue;
    throw new Error(`${who} read ${name} of ${idOf(index)} as ${String(got)}, not as ${wanted}`);
  }
}

function valueOf(row: Row | undefined, column: number, name: string): unknown {
  if (isList(row)) return row[column];
  return row?.[name];
}

function isList(row: Row | undefined): row is readonly (string | null)[] {
  return Array.isArray(row);
}
