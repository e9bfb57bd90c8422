import { expect, test } from 'vitest';
import {
  checkFunction,
  checkInteger,
  checkKeys,
  checkSignal,
  checkTimeLeftMs,
  checkTimeoutMs,
  checkTtlSeconds,
  show,
} from '../../src/store/option-checks.ts';
import { MAX_TTL_SECONDS } from '../../src/store/limits.ts';
import { refusalOf } from './refusal.ts';

test('a whole number within its bounds is given back', () => {
  const bounds = { min: 1, max: 9 };
  expect([1, 5, 9].map((value) => checkInteger('x', value, bounds))).toStrictEqual([1, 5, 9]);
});

test.each([0, 10, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '5', null, undefined, 5n, [5]])(
  '%s is no whole number from 1 to 9',
  (value) => {
    const error = refusalOf(() => checkInteger('a.b', value, { min: 1, max: 9 }));
    expect(error.code).toBe('INVALID_OPTION');
    expect(error.message).toBe(`a.b must be a whole number from 1 to 9, but is ${show(value)}.`);
  },
);

test('a TTL is at least 1 and at most what servers can hold', () => {
  expect(checkTtlSeconds('x', 1)).toBe(1);
  expect(checkTtlSeconds('x', MAX_TTL_SECONDS)).toBe(MAX_TTL_SECONDS);
  for (const bad of [0, MAX_TTL_SECONDS + 1, 1.5]) {
    expect(refusalOf(() => checkTtlSeconds('x', bad)).message).toContain(`1 to ${MAX_TTL_SECONDS}`);
  }
});

test.each([0.5, 1, 12.75, 3e9, Number.POSITIVE_INFINITY])('a time-out may be %d ms', (ms) => {
  expect(checkTimeoutMs('x', ms)).toBe(ms);
  expect(checkTimeLeftMs('x', ms)).toBe(ms);
});

test('a store has some time; of a call it may be used up', () => {
  for (const nothing of [0, -1, Number.NEGATIVE_INFINITY]) {
    expect(refusalOf(() => checkTimeoutMs('x', nothing)).code).toBe('INVALID_OPTION');
    expect(checkTimeLeftMs('x', nothing)).toBe(nothing);
  }
  for (const bad of [Number.NaN, '5', null, 5n]) {
    expect(refusalOf(() => checkTimeLeftMs('x', bad)).code).toBe('INVALID_OPTION');
  }
});

test('an unknown key is refused by its path, with the known ones', () => {
  expect(() => checkKeys('call options', { b: 1 }, ['a', 'b'])).not.toThrow();
  const error = refusalOf(() => checkKeys('call options', { b: 1, c: undefined }, ['a', 'b']));
  expect(error.code).toBe('INVALID_OPTION');
  expect(error.message).toBe('call options.c is not an option; known are a, b.');
});

test.each([null, undefined, 7, 'text', ['a']])('options that are %j are no options', (options) => {
  const error = refusalOf(() => checkKeys('call options', options, ['a']));
  expect(error.message).toContain('call options must be an object of options, but is ');
});

test('a signal is an AbortSignal or nothing', () => {
  const { signal } = new AbortController();
  expect(checkSignal('x', signal)).toBe(signal);
  expect(checkSignal('x', undefined)).toBeUndefined();
  for (const value of [null, {}, new AbortController()]) {
    expect(refusalOf(() => checkSignal('a.signal', value)).message).toContain(
      'a.signal must be an AbortSignal',
    );
  }
});

test('a function is a function or nothing', () => {
  expect(() => checkFunction('x', undefined)).not.toThrow();
  expect(() => checkFunction('x', () => 1)).not.toThrow();
  for (const value of [null, 'call', {}]) {
    expect(refusalOf(() => checkFunction('a.b', value)).message).toContain(
      'a.b must be a function, but is ',
    );
  }
});

test.each([
  ['text', "'text'"],
  ['', "''"],
  ['x'.repeat(60), `'${'x'.repeat(60)}'`],
  ['x'.repeat(61), `'${'x'.repeat(60)}…' (61 characters)`],
  [1.5, '1.5'],
  [Number.NaN, 'NaN'],
  [10n, '10'],
  [true, 'true'],
  [null, 'null'],
  [undefined, 'undefined'],
  [[1, 2], 'an array'],
  [(): void => undefined, 'a function'],
])('%s is shown as %s', (value, shown) => {
  expect(show(value)).toBe(shown);
});

test('what is in an object is not shown', () => {
  expect(show({ password: 'secret' })).not.toContain('secret');
  expect(show(['secret'])).not.toContain('secret');
});
