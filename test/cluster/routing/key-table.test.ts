import keySlot from 'cluster-key-slot';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { KeyPrefix, KeyTable, OneKey } from '../../../src/cluster/routing/key-table.ts';
import { slotOf } from '../../../src/cluster/routing/slot.ts';
import { anyText, textWithoutBraces } from '../unicode.ts';

/** The keys of a table as text. */
function keysOf({ prefix, rests, bounds, count }: KeyTable): string[] {
  const textOf = (row: number): string =>
    Buffer.from(rests.subarray(bounds[row], bounds[row + 1])).toString();
  return Array.from({ length: count }, (_, row) => prefix.text + textOf(row));
}

const slotsOf = (keys: KeyTable): number[] =>
  Array.from({ length: keys.count }, (_, row) => keys.slotOf(row));

const braces = fc.constantFrom('{', '}', '{}', '{{', '{x}', '{vip}:u1', '{größe}:é');
const anyRest = fc.oneof(
  fc.array(fc.oneof(anyText, braces), { maxLength: 4 }).map((parts) => parts.join('')),
  fc.string({ unit: 'binary-ascii', maxLength: 80 }),
  fc.constantFrom(
    '',
    'u1',
    'größe',
    'x'.repeat(63),
    'x'.repeat(64),
    'x'.repeat(65),
    'é'.repeat(64),
  ),
);

test('keys are the prefix and what was added, with the slots of their text, however added', () => {
  fc.assert(
    fc.property(
      textWithoutBraces,
      fc.array(fc.tuple(anyRest, fc.boolean()), { maxLength: 20 }),
      fc.nat({ max: 3 }),
      (prefix, rests, expectedCount) => {
        const keys = new KeyTable(new KeyPrefix(prefix), expectedCount);
        for (const [rest, asBytes] of rests) {
          if (asBytes) keys.addBytes(Buffer.from(rest));
          else keys.add(rest);
        }
        const wanted = rests.map(([rest]) => prefix + rest);
        expect(keysOf(keys)).toStrictEqual(wanted);
        expect(slotsOf(keys)).toStrictEqual(wanted.map(slotOf));
      },
    ),
    { numRuns: 2_000 },
  );
});

test('many plain ones at once are as one by one', () => {
  const plain = fc
    .string({ unit: 'binary-ascii', maxLength: 30 })
    .map((text) => text.replaceAll(/[{}]/g, 'b'));
  fc.assert(
    fc.property(fc.array(plain, { maxLength: 20 }), anyRest, (rests, first) => {
      const [atOnce, oneByOne] = [0, 1].map(() => new KeyTable(new KeyPrefix('p:')));
      atOnce?.add(first);
      oneByOne?.add(first);
      atOnce?.addPlain(rests, rests.join(''));
      for (const rest of rests) oneByOne?.add(rest);
      expect(keysOf(atOnce!)).toStrictEqual(keysOf(oneByOne!));
      expect(slotsOf(atOnce!)).toStrictEqual(slotsOf(oneByOne!));
    }),
    { numRuns: 500 },
  );
});

test('keys that were taken back leave nothing of themselves', () => {
  const keys = new KeyTable(new KeyPrefix('p:'));
  keys.add('a');
  keys.add('{x}longer than the next');
  keys.truncate(1);
  keys.add('b');
  expect(keysOf(keys)).toStrictEqual(['p:a', 'p:b']);
  expect(slotsOf(keys)).toStrictEqual(['p:a', 'p:b'].map(slotOf));
  keys.truncate(0);
  expect(keysOf(keys)).toStrictEqual([]);
});

test('bytes that are no text have the slot of the bytes', () => {
  const keys = new KeyTable(new KeyPrefix(''));
  const bytes = Uint8Array.from([0xff, 0x00, 0x7b, 0xfe, 0x7d, 0x80]);
  keys.addBytes(bytes);
  expect(keys.slotOf(0)).toBe(keySlot(Buffer.from([0xfe])));
});

/** CRC16/XMODEM bit by bit, without a table. */
function crcOf(crc: number, byte: number): number {
  let next = crc ^ (byte << 8);
  for (let bit = 0; bit < 8; bit++) next = ((next << 1) ^ (next & 0x8000 ? 0x1021 : 0)) & 0xffff;
  return next;
}

test('any two bytes are taken as one after the other', () => {
  const wrong: number[] = [];
  const prefix = new KeyPrefix('12345');
  const keys = new KeyTable(prefix, 0x1_00_00);
  const [open, close] = [0x7b, 0x7d];
  for (let pair = 0; pair <= 0xffff; pair++)
    keys.addBytes(Uint8Array.from([pair >> 8, pair & 0xff]));
  for (let pair = 0; pair <= 0xffff; pair++) {
    if (pair >> 8 === open && (pair & 0xff) === close) continue;
    const one = crcOf(crcOf(prefix.crc, pair >> 8), pair & 0xff);
    if (keys.slotOf(pair) !== one % 16_384) wrong.push(pair);
  }
  expect(wrong).toStrictEqual([]);
});

test('one key is its slot', () => {
  const key = new OneKey(7);
  expect([key.count, key.slot, key.slotOf()]).toStrictEqual([1, 7, 7]);
});
