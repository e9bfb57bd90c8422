import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { slotOf } from '../../src/cluster/slot.ts';
import { KeyLayout, MAX_ID_BYTES } from '../../src/store/key.ts';
import { textWithoutBraces } from '../cluster/unicode.ts';
import { globMatches } from './glob.ts';
import { refusalOf } from './refusal.ts';

const names = fc
  .oneof(textWithoutBraces, fc.constantFrom(':', '::', 'a:b', 'vip', '*'))
  .filter((text) => text !== '');
/** Some ids, of which the first few are members of two groups. */
const populations = fc.record({
  prefix: names,
  ids: fc.uniqueArray(names, { minLength: 4, maxLength: 12 }),
  groups: fc.uniqueArray(names, { minLength: 2, maxLength: 2 }),
});

function layoutOf({ prefix, ids, groups }: { prefix: string; ids: string[]; groups: string[] }) {
  const [first = '', second = ''] = groups;
  return new KeyLayout(
    prefix,
    Object.fromEntries([
      [first, ids.slice(0, 2)],
      [second, ids.slice(2, 3)],
    ]),
  );
}

test('the key is the prefix and the id; a member has its group in front, as the hash tag', () => {
  const layout = new KeyLayout('fs:user:', { vip: ['v1'] });
  expect(layout.keyFor('u0001')).toBe('fs:user:u0001');
  expect(layout.keyFor('v1')).toBe('fs:user:{vip}:v1');
});

test('the id of a key is the id that the key was made for, member or not', () => {
  fc.assert(
    fc.property(populations, (population) => {
      const layout = layoutOf(population);
      for (const id of population.ids) expect(layout.idOf(layout.keyFor(id))).toBe(id);
    }),
  );
});

test('different ids have different keys', () => {
  fc.assert(
    fc.property(populations, (population) => {
      const layout = layoutOf(population);
      const keys = new Set(population.ids.map((id) => layout.keyFor(id)));
      expect(keys.size).toBe(population.ids.length);
    }),
  );
});

test('the members of a group share one slot, and it is that of the name', () => {
  fc.assert(
    fc.property(populations, (population) => {
      const layout = layoutOf(population);
      for (const group of layout.groups.names) {
        const slots = layout.groups.membersOf(group).map((id) => slotOf(layout.keyFor(id)));
        expect(new Set(slots)).toStrictEqual(new Set([slotOf(group)]));
      }
    }),
  );
});

test('the prefix in bytes is its UTF-8', () => {
  for (const prefix of ['fs:user:', 'é:', '😀'.repeat(1_024)]) {
    const { prefixBytes } = new KeyLayout(prefix, {});
    expect(Buffer.from(prefixBytes).toString()).toBe(prefix);
  }
});

const anyIds = fc.array(
  fc.oneof(
    fc.string({ unit: 'binary-ascii', minLength: 1 }).map((text) => text.replaceAll(/[{}]/g, 'b')),
    fc.constantFrom('u1', 'member ', 'Member', 'constructor', '__proto__', 'x'.repeat(65)),
  ),
  { minLength: 1, maxLength: 12 },
);

test('ids that are ASCII and in no group are plain, and are their own text', () => {
  const layout = new KeyLayout('p:', { vip: ['member'] });
  fc.assert(
    fc.property(anyIds, (ids) => {
      expect(layout.plainTextOf(ids)).toBe(ids.join(''));
      for (const id of ids) expect(layout.restOf(id)).toBe(id);
    }),
    { numRuns: 1_000 },
  );
  expect(layout.plainTextOf(['x'.repeat(MAX_ID_BYTES)])).toBe('x'.repeat(MAX_ID_BYTES));
});

test.each([
  ['member'],
  [''],
  ['a{b'],
  ['a}b'],
  ['{'],
  ['}'],
  ['é'],
  ['a\u0080'],
  ['a\uD800'],
  ['x'.repeat(MAX_ID_BYTES + 1)],
  [undefined],
  [null],
  [7],
  [['u1']],
  [{ length: 2 }],
  [Object('u1')],
])('ids among which %j is are not plain, wherever it stands', (id) => {
  const layout = new KeyLayout('p:', { vip: ['member'] });
  fc.assert(
    fc.property(anyIds, fc.nat(), (ids, place) => {
      const mixed: unknown[] = [...ids];
      mixed.splice(place % (ids.length + 1), 0, id);
      expect(layout.plainTextOf(mixed)).toBeUndefined();
      expect(layout.plainTextOf([id])).toBeUndefined();
    }),
  );
});

test('two halves of a surrogate pair in two ids are no plain text', () => {
  expect(new KeyLayout('p:', {}).plainTextOf(['a\uD83D', '\uDE00b'])).toBeUndefined();
});

test('the slot of a key is that of the bytes behind the prefix, behind it', () => {
  fc.assert(
    fc.property(populations, (population) => {
      const layout = layoutOf(population);
      for (const id of population.ids) {
        const rest = Buffer.from(layout.restOf(id));
        const among = Buffer.concat([Buffer.from('{x}'), rest, Buffer.from('}')]);
        expect(layout.slotBehind(rest, 0, rest.length)).toBe(slotOf(layout.keyFor(id)));
        expect(layout.slotBehind(among, 3, 3 + rest.length)).toBe(slotOf(layout.keyFor(id)));
      }
    }),
  );
});

test('what keyFor never gives is the key of nobody', () => {
  const layout = new KeyLayout('fs:user:', { vip: ['v1'], top: ['t1'] });
  const strangers = [
    'fs:user:', // no id
    'fs:item:u1', // another prefix
    'fs:user:v1', // a member, without its group
    'fs:user:{top}:v1', // a member, in the wrong group
    'fs:user:{vip}:u1', // in a group that it is no member of
    'fs:user:{vip}v1',
    'fs:user:{vip}:',
    'fs:user:{}:v1',
    'fs:user:a{vip}:v1',
    'fs:user:u{1',
    '',
  ];
  for (const key of strangers) expect([key, layout.idOf(key)]).toStrictEqual([key, undefined]);
});

test('a key too long for an id is no entity', () => {
  const layout = new KeyLayout('p:', {});
  expect(layout.idOf(`p:${longest}`)).toBe(longest);
  expect(layout.idOf(`p:${longest}x`)).toBeUndefined();
});

test('any key that has an id is the key of that id', () => {
  const layout = new KeyLayout('p:', { vip: ['v1', ':', 'a:b'] });
  const parts = fc.constantFrom('p:', '{', '}', 'vip', ':', 'v1', 'a', 'b', '\n', '{vip}:');
  fc.assert(
    fc.property(fc.array(parts, { maxLength: 6 }), (tail) => {
      const key = `p:${tail.join('')}`;
      const id = layout.idOf(key);
      fc.pre(id !== undefined);
      expect(layout.keyFor(id)).toBe(key);
    }),
    { numRuns: 500 },
  );
});

test('the scan pattern escapes what a glob would read, and ends in a star', () => {
  expect(new KeyLayout('a*b?c[d]e\\f^-:', {}).scanPattern).toBe('a\\*b\\?c\\[d\\]e\\\\f^-:*');
});

test('the scan pattern matches a key if, and only if, it begins with the prefix', () => {
  const tricky = fc.constantFrom('*', '?', '[', ']', '\\', '^', '-', 'a', 'b');
  const text = fc.array(tricky, { minLength: 1, maxLength: 6 }).map((parts) => parts.join(''));
  const keys = fc.tuple(text, text, fc.boolean());
  fc.assert(
    fc.property(keys, ([prefix, other, under]) => {
      const { scanPattern } = new KeyLayout(prefix, {});
      const key = under ? prefix + other : other;
      expect(globMatches(scanPattern, key)).toBe(key.startsWith(prefix));
    }),
    { numRuns: 500 },
  );
});

const longest = 'é'.repeat(MAX_ID_BYTES / 2);

test('an id may have as many bytes as the limit says', () => {
  expect(new KeyLayout('p:', {}).keyFor(longest)).toBe(`p:${longest}`);
});

test.each([
  ['', 'must not be empty'],
  ['a{b', "'a{b' has braces"],
  ['a}b', "'a}b' has braces"],
  ['a\uD800b', "'a\uFFFDb' has a lone surrogate"],
  [`${longest}x`, `has ${MAX_ID_BYTES + 1} bytes; the limit is ${MAX_ID_BYTES}`],
  ['x'.repeat(5_000), "'xxx"],
  [undefined, 'is undefined'],
  [7, 'is 7'],
  [['u1'], 'is an array'],
])('the id %j is refused', (id, reason) => {
  const layout = new KeyLayout('p:', {});
  const error = refusalOf(() => layout.keyFor(id as string));
  expect(error.code).toBe('INVALID_ID');
  expect(error.message).toContain(reason);
  expect(error.message.length).toBeLessThan(200);
});

test.each([
  ['', 'keyPrefix must not be empty'],
  ['fs:{user}:', "keyPrefix 'fs:{user}:' has braces"],
  ['fs:}', "keyPrefix 'fs:}' has braces"],
  ['fs\uDFFF:', 'keyPrefix has a lone surrogate'],
  ['é'.repeat(2_049), 'keyPrefix has 4098 bytes; the limit is 4096'],
  [null, 'keyPrefix must be a string, but is null'],
  [7, 'keyPrefix must be a string, but is 7'],
])('the prefix %j is refused', (prefix, reason) => {
  const error = refusalOf(() => new KeyLayout(prefix, {}));
  expect(error.code).toBe('INVALID_OPTION');
  expect(error.message).toContain(reason);
});
