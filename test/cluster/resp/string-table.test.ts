import { isUtf8 } from 'node:buffer';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { OTHER } from '../../../src/cluster/resp/reply-reader.ts';
import { MAX_TABLE_BYTES, StringTable } from '../../../src/cluster/resp/string-table.ts';
import { readerOf, strings } from './replies.ts';

/** A name that only these bytes have; the empty string, which an empty place holds, has its own. */
const labelOf = (bytes: Uint8Array): string =>
  bytes.length === 0 ? '' : `${bytes.length}:${Buffer.from(bytes).toString('hex')}`;

/** Looks the bytes up where they stand between others, and keeps them by their label. */
function lookUp(table: StringTable, bytes: Uint8Array, around = 3): string | undefined {
  const begin = around % 7;
  const whole = Buffer.alloc(begin + bytes.length + around, 0xa5);
  whole.set(bytes, begin);
  const known = table.find(whole, begin, begin + bytes.length);
  if (known === undefined) table.keep(labelOf(bytes));
  return known;
}

const short = { maxLength: MAX_TABLE_BYTES };
/** Bytes that are mistaken easily: NUL and sign bits, each other's begins, many of one kind. */
const anyBytes: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.uint8Array(short),
  fc.array(fc.constantFrom(0x00, 0x01, 0x7f, 0x80, 0xff), short).map((b) => Uint8Array.from(b)),
  fc.array(fc.constantFrom(0x00, 0x30), short).map((b) => Uint8Array.from(b)),
  fc.nat({ max: 99_999 }).map((number) => Buffer.from(String(number))),
);

test('what is kept is found, for any bytes of any length up to the limit', () => {
  for (let length = 0; length <= MAX_TABLE_BYTES; length++) {
    for (const byte of [0x00, 0x30, 0x7f, 0x80, 0xc3, 0xff]) {
      const table = new StringTable();
      const bytes = new Uint8Array(length).fill(byte);
      const first = lookUp(table, bytes);
      expect(first).toBe(length === 0 ? '' : undefined);
      expect(lookUp(table, bytes, 5)).toBe(labelOf(bytes));
    }
  }
});

test('each of 256 bytes, at each place of a string, makes another string', () => {
  const table = new StringTable();
  for (const length of [1, 4, 5, 8, 9, MAX_TABLE_BYTES]) {
    for (let at = 0; at < length; at++) {
      for (const others of [0x00, 0xff]) {
        for (let byte = 0; byte < 256; byte++) {
          const bytes = new Uint8Array(length).fill(others);
          bytes[at] = byte;
          expect([undefined, labelOf(bytes)]).toContain(lookUp(table, bytes));
          expect(lookUp(table, bytes)).toBe(labelOf(bytes));
        }
      }
    }
  }
});

test('strings of which one begins with the other, NUL after NUL, are not taken for each other', () => {
  const table = new StringTable();
  for (let round = 0; round < 3; round++) {
    for (let length = 1; length <= MAX_TABLE_BYTES; length++) {
      const known = lookUp(table, new Uint8Array(length));
      expect([undefined, labelOf(new Uint8Array(length))]).toContain(known);
    }
  }
});

test('whatever was looked up before, a string is its own or not there, as a plain table has it', () => {
  fc.assert(
    fc.property(fc.array(anyBytes, { maxLength: 200 }), (list) => {
      const table = new StringTable();
      const plain = new Set(['']);
      for (const bytes of list) {
        const label = labelOf(bytes);
        const known = lookUp(table, bytes);
        expect(plain.has(label) ? [label, undefined] : [undefined]).toContain(known);
        expect(lookUp(table, bytes)).toBe(label);
        plain.add(label);
      }
    }),
    { numRuns: 500 },
  );
});

const bytesOf = (number: number): Buffer => Buffer.from(`k${number}`);

test('of two strings that share a place the later one is there, and the earlier one is not', () => {
  const table = new StringTable();
  const first = bytesOf(0);
  const isThere = (bytes: Buffer): boolean => table.find(bytes, 0, bytes.length) !== undefined;
  lookUp(table, first);
  let number = 0;
  while (isThere(first)) {
    lookUp(table, bytesOf(++number));
    expect(number).toBeLessThan(1_000_000);
  }
  const second = bytesOf(number);
  expect(isThere(second)).toBe(true);
  lookUp(table, first);
  expect([isThere(first), isThere(second)]).toStrictEqual([true, false]);
  lookUp(table, second);
  expect([isThere(first), isThere(second)]).toStrictEqual([false, true]);
});

test('it never grows: of very many strings some thousands are there, and each is its own', () => {
  const table = new StringTable();
  const COUNT = 100_000;
  for (let number = 0; number < COUNT; number++) lookUp(table, bytesOf(number), 0);
  let thereCount = 0;
  for (let number = 0; number < COUNT; number++) {
    const bytes = bytesOf(number);
    const known = table.find(bytes, 0, bytes.length);
    if (known === undefined) continue;
    thereCount++;
    if (known !== labelOf(bytes)) throw new Error(`${String(bytes)} is not ${known}`);
  }
  expect(thereCount).toBeLessThanOrEqual(8_192);
  expect(thereCount).toBeGreaterThan(4_096); // its places are used
});

const textOrBytes = (bytes: Buffer): string | Uint8Array =>
  isUtf8(bytes) ? bytes.toString() : new Uint8Array(bytes);

test('values that are read over and over are what their bytes say, one after the other', () => {
  const columns = strings(3);
  const value = anyBytes.map((bytes) => Buffer.from(bytes));
  const rows = fc.array(fc.tuple(value, value, value), { maxLength: 30 });
  fc.assert(
    fc.property(rows, (list) => {
      const frames = list.flatMap((row) => [
        Buffer.from('*3\r\n'),
        ...row.flatMap((bytes) => [
          Buffer.from(`$${bytes.length}\r\n`),
          bytes,
          Buffer.from('\r\n'),
        ]),
      ]);
      const reader = readerOf(Buffer.concat(frames));
      for (const row of list) {
        const read = reader.readStrings(columns);
        expect(read).toBe(row.every((bytes) => isUtf8(bytes)) ? true : OTHER);
        const values = read === true ? [...columns.values] : reader.read();
        expect(values).toStrictEqual(row.map(textOrBytes));
      }
      expect(reader.empty).toBe(true);
    }),
    { numRuns: 1_000 },
  );
});
