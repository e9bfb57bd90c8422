/**
 * What was read of an array is kept: a reply costs what its bytes do, in however many chunks it
 * comes.
 */

import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  INCOMPLETE,
  OTHER,
  ReplyReader,
  type Reply,
} from '../../../src/cluster/resp/reply-reader.ts';
import { encodeReply } from '../plain-resp.ts';
import { anyReply, readerOf, strings } from './replies.ts';

test('any reply is read with its last byte, and with none before', () => {
  fc.assert(
    fc.property(anyReply, (reply) => {
      const bytes = Buffer.from(encodeReply(reply));
      const whole = readerOf(bytes).read();
      const reader = new ReplyReader();
      for (let at = 0; at < bytes.length; at++) {
        expect(reader.read()).toBe(INCOMPLETE);
        reader.push(bytes.subarray(at, at + 1));
      }
      expect(reader.read()).toStrictEqual(whole);
      expect([reader.isInReply, reader.empty, reader.position]).toStrictEqual([
        false,
        true,
        bytes.length,
      ]);
    }),
    { numRuns: 500 },
  );
});

/** An array of strings, as text and as RESP. */
function longArray(itemCount: number): { items: string[]; bytes: Buffer } {
  const items = Array.from({ length: itemCount }, (_, n) => `value ${n}`);
  const encoded = items.map((item) => `$${item.length}\r\n${item}\r\n`).join('');
  return { items, bytes: Buffer.from(`*${itemCount}\r\n${encoded}`) };
}

/**
 * How many bytes a reader looked for strings in, over all its attempts to read what comes in
 * chunks.
 */
function bytesMadeText(bytes: Buffer, chunkBytes: number): { reply: Reply; made: number } {
  const reader = new ReplyReader();
  const { toString } = Buffer.prototype;
  let made = 0;
  Buffer.prototype.toString = function count(...args: Parameters<typeof toString>): string {
    const text = toString.apply(this, args);
    made += text.length;
    return text;
  };
  try {
    let reply: Reply | typeof INCOMPLETE = INCOMPLETE;
    for (let at = 0; at < bytes.length; at += chunkBytes) {
      reader.push(bytes.subarray(at, at + chunkBytes));
      reply = reader.read();
    }
    if (reply === INCOMPLETE) throw new Error('the reply was not read');
    return { reply, made };
  } finally {
    Buffer.prototype.toString = toString;
  }
}

test('an array of 20,000 items in 100-byte chunks is made text no more often than in one', () => {
  const { items, bytes } = longArray(20_000);
  const { reply, made } = bytesMadeText(bytes, 100);
  expect(reply).toStrictEqual(items);
  // A chunk's text is made once with what was left of the chunk before.
  expect(made / bytes.length).toBeLessThan(4);
});

test('in the middle of an array the other ways to read decline', () => {
  const reader = readerOf('*3\r\n:1\r\n');
  expect(reader.read()).toBe(INCOMPLETE);
  reader.push(Buffer.from(':2\r\n'));
  expect(reader.readInteger()).toBe(OTHER);
  expect(reader.readStrings(strings(2))).toBe(OTHER);
  expect(reader.readExactly(Buffer.from(':2\r\n'))).toBe(OTHER);
  expect(reader.isInReply).toBe(true);
  reader.push(Buffer.from(':3\r\n:4\r\n'));
  expect(reader.read()).toStrictEqual([1, 2, 3]);
  expect(reader.readInteger()).toBe(4);
});

test('a push that is cut is not taken for the reply after it', () => {
  const reader = readerOf('>2\r\n+invalidate\r\n');
  expect(reader.skipPushes()).toBe(INCOMPLETE);
  reader.push(Buffer.from('*1\r\n$1\r\na\r\n*1\r\n+x\r\n'));
  expect(reader.skipPushes()).toBeUndefined();
  expect(reader.read()).toStrictEqual(['x']);
});
