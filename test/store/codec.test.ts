import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { CommandWriter } from '../../src/cluster/resp/command-writer.ts';
import { checkNames, decodeRow, encodeValue, FeatureEncoder } from '../../src/store/codec.ts';
import {
  MAX_FEATURES,
  MAX_NAME_BYTES,
  MAX_ROW_BYTES,
  MAX_VALUE_BYTES,
} from '../../src/store/limits.ts';
import type { FeatureStoreError } from '../../src/errors.ts';
import type { Features } from '../../src/store/features.ts';
import { decodeCommands } from '../cluster/plain-resp.ts';
import { anyText } from '../cluster/unicode.ts';
import { refusalOf } from './refusal.ts';

const finite = { noNaN: true, noDefaultInfinity: true };
const LONE = 'a\uD800b';

/** An object with these own properties, `__proto__` among them if need be. */
function objectOf<Value>(entries: Iterable<readonly [string, Value]>): Record<string, Value> {
  return Object.fromEntries(entries);
}

/** The words that the encoder writes for a row. */
function wordsOf(features: Features, encoder = new FeatureEncoder()): readonly string[] {
  const taken = encoder.take('u1', features);
  const writer = new CommandWriter();
  writer.arrayHeader(2 * taken.names.length);
  encoder.writePairs('u1', taken, writer);
  return decodeCommands(writer.view())[0] ?? [];
}

/** The refusal of a row, which is the same where it is only checked. */
function refusedRow(features: unknown): FeatureStoreError {
  const written = refusalOf(() => wordsOf(features as Features));
  const checked = refusalOf(() => new FeatureEncoder().check('u1', features as Features));
  expect(checked).toMatchObject({ code: written.code, message: written.message });
  return written;
}

function roundTrip(features: Features): Record<string, string> {
  new FeatureEncoder().check('u1', features);
  const words = wordsOf(features);
  return decodeRow(
    words.filter((_, index) => index % 2 === 0),
    words.filter((_, index) => index % 2 === 1),
  );
}

test('features become names and values in turn, as HSET takes them', () => {
  const words = wordsOf({ country: 'DE', amount: 92.4, active: false });
  expect(words).toStrictEqual(['country', 'DE', 'amount', '92.4', 'active', 'false']);
});

test('names alone are written in the same order, as HEXPIRE takes them', () => {
  const encoder = new FeatureEncoder();
  const names = encoder.namesOf('u1', { country: 'DE', é: 1, active: false });
  const writer = new CommandWriter();
  writer.arrayHeader(names.length);
  encoder.writeNames('u1', names, writer);
  expect(decodeCommands(writer.view())).toStrictEqual([['country', 'é', 'active']]);
});

test('one encoder writes row after row, with names that come again, change or grow', () => {
  const encoder = new FeatureEncoder();
  const row = fc.dictionary(anyText.filter(Boolean), fc.integer(), { maxKeys: 5 });
  fc.assert(
    fc.property(fc.array(row), (rows) => {
      for (const features of rows) {
        const expected = Object.entries(features).flatMap(([name, value]) => [name, `${value}`]);
        expect(wordsOf(features, encoder)).toStrictEqual(expected);
      }
    }),
  );
});

test('more distinct names than an encoder remembers are written all the same', () => {
  const encoder = new FeatureEncoder();
  for (let index = 0; index < MAX_FEATURES + 10; index++) wordsOf({ [`f${index}`]: 1 }, encoder);
  expect(wordsOf({ f0: 1, [`f${MAX_FEATURES}`]: 2 }, encoder)).toStrictEqual([
    'f0',
    '1',
    `f${MAX_FEATURES}`,
    '2',
  ]);
});

test.each([
  [0.1 + 0.2, '0.30000000000000004'],
  [1e21, '1e+21'],
  [-1.5e-7, '-1.5e-7'],
  [Number.MAX_SAFE_INTEGER, '9007199254740991'],
  [true, 'true'],
  [false, 'false'],
  ['', ''],
  ['007', '007'],
])('%j is stored as %j', (value, stored) => {
  expect(encodeValue('u1', 'f', value)).toBe(stored);
});

test('whatever is accepted reads back as its string, under any name', () => {
  const text = fc.oneof(
    anyText,
    fc.constantFrom(
      '\0',
      '\r\n',
      '$5\r\nhello\r\n',
      '__proto__',
      'constructor',
      '\uFEFF',
      '😀',
      '0',
    ),
  );
  const value = fc.oneof(text, fc.boolean(), fc.integer(), fc.double(finite));
  const features = fc.uniqueArray(fc.tuple(text.filter(Boolean), value), {
    selector: ([name]) => name,
  });
  fc.assert(
    fc.property(features, (entries) => {
      const row = roundTrip(objectOf(entries));
      const expected = objectOf(entries.map(([name, given]) => [name, String(given)]));
      expect(Object.entries(row)).toStrictEqual(Object.entries(expected));
    }),
  );
});

test('a number reads back as the same number', () => {
  fc.assert(
    fc.property(fc.double(finite), (number) => {
      expect(Number(roundTrip({ f: number })['f'])).toBe(number + 0); // -0 comes back as 0
    }),
  );
});

test('__proto__ is a feature like any other, and makes no prototype', () => {
  const row = decodeRow(['__proto__', 'a'], ['evil', '1']);
  expect(Object.entries(row)).toStrictEqual([
    ['__proto__', 'evil'],
    ['a', '1'],
  ]);
  expect(Object.getPrototypeOf(row)).toBe(Object.prototype);
  row['__proto__'] = 'changed';
  expect(Object.entries(row)[0]).toStrictEqual(['__proto__', 'changed']);
});

test('absent features are left out, empty ones are not, and the order is that of the names', () => {
  const row = decodeRow(['b', 'gone', 'a', 'past the end'], ['2', null, '']);
  expect(Object.entries(row)).toStrictEqual([
    ['b', '2'],
    ['a', ''],
  ]);
});

test.each([
  [Number.NaN, 'NaN'],
  [Number.POSITIVE_INFINITY, 'Infinity'],
  [Number.NEGATIVE_INFINITY, '-Infinity'],
  [undefined, 'undefined'],
  [12n, 'a bigint'],
  [{}, 'object'],
  [new Date(0), 'object'],
  [new Uint8Array([120]).buffer, 'object'],
  [['a'], 'an array'],
  [(): string => 'x', 'a function'],
  [Symbol('x'), 'a symbol'],
])('a value that is %s is refused, with entity, feature and value', (value, shown) => {
  const error = refusedRow({ fine: 1, risk: value });
  expect(error.code).toBe('INVALID_FEATURE');
  expect(error.message).toContain("Entity 'u1'");
  expect(error.message).toContain("Feature 'risk' is ");
  expect(error.message).toContain(shown);
});

test('text with a lone surrogate is refused, with entity and feature', () => {
  const error = refusedRow({ risk: LONE });
  expect(error.code).toBe('INVALID_FEATURE');
  expect(error.message).toBe(
    "Entity 'u1': Feature 'risk' has a lone surrogate, which UTF-8 cannot hold.",
  );
});

test.each([
  ['', 'must not be empty'],
  [LONE, "'a\uFFFDb' has a lone surrogate"],
  [
    'é'.repeat(MAX_NAME_BYTES / 2 + 1),
    `has ${MAX_NAME_BYTES + 2} bytes; the limit is ${MAX_NAME_BYTES}`,
  ],
])('the feature name %j is refused where it is written and where it is read', (name, reason) => {
  const written = refusedRow({ [name]: 1 });
  expect(written.code).toBe('INVALID_FEATURE');
  expect(written.message).toContain("Entity 'u1': A feature name ");
  expect(written.message).toContain(reason);
  const asked = refusalOf(() => checkNames(['fine', name]));
  expect(asked.code).toBe('INVALID_FEATURE');
  expect(asked.message).toContain(reason);
});

test('a name may have as many bytes as the limit says', () => {
  const name = 'é'.repeat(MAX_NAME_BYTES / 2);
  expect(wordsOf({ [name]: 1 })).toStrictEqual([name, '1']);
});

test('a value may have as many bytes as the limit says, and not one more', () => {
  const longest = 'é'.repeat(MAX_VALUE_BYTES / 2);
  expect(encodeValue('u1', 'f', longest)).toBe(longest);
  const error = refusalOf(() => encodeValue('u1', 'f', `${longest}x`));
  expect(error.code).toBe('INVALID_FEATURE');
  expect(error.message).toContain(
    `has ${MAX_VALUE_BYTES + 1} bytes; the limit is ${MAX_VALUE_BYTES}`,
  );
  expect(error.message.length).toBeLessThan(200);
});

test('a row may have as many features as the limit says, and not one more', () => {
  const names = Array.from({ length: MAX_FEATURES }, (_, index) => `f${index}`);
  const features = objectOf(names.map((name) => [name, 1] as const));
  expect(wordsOf(features)).toHaveLength(2 * MAX_FEATURES);
  const error = refusedRow({ ...features, more: 1 });
  expect(error.code).toBe('INVALID_FEATURE');
  expect(error.message).toContain(`${MAX_FEATURES + 1} features; the limit is ${MAX_FEATURES}`);
  expect(refusalOf(() => checkNames([...names, 'more'])).message).toContain(`${MAX_FEATURES + 1}`);
});

test.each([null, undefined, 'text', 7, ['a', 1], new Map([['a', 1]]), new Set(['a'])])(
  '%j is not an object of features',
  (features) => {
    const error = refusedRow(features);
    expect(error.code).toBe('INVALID_FEATURE');
    expect(error.message).toContain("Entity 'u1': The features must be an object");
  },
);

test.each([undefined, 'country', new Set(['a'])])('names that are %s are no array', (given) => {
  expect(refusalOf(() => checkNames(given))).toMatchObject({ code: 'INVALID_FEATURE' });
});

test('a name that is no text is refused by what it is', () => {
  expect(refusalOf(() => checkNames([7])).message).toContain('must be a string, but is 7');
});

test('values go with their names, whatever order a proxy lists them in', () => {
  let listed = 0;
  const features = new Proxy({ a: '1', b: '2' } as Features, {
    ownKeys: () => (listed++ % 2 === 0 ? ['a', 'b'] : ['b', 'a']),
  });
  for (let time = 0; time < 4; time++) {
    const words = wordsOf(features);
    const byName = Object.fromEntries([
      [words[0], words[1]],
      [words[2], words[3]],
    ]);
    expect(byName).toStrictEqual({ a: '1', b: '2' });
  }
});

test('a row has a limit, checked or written', () => {
  const value = 'x'.repeat(MAX_VALUE_BYTES);
  const features = Object.fromEntries(Array.from({ length: 9 }, (_, n) => [`f${n}`, value]));
  const error = refusedRow(features);
  expect(error.code).toBe('INVALID_FEATURE');
  expect(error.message).toContain(`more than ${MAX_ROW_BYTES} bytes`);
});

test('integers are stored as their digits', () => {
  const integer = fc.oneof(
    fc.integer({ min: 0, max: 2 ** 31 + 5 }),
    fc.maxSafeInteger(),
    fc.constantFrom(0, -0, 9, 10, 2 ** 31 - 1, 2 ** 31, 2 ** 53 - 1, 1e21),
  );
  fc.assert(
    fc.property(integer, (value) => {
      expect(wordsOf({ n: value })).toStrictEqual(['n', String(value)]);
    }),
    { numRuns: 10_000 },
  );
});
