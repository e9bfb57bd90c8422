import keySlot from 'cluster-key-slot';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { slotOf } from '../../../src/cluster/routing/slot.ts';
import { SLOT_COUNT } from '../../../src/cluster/limits.ts';
import { anyText, textWithoutBraces } from '../unicode.ts';

test.each([
  ['', 0],
  ['foo', 12_182],
  // The check value of CRC16/XMODEM, 0x31C3, is below 16384 and so its own slot.
  ['123456789', 0x31c3],
  ['bar', 5_061],
  ['{bar}', 5_061],
])('the slot of %j is %i', (key, slot) => {
  expect(slotOf(key)).toBe(slot);
});

test('keys with one hash tag share its slot', () => {
  expect(slotOf('{user1000}.following')).toBe(slotOf('{user1000}.followers'));
  expect(slotOf('{user1000}.following')).toBe(slotOf('user1000'));
});

test('the hash tag is what is between the first brace and the first that closes it', () => {
  expect(slotOf('foo{{bar}}zap')).toBe(slotOf('{bar'));
  expect(slotOf('foo{bar}{zap}')).toBe(slotOf('bar'));
  expect(slotOf('}a{bar}')).toBe(slotOf('bar'));
});

/** CRC16/XMODEM bit by bit, without a table. */
function crcOf(crc: number, byte: number): number {
  let next = crc ^ (byte << 8);
  for (let bit = 0; bit < 8; bit++) next = ((next << 1) ^ (next & 0x8000 ? 0x1021 : 0)) & 0xffff;
  return next;
}

/** Without hash tags. */
function slotOfWhole(key: string): number {
  return Buffer.from(key).reduce((crc, byte) => crcOf(crc, byte), 0) % SLOT_COUNT;
}

test.each(['foo{}{bar}', '{}', '{}}', '{bar', 'bar}', '}bar{', '{}bar}', '{}{😀}'])(
  'without a filled pair at the first brace, all of %j is hashed',
  (key) => {
    expect(slotOf(key)).toBe(slotOfWhole(key));
  },
);

test('text outside ASCII is hashed by its UTF-8 bytes, in a tag too', () => {
  expect(slotOf('größe')).toBe(keySlot(Buffer.from('größe')));
  expect(slotOf('a{😀}b')).toBe(keySlot(Buffer.from('😀')));
  expect(slotOf('é{tag}é')).toBe(slotOf('tag'));
});

const braces = fc.constantFrom('{', '}', '{}', '{{', '}}', '{x}');
const texts = fc.array(fc.oneof(anyText, braces), { maxLength: 8 }).map((parts) => parts.join(''));
/** The specification hashes all of such a key; cluster-key-slot 1.1.2 looks for a later `}`. */
const beginsEmpty = (key: string): boolean => /^[^{]*\{\}/.test(key);

test('any key of any Unicode and braces has the slot that cluster-key-slot gives it', () => {
  const keys = texts.filter((key) => !beginsEmpty(key));
  fc.assert(
    fc.property(keys, (key) => {
      expect(slotOf(key)).toBe(keySlot(key));
    }),
    { numRuns: 1_000 },
  );
});

test('a key whose first pair of braces is empty has no hash tag', () => {
  const before = anyText.map((part) => part.replaceAll('{', ''));
  fc.assert(
    fc.property(before, texts, (start, end) => {
      expect(slotOf(`${start}{}${end}`)).toBe(slotOfWhole(`${start}{}${end}`));
    }),
  );
});

test('a tag decides alone, whatever stands around it', () => {
  const outside = textWithoutBraces;
  const tag = outside.filter((text) => text !== '');
  fc.assert(
    fc.property(outside, tag, texts, (before, inside, after) => {
      expect(slotOf(`${before}{${inside}}${after}`)).toBe(slotOfWhole(inside));
    }),
  );
});
