import { expect, test } from 'vitest';
import { ColumnValues } from '../../../src/cluster/resp/column-values.ts';
import { MAX_TABLE_BYTES } from '../../../src/cluster/resp/string-table.ts';
import { readerOf } from './replies.ts';

/** How many values in a row were looked up, then were not, then were again, … */
class Streaks {
  readonly lookedUp: number[] = [];
  readonly passed: number[] = [];
  #last: boolean | undefined;

  note(isLookedUp: boolean): void {
    const streaks = isLookedUp ? this.lookedUp : this.passed;
    if (isLookedUp === this.#last) streaks[streaks.length - 1] = (streaks.at(-1) ?? 0) + 1;
    else streaks.push(1);
    this.#last = isLookedUp;
  }
}

/**
 * Has so many values looked up as the reader does it; `isKnown` says whether a value is in the
 * table.
 */
function learn(
  columns: ColumnValues,
  column: number,
  count: number,
  isKnown: (value: number) => boolean,
): Streaks {
  const streaks = new Streaks();
  for (let value = 0; value < count; value++) {
    const isLookedUp = columns.repeats(column);
    if (isLookedUp) columns.learn(column, isKnown(value));
    streaks.note(isLookedUp);
  }
  return streaks;
}

const always = (): boolean => true;
const never = (): boolean => false;

test('they begin as nulls, as many as there are columns', () => {
  const columns = new ColumnValues(3);
  expect(columns.values).toStrictEqual([null, null, null]);
  expect(columns.presentCount).toBe(0);
});

test('a column whose values come again is looked up for ever', () => {
  const { lookedUp, passed } = learn(new ColumnValues(1), 0, 100_000, always);
  expect([lookedUp, passed]).toStrictEqual([[100_000], []]);
});

test('so is one of which only two in three come again, or one that has bad times', () => {
  const mostly = learn(new ColumnValues(1), 0, 100_000, (value) => value % 3 !== 0);
  expect(mostly.passed).toStrictEqual([]);
  const badTimes = learn(new ColumnValues(1), 0, 100_000, (value) => value % 1_000 >= 60);
  expect(badTimes.passed).toStrictEqual([]);
});

test('a column whose values never come again is tried now and then, and passed for thousands', () => {
  const { lookedUp, passed } = learn(new ColumnValues(1), 0, 100_000, never);
  expect(lookedUp[0]).toBe(64);
  expect(passed.length).toBeGreaterThan(20);
  for (const count of lookedUp.slice(1, -1)) expect(count).toBe(8);
  for (const count of passed.slice(0, -1)) {
    expect(count).toBeGreaterThanOrEqual(4_096);
    expect(count).toBeLessThanOrEqual(4_100);
  }
});

test('a column whose values come again from some time on is looked up from the next try on', () => {
  const columns = new ColumnValues(1);
  learn(columns, 0, 70, never); // 64, and 6 of the pause
  const { lookedUp, passed } = learn(columns, 0, 20_000, always);
  expect(passed).toHaveLength(1);
  expect(lookedUp).toStrictEqual([20_000 - (passed[0] ?? 0)]);
  // It has its full credit again, and no more than that.
  expect(learn(columns, 0, 1_000, never).lookedUp).toStrictEqual([64]);
});

test('columns do not know of each other', () => {
  const columns = new ColumnValues(3);
  learn(columns, 1, 100, never);
  expect(learn(columns, 2, 1_000, (value) => value % 3 !== 0).passed).toStrictEqual([]);
  expect([0, 1, 2].map((column) => columns.repeats(column))).toStrictEqual([true, false, true]);
});

/** A row of these values. */
const rowOf = (...values: readonly string[]): string =>
  `*${values.length}\r\n${values.map((value) => `$${value.length}\r\n${value}\r\n`).join('')}`;

test('rows that are read teach which columns repeat, and the values are right all the time', () => {
  const columns = new ColumnValues(3);
  const long = 'x'.repeat(MAX_TABLE_BYTES + 1);
  const wrong: string[] = [];
  for (let row = 0; row < 10_000; row++) {
    const values = [`c${row % 50}`, `u${row}`, long];
    readerOf(rowOf(...values)).readStrings(columns);
    if (columns.values.join() !== values.join()) wrong.push(`${columns.values.join()} in ${row}`);
  }
  expect(wrong).toStrictEqual([]);
  // Values that are too long are not asked for, and cost their column nothing.
  expect([0, 1, 2].map((column) => columns.repeats(column))).toStrictEqual([true, false, true]);
});
