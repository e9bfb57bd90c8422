import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { CommandWriter } from '../../src/cluster/resp/command-writer.ts';
import { KeyedCommand } from '../../src/cluster/resp/keyed-command.ts';
import { slotOf } from '../../src/cluster/slot.ts';
import { EntityKeys } from '../../src/store/entity-keys.ts';
import { KeyLayout, MAX_ID_BYTES } from '../../src/store/key.ts';
import { textWithoutBraces } from '../cluster/unicode.ts';
import { refusalOf } from './refusal.ts';

function written(write: (writer: CommandWriter) => void): string {
  const writer = new CommandWriter(0);
  write(writer);
  return writer.view().toString('latin1');
}

const command = new KeyedCommand('HMGET', ['a', 'é']);

function keysOf(layout: KeyLayout, ids: readonly string[]): EntityKeys {
  const keys = new EntityKeys(layout, ids);
  keys.extend(ids.length);
  return keys;
}

const notEmpty = textWithoutBraces.filter((text) => text !== '');
const anyPrefix = fc.oneof(notEmpty, fc.constantFrom('fs:user:', 'é', '😀:', 'p'.repeat(4_096)));
const anyId = fc.oneof(
  fc.string({ unit: 'grapheme-ascii', minLength: 1 }).map((text) => text.replaceAll(/[{}]/g, 'b')),
  notEmpty,
  fc.constantFrom('u0001', 'member', 'größe', 'a|b', 'a~b', '\0', '\r\n', 'x'.repeat(MAX_ID_BYTES)),
);

test('each key is written as the layout makes it, and has its slot, for any ids and any prefix', () => {
  fc.assert(
    fc.property(
      anyPrefix,
      fc.array(anyId, { maxLength: 30 }),
      fc.subarray(['member', 'u0001']),
      fc.nat({ max: 7 }),
      (prefix, ids, members, idsPerTurn) => {
        const layout = new KeyLayout(prefix, { 'größe:vip': members });
        const keys = new EntityKeys(layout, ids);
        while (!keys.isWhole) keys.extend(idsPerTurn + 1);
        expect(keys.count).toBe(ids.length);
        for (const [row, id] of ids.entries()) {
          const key = layout.keyFor(id);
          expect(keys.slotOf(row)).toBe(slotOf(key));
          expect(written((writer) => keys.write(row, writer, command))).toBe(
            written((writer) => writer.command(['HMGET', key, 'a', 'é'])),
          );
        }
      },
    ),
    { numRuns: 500 },
  );
});

test('keys are made for so many ids at once, and for no more than there are', () => {
  const keys = new EntityKeys(new KeyLayout('p:', {}), ['a', 'b', 'c', 'd', 'e']);
  const counts: (readonly [number, boolean])[] = [[keys.count, keys.isWhole]];
  for (const idCount of [2, 0, 2, 100, 1]) {
    keys.extend(idCount);
    counts.push([keys.count, keys.isWhole]);
  }
  expect(counts).toStrictEqual([
    [0, false],
    [2, false],
    [2, false],
    [4, false],
    [5, true],
    [5, true],
  ]);
});

test('no ids have their keys from the beginning', () => {
  const keys = new EntityKeys(new KeyLayout('p:', {}), []);
  expect([keys.count, keys.isWhole]).toStrictEqual([0, true]);
});

test('an id is looked at when its turn comes, and not before', () => {
  const keys = new EntityKeys(new KeyLayout('p:', {}), ['a', 'b', 'c{']);
  keys.extend(2);
  expect(keys.count).toBe(2);
  expect(refusalOf(() => keys.extend(2)).code).toBe('INVALID_ID');
  expect(keys.isWhole).toBe(false);
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
      const error = refusalOf(() => keysOf(layout, ids as string[]));
      expect(error.code).toBe('INVALID_ID');
    }
  }
  // oxlint-disable-next-line no-sparse-arrays -- a hole is no id either
  expect(refusalOf(() => keysOf(layout, ['u1', , 'u2'] as string[])).code).toBe('INVALID_ID');
});

test('an id may come twice', () => {
  const layout = new KeyLayout('p:', { vip: ['member'] });
  const ids = ['member', 'u1', 'é', 'é', 'u1', 'member'];
  const keys = keysOf(layout, ids);
  const words = ids.map((_, row) => written((writer) => keys.write(row, writer, command)));
  expect(words).toStrictEqual(words.toReversed());
  expect(new Set(words).size).toBe(3);
});

test('the bytes of a key are those of the prefix and the id, where they are ASCII', () => {
  const keys = keysOf(new KeyLayout('é:', {}), ['u1', 'x'.repeat(500)]);
  expect([keys.bytesOf(0), keys.bytesOf(1)]).toStrictEqual([5, 503]);
});
