import { isUtf8 } from 'node:buffer';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  INCOMPLETE,
  OTHER,
  ReplyReader,
  type Reply,
  type StringsAs,
} from '../../../src/cluster/resp/reply-reader.ts';
import { anyText } from '../unicode.ts';
import { readerOf, strings } from './replies.ts';

type Bytes = Uint8Array | null;

const anyBytes = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  anyText.map((text) => new Uint8Array(Buffer.from(text))),
  fc.constantFrom('\ufffd', 'a\ufffdb', '', '\r\n', '$3\r\nabc\r\n').map((text) => {
    return new Uint8Array(Buffer.from(text));
  }),
);
const row: fc.Arbitrary<Bytes[]> = fc.array(fc.option(anyBytes, { freq: 5 }), {
  minLength: 1,
  maxLength: 4,
});

function frameOf(values: readonly Bytes[]): Buffer {
  const parts = values.map((bytes) =>
    bytes === null
      ? Buffer.from('$-1\r\n')
      : Buffer.concat([Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n')]),
  );
  return Buffer.concat([Buffer.from(`*${values.length}\r\n`), ...parts]);
}

/** What the values are, read that way. */
function wantedOf(values: readonly Bytes[], as: StringsAs): Reply {
  return values.map((bytes) =>
    bytes !== null && as === 'text' && isUtf8(bytes) ? Buffer.from(bytes).toString() : bytes,
  );
}

/** Reads replies from chunks, as they come. */
function readAll(chunks: readonly Buffer[], as: StringsAs): Reply[] {
  const reader = new ReplyReader();
  const replies: Reply[] = [];
  for (const chunk of chunks) {
    reader.push(Buffer.from(chunk));
    for (;;) {
      const reply = reader.read(as);
      if (reply === INCOMPLETE) break;
      replies.push(reply);
    }
  }
  return replies;
}

describe.each(['bytes', 'text'] as const)('read as %s', (as) => {
  test('any rows, cut at every byte, are the bytes that were sent', () => {
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 3 }), (rows) => {
        const stream = Buffer.concat(rows.map(frameOf));
        const wanted = rows.map((values) => wantedOf(values, as));
        for (let cut = 0; cut <= stream.length; cut++) {
          const chunks = [stream.subarray(0, cut), stream.subarray(cut)];
          expect(readAll(chunks, as)).toStrictEqual(wanted);
        }
      }),
      { numRuns: 60 },
    );
  });

  test('any rows, byte by byte, are the bytes that were sent', () => {
    fc.assert(
      fc.property(row, (values) => {
        const chunks = Array.from(frameOf(values), (byte) => Buffer.of(byte));
        expect(readAll(chunks, as)).toStrictEqual([wantedOf(values, as)]);
      }),
      { numRuns: 200 },
    );
  });
});

test('bytes are a copy of exactly their length, which the next chunk does not change', () => {
  const chunk = frameOf([Buffer.of(1, 2, 0xff), Buffer.alloc(100, 0xfe)]);
  const reader = readerOf(chunk);
  const reply = reader.read('bytes') as readonly Uint8Array[];
  chunk.fill(0);
  expect(reply).toStrictEqual([Uint8Array.of(1, 2, 0xff), new Uint8Array(100).fill(0xfe)]);
  for (const bytes of reply) {
    expect(bytes.buffer.byteLength).toBe(bytes.length);
    expect(Object.getPrototypeOf(bytes)).toBe(Uint8Array.prototype);
  }
});

test('a row of text is left alone where one value is none, whichever way its values are read', () => {
  const values = [Buffer.from('ä'), Buffer.of(0x61, 0xff), Buffer.from('x'.repeat(50))];
  for (const some of [values, values.toReversed()]) {
    const reader = readerOf(frameOf(some));
    expect(reader.readStrings(strings(3))).toBe(OTHER);
    expect(reader.position).toBe(0);
    expect(reader.read()).toStrictEqual(
      wantedOf(
        some.map((bytes) => new Uint8Array(bytes)),
        'text',
      ),
    );
  }
});

test('parts of every kind of reply are bytes; what the server says itself is text', () => {
  const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));
  const read = (frame: string): unknown => readerOf(frame).read('bytes');
  expect(read('%1\r\n$1\r\na\r\n=5\r\ntxt:b\r\n')).toStrictEqual([bytes('a'), bytes('b')]);
  expect(read('*3\r\n+OK\r\n:1\r\n,1.5\r\n')).toStrictEqual(['OK', 1, '1.5']);
  expect(read('!5\r\nERR x\r\n')).toMatchObject({ message: 'ERR x' });
  expect(readerOf(Buffer.from('-ERR \xff\r\n', 'latin1')).read()).toMatchObject({
    message: 'ERR \ufffd',
  });
});
