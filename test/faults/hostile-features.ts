/** Features that somebody might hand over, and what of them must be stored, if anything. */

import * as fc from 'fast-check';
import { anySizeText, hasLoneSurrogate, hostileText, isName } from './hostile-text.ts';

/** How the features come. What is made of it is in `featuresOf`: a failure prints the recipe. */
export interface FeatureRecipe {
  readonly container: Container;
  readonly entries: readonly (readonly [name: string, value: unknown])[];
}

const OBJECTS = ['plain', 'null prototype', 'frozen', 'class', 'proxy', 'getters', 'Map'] as const;
const HOSTILE_OBJECTS = ['throwing getter', 'throwing proxy', 'revoked proxy'] as const;
const NO_OBJECTS: Readonly<Record<string, unknown>> = {
  null: null,
  undefined: undefined,
  number: 7,
  text: 'risk=low',
  bigint: 10n,
  symbol: Symbol('features'),
  array: [['a', 1]],
  Set: new Set(['a']),
  Date: new Date(0),
  Promise: Promise.resolve({ a: 1 }),
  Buffer: Buffer.from('abc'),
  'typed array': new Float64Array([1, 2]),
  'boxed text': Object('abc'),
  'boxed number': Object(1),
  RegExp: /a/,
  Error: new Error('a'),
  function: (): object => ({ a: 1 }),
  WeakMap: new WeakMap(),
  ArrayBuffer: new ArrayBuffer(2),
  iterator: [1].values(),
};

/** One of the three lists. */
type Container = string;

const numbers = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
  fc.constantFrom(0, -0, 5e-324, 1e21, 2 ** 53 + 2, Number.MAX_VALUE, 0.1 + 0.2),
);

export const storedValue: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 4, arbitrary: anySizeText.filter((text) => !hasLoneSurrogate(text)) },
  { weight: 2, arbitrary: numbers },
  { weight: 1, arbitrary: fc.boolean() },
);

export const refusedValue: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    undefined,
    10n,
    10n ** 5_000n,
    Symbol('value'),
    {},
    ['a'],
    new Date(0),
    new Map(),
    new Uint8Array([120]).buffer,
    Object('boxed'),
    Object(1),
    { toString: () => 'x', valueOf: () => 1, toJSON: () => 'x' },
    { [Symbol.toPrimitive]: () => 1 },
    () => 'x',
  ),
  hostileText.map((text) => `${text}\uD800`),
);

const name = hostileText.filter((text) => isName(text));
const badName = fc.oneof(
  hostileText.filter((text) => !isName(text)),
  fc.constantFrom('x'.repeat(1_048_576), 'é'.repeat(5_000)),
);
const goodEntries = fc.array(fc.tuple(name, storedValue), { minLength: 1, maxLength: 5 });

export const storedFeatures: fc.Arbitrary<FeatureRecipe> = fc.record({
  container: fc.constantFrom(...OBJECTS.filter((container) => container !== 'Map')),
  entries: goodEntries,
});

export const refusedFeatures: fc.Arbitrary<FeatureRecipe> = fc.oneof(
  fc.record({
    container: fc.constantFrom('Map', ...HOSTILE_OBJECTS),
    entries: goodEntries,
  }),
  fc.record({
    container: fc.constantFrom(...Object.keys(NO_OBJECTS)),
    entries: fc.constant([]),
  }),
  fc
    .tuple(fc.constantFrom('plain', 'proxy'), goodEntries, name, refusedValue)
    .map(([container, entries, at, value]) => recipe(container, [...entries, [at, value]])),
  fc
    .tuple(fc.constantFrom('plain', 'proxy'), goodEntries, badName)
    .map(([container, entries, bad]) => recipe(container, [[bad, 1], ...entries])),
);

function recipe(container: Container, entries: FeatureRecipe['entries']): FeatureRecipe {
  return { container, entries };
}

/** What must be read back: the last value of each name. */
export function storedIn({ entries }: FeatureRecipe): Map<string, string> {
  return new Map(entries.map(([key, value]) => [key, String(value)]));
}

export function featuresOf({ container, entries }: FeatureRecipe): unknown {
  const plain = Object.fromEntries(entries); // `__proto__` becomes a property of its own
  switch (container) {
    case 'plain':
      return plain;
    case 'null prototype':
      return Object.setPrototypeOf(plain, null);
    case 'frozen':
      return Object.freeze(plain);
    case 'class':
      return Object.setPrototypeOf(plain, Row.prototype);
    case 'proxy':
      return new Proxy(plain, {});
    case 'getters':
      return withGetters(entries);
    case 'Map':
      return new Map(entries);
    case 'throwing getter':
      return Object.defineProperty(plain, 'broken', { get: explode, enumerable: true });
    case 'throwing proxy':
      return new Proxy(plain, { ownKeys: explode });
    case 'revoked proxy': {
      const { proxy, revoke } = Proxy.revocable(plain, {});
      revoke();
      return proxy;
    }
    default:
      return NO_OBJECTS[container];
  }
}

class Row {
  describe(): string {
    return 'not a feature: it is inherited';
  }
}

function withGetters(entries: FeatureRecipe['entries']): object {
  const object = {};
  for (const [key, value] of entries) {
    Object.defineProperty(object, key, { get: () => value, enumerable: true, configurable: true });
  }
  return object;
}

function explode(): never {
  throw new Error('a trap of the caller');
}
