import { describe, expect, test } from 'vitest';
import { drawIndexes, idOf, narrowSet, wideSet } from '../../bench/data-set.ts';
import { checkRows } from '../../bench/works/row-check.ts';

describe('the data set', () => {
  test('is the same for the same seed, and another for another', () => {
    expect(narrowSet(42).entity(7)).toStrictEqual(narrowSet(42).entity(7));
    expect(narrowSet(42).entity(7)).not.toStrictEqual(narrowSet(43).entity(7));
    expect(narrowSet(42).entity(7)).not.toStrictEqual(narrowSet(42).entity(8));
  });

  test('entities have as many features as is said, and those that are read', () => {
    for (const set of [narrowSet(42), wideSet(42)]) {
      const names = Object.keys(set.entity(99));
      expect(names).toHaveLength(set.featureCount);
      expect(names).toEqual(expect.arrayContaining([...set.readNames]));
    }
  });

  test('ids have the twelve digits that redis-benchmark puts into keys', () => {
    expect(idOf(7)).toBe('u000000000007');
  });

  test('ids are drawn from the whole set', () => {
    const indexes = drawIndexes(42, 10_000, 100);
    expect(new Set(indexes).size).toBe(100);
    expect(Math.max(...indexes)).toBe(99);
  });
});

describe('the check of rows', () => {
  const set = narrowSet(42);
  const values = (index: number): string[] =>
    set.readNames.map((name) => String(set.entity(index)[name]));
  const object = (index: number): Record<string, string> =>
    Object.fromEntries(set.readNames.map((name, at) => [name, values(index)[at] ?? '']));

  test('takes values by position and by name', () => {
    expect(() => checkRows('someone', set, [1, 2], [values(1), object(2)])).not.toThrow();
  });

  test('finds rows in the wrong order, values that are absent, and rows that are missing', () => {
    expect(() => checkRows('someone', set, [1, 2], [values(2), values(1)])).toThrow('someone read');
    expect(() => checkRows('someone', set, [1], [{}])).toThrow('as undefined, not as');
    expect(() => checkRows('someone', set, [1, 2], [values(1)])).toThrow('1 rows for 2 ids');
  });
});
