import { expect, test } from 'vitest';
import { integerOf, namesOf, requirementOf } from '../../src/demo/parameters.ts';

const range = { min: 5, max: 100 };

test.each([
  [undefined, 20],
  [7, 7],
  ['7', 7],
  ['+7', 7],
  [1, 5],
  [-3, 5],
  ['-3', 5],
  [1e300, 100],
  ['999999999999999', 100],
])('%j is taken as %d', (value, expected) => {
  expect(integerOf(value, range, 20)).toBe(expected);
});

test('a default out of range is clamped as well', () => {
  expect(integerOf(undefined, range, 1_000)).toBe(100);
});

test.each([
  [undefined, []],
  ['', []],
  ['a', ['a']],
  [
    ['b', 'a', 'b', ''],
    ['b', 'a'],
  ],
])('names of %j are %j', (field, expected) => {
  expect(namesOf(field)).toEqual(expected);
});

test('a requirement names the parameter', () => {
  expect(requirementOf('/count')).toBe('count must be a whole number');
  expect(requirementOf('/field/3')).toMatch(/^field must be/);
  expect(requirementOf('')).toMatch(/^the parameters must be/);
});
