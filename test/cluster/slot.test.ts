import keySlot from 'cluster-key-slot';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { crcBehind, NOT_PLAIN, SLOT_COUNT, slotBehind, slotOf } from '../../src/cluster/slot.ts';
import { anyText, textWithoutBraces } from './unicode.ts';

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

/** CRC16/XMODEM bit by bit, without a table and without hash tags. */
function slotOfWhole(key: string): number {
  let crc = 0;
  for (const byte of Buffer.from(key)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = ((crc << 1) ^ (crc & 0x8000 ? 0x1021 : 0)) & 0xffff;
  }
  return crc % SLOT_COUNT;
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

/** ASCII up to `z`. */
const plainText: fc.Arbitrary<string> = fc.string({
  unit: fc.integer({ min: 0, max: 0x7a }).map((code) => String.fromCharCode(code)),
  maxLength: 40,
});

test('behind any prefix without braces, the slot of plain text is that of both together', () => {
  fc.assert(
    fc.property(textWithoutBraces, plainText, (prefix, text) => {
      const slot = slotBehind(crcBehind(prefix), text);
      expect(slot).toBe(slotOf(prefix + text));
      expect(slot).toBe(keySlot(prefix + text));
      expect(slot).toBe(slotOfWhole(prefix + text));
    }),
    { numRuns: 2_000 },
  );
});

test('behind nothing, it is the slot of the text', () => {
  expect(slotBehind(crcBehind(''), '123456789')).toBe(0x31c3);
  expect(slotBehind(crcBehind('12345'), '6789')).toBe(0x31c3);
  expect(slotBehind(crcBehind('123456789'), '')).toBe(0x31c3);
});

test('a text is plain if, and only if, all of it is ASCII up to z', () => {
  for (let code = 0; code <= 0xffff; code++) {
    const slot = slotBehind(0, String.fromCharCode(code));
    if ((slot === NOT_PLAIN) !== code > 0x7a) throw new Error(`character ${code} has slot ${slot}`);
  }
  fc.assert(
    fc.property(fc.oneof(texts, plainText), (text) => {
      const isPlain = [...text].every((character) => character <= 'z');
      expect(slotBehind(0, text) === NOT_PLAIN).toBe(!isPlain);
    }),
    { numRuns: 1_000 },
  );
});

test('one character that is not plain, at any place, makes a text not plain', () => {
  for (const stranger of ['{', '|', '}', '~', '\u007f', '\u0080', 'é', '€', '😀', '\uD800']) {
    for (let at = 0; at <= 10; at++) {
      const text = 'a'.repeat(at) + stranger + 'b'.repeat(10 - at);
      expect(slotBehind(crcBehind('p:'), text)).toBe(NOT_PLAIN);
    }
  }
});
