/** A reply is whole at its last byte, and not before, wherever the walk over it has stopped meanwhile. */

import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { INCOMPLETE, ReplyReader } from '../../../src/cluster/resp/reply-reader.ts';
import { Skim } from '../../../src/cluster/resp/skim.ts';
import { encodeReply } from '../plain-resp.ts';
import { anyReply } from './replies.ts';

test('any reply is whole with its last byte, and with none before', () => {
  fc.assert(
    fc.property(anyReply, fc.nat(100), (reply, before) => {
      const whole = Buffer.concat([Buffer.alloc(before), Buffer.from(encodeReply(reply))]);
      const skim = new Skim();
      for (let end = before; end < whole.length; end++) {
        expect(skim.isWhole(whole.subarray(0, end), before)).toBe(false);
      }
      expect(skim.isWhole(whole, before)).toBe(true);
    }),
    { numRuns: 500 },
  );
});

test.each([
  ['an array of no number', '*x\r\n'],
  ['a string of no number', '*1\r\n$-2\r\n'],
  ['an array of too many items', `*${'9'.repeat(16)}\r\n`],
  ['arrays nested too deep', '*1\r\n'.repeat(20)],
  ['a line without an end', `*1\r\n+${'x'.repeat(70_000)}`],
])('%s is left to the reader, which refuses it', (_, text) => {
  expect(new Skim().isWhole(Buffer.from(text), 0)).toBe(true);
});

test('a long reply that comes in small chunks is read, and what follows it', () => {
  const items = Array.from({ length: 20_000 }, (_, n) => `value ${n}`);
  const bytes = Buffer.from(
    `*${items.length}\r\n${items.map((item) => `$${item.length}\r\n${item}\r\n`).join('')}:7\r\n`,
  );
  const reader = new ReplyReader();
  let attempts = 0;
  let reply: unknown = INCOMPLETE;
  for (let at = 0; at < bytes.length; at += 100) {
    reader.push(bytes.subarray(at, at + 100));
    const { mark } = reader;
    if (reply === INCOMPLETE) {
      reply = reader.read();
      if (reply === INCOMPLETE) reader.rewind(mark);
    }
    attempts++;
  }
  expect(attempts).toBeGreaterThan(1_000);
  expect(reply).toStrictEqual(items);
  expect(reader.read()).toBe(7);
});
