import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { CommandWriter } from '../../src/cluster/resp/command-writer.ts';
import { KeyedCommand } from '../../src/cluster/resp/keyed-command.ts';
import { KeyTable } from '../../src/cluster/routing/key-table.ts';
import { slotOf } from '../../src/cluster/routing/slot.ts';
import { KeyLayout } from '../../src/store/key-layout.ts';
import { MAX_ID_BYTES } from '../../src/store/limits.ts';
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
    const { keyPrefix } = new KeyLayout(prefix, {});
    expect(keyPrefix.text).toBe(prefix);
    expect(Buffer.from(keyPrefix.bytes).toString()).toBe(prefix);
  }
});

/** The keys of ids, made at once. */
function tableOf(layout: KeyLayout, ids: readonly string[]): KeyTable {
  const keys = new KeyTable(layout.keyPrefix, ids.length);
  layout.addKeys(keys, ids);
  return keys;
}

/** The commands to the keys of a table. */
function commandsTo(keys: KeyTable): string {
  const writer = new CommandWriter(0);
  const command = new KeyedCommand('HMGET', ['a', 'é']);
  for (let row = 0; row < keys.count; row++) command.write(keys, row, writer);
  return writer.view().toString('latin1');
}

const notEmpty = textWithoutBraces.filter((text) => text !== '');
const anyPrefix = fc.oneof(notEmpty, fc.constantFrom('fs:user:', 'é', '😀:', 'p'.repeat(4_096)));
const anyId = fc.oneof(
  fc.string({ unit: 'grapheme-ascii', minLength: 1 }).map((text) => text.replaceAll(/[{}]/g, 'b')),
  notEmpty,
  fc.constantFrom('u0001', 'member', 'größe', 'a|b', 'a~b', '\0', '\r\n', 'x'.repeat(MAX_ID_BYTES)),
  fc.constantFrom('constructor', '__proto__', 'x'.repeat(65), 'a\uD83D'.slice(0, 1)),
);

test('keys in a table are those that keyFor gives, with their slots, at once or one by one', () => {
  fc.assert(
    fc.property(
      anyPrefix,
      fc.array(anyId, { maxLength: 30 }),
      fc.subarray(['member', 'u0001']),
      fc.nat({ max: 7 }),
      (prefix, ids, members, idsAtOnce) => {
        const layout = new KeyLayout(prefix, { 'größe:vip': members });
        const wanted = new CommandWriter(0);
        for (const id of ids) wanted.command(['HMGET', layout.keyFor(id), 'a', 'é']);
        const inParts = new KeyTable(layout.keyPrefix);
        for (let at = 0; at < ids.length; at += idsAtOnce + 1) {
          layout.addKeys(inParts, ids.slice(at, at + idsAtOnce + 1));
        }
        const oneByOne = new KeyTable(layout.keyPrefix);
        for (const id of ids) layout.addKey(oneByOne, id);
        for (const keys of [inParts, oneByOne]) {
          expect(keys.count).toBe(ids.length);
          expect(commandsTo(keys)).toBe(wanted.view().toString('latin1'));
          expect(ids.map((_, row) => keys.slotOf(row))).toStrictEqual(
            ids.map((id) => slotOf(layout.keyFor(id))),
          );
        }
      },
    ),
    { numRuns: 500 },
  );
});

test('two halves of a surrogate pair in two ids are two bad ids', () => {
  const layout = new KeyLayout('p:', {});
  expect(refusalOf(() => tableOf(layout, ['a\uD83D', '\uDE00b'])).code).toBe('INVALID_ID');
});

test('an id may come twice', () => {
  const ids = ['member', 'u1', 'é', 'é', 'u1', 'member'];
  const keys = tableOf(new KeyLayout('p:', { vip: ['member'] }), ids);
  const slots = ids.map((_, row) => keys.slotOf(row));
  expect(slots).toStrictEqual(slots.toReversed());
  expect(new Set(slots).size).toBe(3);
});

test('an id that is none is refused wherever it stands', () => {
  const bad: unknown[] = [
    '',
    'a{b',
    'a}b',
    '{vip}',
    'a\uD800',
    'x'.repeat(MAX_ID_BYTES + 1),
    'é'.repeat(MAX_ID_BYTES / 2 + 1),
    undefined,
    null,
    7,
    ['u1'],
    { id: 'u1' },
  ];
  const layout = new KeyLayout('p:', { vip: ['member'] });
  for (const id of bad) {
    for (let at = 0; at < 4; at++) {
      const ids: unknown[] = ['u1', 'member', 'größe'];
      ids.splice(at, 0, id);
      const error = refusalOf(() => tableOf(layout, ids as string[]));
      expect(error.code).toBe('INVALID_ID');
    }
  }
  // oxlint-disable-next-line no-sparse-arrays -- a hole is no id either
  expect(refusalOf(() => tableOf(layout, ['u1', , 'u2'] as string[])).code).toBe('INVALID_ID');
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
