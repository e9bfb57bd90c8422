/**
 * Text that somebody might send to break a store, and what must become of it. The rules are written
 * here anew, from docs/options.md and docs/errors.md, so that a mistake in the store's own cannot
 * hide.
 */

import * as fc from 'fast-check';

const MEGABYTE = 1_048_576;
const MAX_TEXT_BYTES = 4_096;

/**
 * What separates, ends or means something to somebody: to Redis, to globs, to JavaScript, to a
 * page.
 */
const PIECES = [
  ['{', '}', '{}', '{a}', '*', '?', '[', ']', '[a-z]', '[^a]', '^', '-', '\\', '\\*', ':'],
  ['\r\n', '\n', '\r', '\0', '\u001B[2J', '\u007F', '\u0085', '\u2028', '\u202E', ' ', '\t'],
  ['$5\r\nhello\r\n', '*1\r\n$8\r\nFLUSHALL\r\n', '-ERR x\r\n', '+OK\r\n', ':1\r\n', '_\r\n'],
  ['__proto__', 'constructor', 'prototype', 'toString', 'valueOf', 'hasOwnProperty', 'then'],
  ['\uD800', '\uDFFF', '\uD83D', '😀', 'é', '\uFEFF', '\u0000\uFFFF', 'ﬀ', 'e\u0301'],
  ['0', '-0', '007', '1e999', 'NaN', 'null', 'undefined', 'true', 'nil', 'FIELDS', 'EX', 'NX'],
  ['<img src=x onerror=alert(1)>', '"', "'", '`', '${x}', '%00', '../..', 'a', 'b', 'u0001'],
].flat();

/** At and just over the limits, and far over them. */
const LONG = [
  'x'.repeat(MAX_TEXT_BYTES),
  'x'.repeat(MAX_TEXT_BYTES + 1),
  'é'.repeat(MAX_TEXT_BYTES / 2),
  `${'é'.repeat(MAX_TEXT_BYTES / 2)}x`,
  '😀'.repeat(MAX_TEXT_BYTES / 4),
  '\uD800'.repeat(MAX_TEXT_BYTES),
] as const;

const joined = fc
  .array(fc.constantFrom(...PIECES), { minLength: 0, maxLength: 4 })
  .map((parts) => parts.join(''));

/** Now and then, by its number: a failure must not print a megabyte. */
const megabyte = fc.constantFrom('x', 'é', '{').map((text) => text.repeat(MEGABYTE / text.length));

export const hostileText: fc.Arbitrary<string> = fc.oneof(
  { weight: 8, arbitrary: joined },
  { weight: 4, arbitrary: fc.constantFrom(...PIECES) },
  { weight: 4, arbitrary: fc.string({ unit: 'binary', maxLength: 24 }) },
  { weight: 1, arbitrary: fc.constantFrom(...LONG) },
  { weight: 1, arbitrary: fc.constant('') },
);

/** The same, and sometimes a megabyte. */
export const anySizeText: fc.Arbitrary<string> = fc.oneof(
  { weight: 1_000, arbitrary: hostileText },
  { weight: 1, arbitrary: megabyte },
);

/** What is no text at all, and yet comes where text is expected. */
export const notText: fc.Arbitrary<unknown> = fc.constantFrom<unknown>(
  undefined,
  null,
  0,
  7,
  Number.NaN,
  10n,
  true,
  Symbol('id'),
  {},
  [],
  ['u1'],
  new Date(0),
  Buffer.from('u1'),
  Object('u1'),
  () => 'u1',
);

export function utf8Bytes(text: string): number {
  return new TextEncoder().encode(text).length;
}

export function hasLoneSurrogate(text: string): boolean {
  return /\p{Surrogate}/u.test(text);
}

/** Whether it can be an id of the store. */
export function isId(id: unknown): id is string {
  return isName(id) && !/[{}]/.test(id);
}

/** Whether it can be the name of a feature. */
export function isName(name: unknown): name is string {
  if (typeof name !== 'string' || name === '' || hasLoneSurrogate(name)) return false;
  return utf8Bytes(name) <= MAX_TEXT_BYTES;
}
