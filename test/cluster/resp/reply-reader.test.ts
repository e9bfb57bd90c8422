import * as fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import {
  INCOMPLETE,
  OTHER,
  ReplyReader,
  ServerError,
  type Reply,
} from '../../../src/cluster/resp/reply-reader.ts';
import { readAll, readerOf, safely, strings } from './replies.ts';

test('nulls of both protocols, empty strings and empty arrays are not mixed up', () => {
  const reader = readerOf('_\r\n$-1\r\n*-1\r\n$0\r\n\r\n*0\r\n%0\r\n~0\r\n+\r\n');
  const replies = Array.from({ length: 8 }, () => reader.read());
  expect(replies).toStrictEqual([null, null, null, '', [], [], [], '']);
  expect(reader.empty).toBe(true);
});

test('an error in the middle of a reply is an item of it', () => {
  const reader = readerOf('*3\r\n:1\r\n-WRONGTYPE no\r\n!5\r\nERR x\r\n+OK\r\n');
  expect(reader.read()).toStrictEqual([
    1,
    new ServerError('WRONGTYPE no'),
    new ServerError('ERR x'),
  ]);
  expect(reader.read()).toBe('OK');
});

test('attributes are skipped, in front of a reply and of an item', () => {
  const reader = readerOf('|1\r\n+ttl\r\n:1\r\n*2\r\n|1\r\n+a\r\n*1\r\n:2\r\n:5\r\n:6\r\n:7\r\n');
  expect(reader.read()).toStrictEqual([5, 6]);
  expect(reader.read()).toBe(7);
});

test('pushes are skipped, and only they', () => {
  const reader = readerOf('>2\r\n+invalidate\r\n*1\r\n$1\r\na\r\n>1\r\n+x\r\n:1\r\n');
  expect(reader.skipPushes()).toBeUndefined();
  expect(reader.readInteger()).toBe(1);
  expect(reader.skipPushes()).toBeUndefined();
  expect(reader.empty).toBe(true);
});

test('a push that is not there whole is not skipped', () => {
  const bytes = '>2\r\n+x\r\n$3\r\nabc\r\n';
  for (let end = 1; end < bytes.length; end++) {
    const reader = readerOf(bytes.slice(0, end));
    expect(reader.skipPushes()).toBe(INCOMPLETE);
    expect(reader.skipPushes()).toBe(INCOMPLETE);
    reader.push(Buffer.from(bytes.slice(end)));
    expect(reader.skipPushes()).toBeUndefined();
    expect(reader.empty).toBe(true);
  }
});

test('integers are exact as far as numbers are', () => {
  for (const value of [Number.MAX_SAFE_INTEGER, -Number.MAX_SAFE_INTEGER, 9_007_199_254_740_979]) {
    expect(readerOf(`:${value}\r\n`).read()).toBe(value);
  }
  expect(readerOf(':+7\r\n').read()).toBe(7);
});

test('an integer that is read the quick way is the same', () => {
  fc.assert(
    fc.property(fc.oneof(safely, fc.nat()), (value) => {
      const read = readerOf(`:${value}\r\n`).readInteger();
      expect(read).toBe(value < 0 || Object.is(value, -0) ? OTHER : value);
    }),
  );
});

test('an integer too long to be exact in the quick way is left, or exact', () => {
  for (let value = Number.MAX_SAFE_INTEGER; value > Number.MAX_SAFE_INTEGER - 1_000; value--) {
    expect([OTHER, value]).toContain(readerOf(`:${value}\r\n`).readInteger());
  }
});

test.each([
  ['*2\r\n$1\r\na\r\n$1\r\nb\r\n', 3], // too few
  ['*2\r\n$1\r\na\r\n$1\r\nb\r\n', 1],
  ['*-1\r\n', 1],
  ['*0\r\n', 1],
  ['$1\r\na\r\n', 1],
  ['-WRONGTYPE x\r\n', 2],
  ['~1\r\n$1\r\na\r\n', 1],
  ['*2\r\n$1\r\na\r\n:1\r\n', 2],
  ['*2\r\n$1\r\na\r\n-ERR x\r\n', 2],
  ['*1\r\n*1\r\n$1\r\na\r\n', 1],
  ['*1\r\n+a\r\n', 1],
  ['*1\r\n=5\r\ntxt:a\r\n', 1],
  ['>1\r\n+x\r\n', 1],
  ['|0\r\n*1\r\n$1\r\na\r\n', 1],
])('readStrings leaves %j to read', (bytes, count) => {
  const reader = readerOf(bytes);
  expect(reader.readStrings(strings(count))).toBe(OTHER);
  expect(reader.position).toBe(0);
  expect(reader.read()).not.toBe(INCOMPLETE);
  expect(reader.empty).toBe(true);
});

test.each([
  '-ERR x\r\n',
  '$1\r\n1\r\n',
  '*1\r\n:1\r\n',
  ':-5\r\n',
  '_\r\n',
  '#t\r\n',
  '>1\r\n+x\r\n',
])('readInteger leaves %j to read', (bytes) => {
  const reader = readerOf(bytes);
  expect(reader.readInteger()).toBe(OTHER);
  expect(reader.position).toBe(0);
  expect(reader.read()).not.toBe(INCOMPLETE);
  expect(reader.empty).toBe(true);
});

const anyArray = Object.getPrototypeOf(Uint8Array.prototype) as Uint8Array;

/** Counts what is copied from bytes to bytes, whichever way. */
class Copies {
  readonly #concat = vi.spyOn(Buffer, 'concat');
  readonly #from = vi.spyOn(Buffer, 'from');
  readonly #copy = vi.spyOn(Buffer.prototype, 'copy');
  readonly #set = vi.spyOn(anyArray, 'set');
  readonly #slice = vi.spyOn(anyArray, 'slice');
  readonly #copyWithin = vi.spyOn(anyArray, 'copyWithin');

  get byteCount(): number {
    const added = (lengths: readonly number[]): number => lengths.reduce((a, b) => a + b, 0);
    return added([
      ...this.#concat.mock.calls.flatMap(([list]) => list.map(({ length }) => length)),
      ...this.#from.mock.results.map(({ value }) => (value as Buffer).length),
      ...this.#copy.mock.results.map(({ value }) => value as number),
      ...this.#set.mock.calls.map(([array]) => array.length),
      ...this.#slice.mock.results.map(({ value }) => (value as Uint8Array).length),
      ...this.#copyWithin.mock.results.map(({ value }) => (value as Uint8Array).length),
    ]);
  }

  restore(): void {
    for (const spy of [this.#concat, this.#from, this.#copy]) spy.mockRestore();
    for (const spy of [this.#set, this.#slice, this.#copyWithin]) spy.mockRestore();
  }
}

test('copies are counted, whichever way', () => {
  const copies = new Copies();
  try {
    const bytes = Buffer.from('abc');
    expect(copies.byteCount).toBe(3);
    const room = Buffer.concat([bytes, bytes.subarray(1)], 10);
    expect(copies.byteCount).toBe(8);
    bytes.copy(room, 9); // one fits
    room.set(bytes);
    new Uint8Array(room.buffer, room.byteOffset, 4).set(bytes);
    expect(copies.byteCount).toBe(15);
    Uint8Array.prototype.slice.call(bytes, 1);
    expect(copies.byteCount).toBe(17);
  } finally {
    copies.restore();
  }
});

/** Bytes that were copied while the chunks came, each followed by an attempt to read. */
function copiedBytes(chunks: readonly Buffer[], read: (reader: ReplyReader) => unknown): number {
  const copies = new Copies();
  const reader = new ReplyReader();
  let attempts = 0;
  let last: unknown = INCOMPLETE;
  try {
    for (const chunk of chunks) {
      expect(last).toBe(INCOMPLETE);
      reader.push(chunk);
      last = read(reader);
      attempts++;
    }
    expect(last).not.toBe(INCOMPLETE);
    expect(attempts).toBe(chunks.length);
    return copies.byteCount;
  } finally {
    copies.restore();
  }
}

function inChunks(bytes: Buffer, chunkBytes = 65_536): Buffer[] {
  const chunks: Buffer[] = [];
  for (let begin = 0; begin < bytes.length; begin += chunkBytes) {
    chunks.push(bytes.subarray(begin, begin + chunkBytes));
  }
  return chunks;
}

const MIB = 1_048_576;

test.each([
  ['read', (reader: ReplyReader): unknown => reader.read()],
  ['readStrings', (reader: ReplyReader): unknown => reader.readStrings(strings(2))],
])('a string of 8 MiB in chunks of 64 KiB is copied twice at the most, by %s', (_, read) => {
  for (const value of ['x'.repeat(8 * MIB), 'é'.repeat(4 * MIB)]) {
    const bytes = Buffer.from(`*2\r\n$1\r\na\r\n$${8 * MIB}\r\n${value}\r\n`);
    const copied = copiedBytes(inChunks(bytes), read);
    expect(copied).toBeLessThan(2 * bytes.length);
    expect(copied).toBeGreaterThan(bytes.length / 2); // the copies are seen
  }
});

test('a row of many strings that comes in many chunks is copied a few times', () => {
  const items = `$1024\r\n${'x'.repeat(1_024)}\r\n`.repeat(8_000);
  const bytes = Buffer.from(`*8000\r\n${items}`);
  const copied = copiedBytes(inChunks(bytes), (reader) => reader.readStrings(strings(8_000)));
  expect(copied).toBeLessThan(3 * bytes.length);
  expect(copied).toBeGreaterThan(bytes.length / 2);
});

test('a value is the same whole, in chunks, and next to other chunks', () => {
  const value = `${'x'.repeat(100_000)}é${'y'.repeat(100_000)}`;
  const frames = `$${Buffer.byteLength(value)}\r\n${value}\r\n:1\r\n`.repeat(3);
  for (const chunkBytes of [1_000, 4_096, 65_536, 1_000_000]) {
    const reader = new ReplyReader();
    const replies: Reply[] = [];
    for (const chunk of inChunks(Buffer.from(frames), chunkBytes)) {
      reader.push(chunk);
      replies.push(...readAll(reader, frames.length));
    }
    expect(replies).toStrictEqual([value, 1, value, 1, value, 1]);
    expect(reader.empty).toBe(true);
  }
});

test('what comes next is shown as it is, and not more than a line of it', () => {
  const reader = readerOf(`+OK\r\né${'x'.repeat(100)}`);
  reader.read();
  expect(reader.peek()).toBe(JSON.stringify(`Ã©${'x'.repeat(38)}`));
  expect(new ReplyReader().peek()).toBe('""');
});
