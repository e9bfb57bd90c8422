/** Replies of any kind, and ways to read them. */

import * as fc from 'fast-check';
import { ColumnValues } from '../../../src/cluster/resp/column-values.ts';
import { INCOMPLETE, ReplyReader, type Reply } from '../../../src/cluster/resp/reply-reader.ts';
import type { WireReply } from '../plain-resp.ts';
import { anyText } from '../unicode.ts';

const line = anyText.map((text) => text.replaceAll(/[\r\n]/g, ' '));
const text = fc.oneof(
  anyText,
  fc.string({ unit: 'binary-ascii' }),
  fc.constantFrom('', '\r\n', 'OK\r\n', '$3\r\nabc\r\n', '\0', '-ERR x\r\n', '😀', 'x'.repeat(200)),
  fc.integer().map(String),
);

/** Integers that ioredis reads exactly too, which it does not near 2 ** 53. */
export const safely: fc.Arbitrary<number> = fc.integer({ min: -(2 ** 52), max: 2 ** 52 });

/** A reply without parts. */
const leaf: fc.Arbitrary<WireReply> = fc.oneof(
  fc.record({ type: fc.constantFrom('+' as const, '-' as const), line }),
  fc.record({ type: fc.constant(':' as const), value: safely }),
  fc.record({ type: fc.constant('#' as const), value: fc.boolean() }),
  fc.record({
    type: fc.constantFrom('_' as const, 'null string' as const, 'null array' as const),
  }),
  fc.record({ type: fc.constantFrom('$' as const, '!' as const), text }),
  fc.record({ type: fc.constant('=' as const), format: fc.constantFrom('txt', 'mkd'), text }),
  fc.record({
    type: fc.constant(',' as const),
    line: fc.oneof(fc.double().map(String), fc.constantFrom('inf', '-inf', 'nan', '-0', '1e-7')),
  }),
  fc.record({ type: fc.constant('(' as const), line: fc.bigInt().map(String) }),
);

const kinds = fc.letrec<{ reply: WireReply; pair: readonly [WireReply, WireReply] }>((tie) => {
  const items = fc.array(tie('reply'), { maxLength: 3 });
  const pairs = fc.array(tie('pair'), { maxLength: 2 });
  return {
    pair: fc.tuple(tie('reply'), tie('reply')),
    reply: fc.oneof(
      { maxDepth: 4, depthSize: 'xsmall' },
      { arbitrary: leaf, weight: 6 },
      {
        arbitrary: fc.record({ type: fc.constantFrom('*' as const, '~' as const), items }),
        weight: 3,
      },
      { arbitrary: fc.record({ type: fc.constant('%' as const), pairs }), weight: 1 },
      {
        arbitrary: fc.record({ type: fc.constant('|' as const), pairs, of: tie('reply') }),
        weight: 1,
      },
    ),
  };
});

/** Any reply, whole; not a push. */
export const anyReply: fc.Arbitrary<WireReply> = kinds.reply;

/** What batches consist of. */
export const row: fc.Arbitrary<WireReply> = fc.record({
  type: fc.constant('*' as const),
  items: fc.array(
    fc.oneof(
      { arbitrary: fc.record({ type: fc.constant('$' as const), text }), weight: 5 },
      {
        arbitrary: fc.record({ type: fc.constantFrom('_' as const, 'null string' as const) }),
        weight: 1,
      },
    ),
    { maxLength: 5 },
  ),
});

export const push: fc.Arbitrary<WireReply> = fc.record({
  type: fc.constant('>' as const),
  items: fc.array(anyReply, { minLength: 1, maxLength: 3 }),
});

export const frame: fc.Arbitrary<WireReply> = fc.oneof(
  { arbitrary: anyReply, weight: 4 },
  { arbitrary: row, weight: 4 },
  { arbitrary: push, weight: 1 },
);

/** Numbers from 0 to below 1, the same ones for the same seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** A reader that holds these bytes. */
export function readerOf(bytes: string | Buffer): ReplyReader {
  const reader = new ReplyReader();
  reader.push(typeof bytes === 'string' ? Buffer.from(bytes) : bytes);
  return reader;
}

/** Room for so many strings. */
export const strings = (count: number): ColumnValues => new ColumnValues(count);

/** Reads all that there is; throws what the reader throws, and gives where it stopped. */
export function readAll(reader: ReplyReader, limit: number): Reply[] {
  const replies: Reply[] = [];
  while (replies.length <= limit) {
    const reply = reader.skipPushes() ?? reader.read();
    if (reply === INCOMPLETE) return replies;
    replies.push(reply);
  }
  throw new Error('more replies than bytes');
}
