import { isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  INCOMPLETE,
  OTHER,
  ProtocolError,
  ReplyReader,
} from '../../../src/cluster/resp/reply-reader.ts';
import { encodeReply } from '../plain-resp.ts';
import { anyReply, push, randomFrom, readAll, readerOf, row, strings } from './replies.ts';

function refusalOf(bytes: string): string {
  try {
    readAll(readerOf(bytes), bytes.length);
  } catch (error) {
    if (error instanceof ProtocolError) return error.message;
    throw error;
  }
  return 'nothing was refused';
}

test.each([
  ['HTTP/1.1 400 Bad Request\r\n', 'no reply begins with "HTTP/1.1 400 Bad Request\\r\\n"'],
  ['\r\n+OK\r\n', 'no reply begins with "\\r\\n+OK\\r\\n"'],
  ['\x15\x03\x01', 'no reply begins with "\\u0015\\u0003\\u0001"'], // TLS
  ['*1\r\nx\r\n', 'no reply begins with "x\\r\\n"'],
  [':\r\n', 'number ""'],
  [':1.5\r\n', 'number "1.5"'],
  [':1e3\r\n', 'number "1e3"'],
  [': 1\r\n', 'number " 1"'],
  [':0x10\r\n', 'number "0x10"'],
  ['$x\r\n', 'number "x"'],
  ['$?\r\n', 'number "?"'], // streamed strings, which no server sends
  ['*?\r\n', 'number "?"'],
  ['$-2\r\n', 'a string of -2 bytes'],
  ['$536870913\r\n', 'a string of 536870913 bytes'],
  ['*-2\r\n', 'an array of -2 items'],
  ['*16777217\r\n', 'an array of 16777217 items'],
  ['%99999999\r\n', 'an array of 99999999 items'],
  ['$3\r\nabcde\r\n', 'a string of 3 bytes does not end there'],
  ['$3\r\nab\r\n\r\n', 'a string of 3 bytes does not end there'],
  ['$3\r\nabc\n\r', 'a string of 3 bytes does not end there'],
  ['#x\r\n', 'boolean "x"'],
  ['#true\r\n', 'boolean "true"'],
  ['_x\r\n', 'null "x"'],
])('%j is refused with what was seen', (bytes, message) => {
  expect(refusalOf(bytes)).toBe(message);
});

test.each([
  ['a line without end', `+${'x'.repeat(65_537)}`, 'a line of more than 65536 bytes'],
  ['a number without end', `:${'1'.repeat(65_537)}`, 'a line of more than 65536 bytes'],
  ['nested arrays', `${'*1\r\n'.repeat(18)}:1\r\n`, 'replies nested deeper than 16'],
  ['arrays without end', '*1\r\n'.repeat(100_000), 'replies nested deeper than 16'],
  ['maps without end', '%1\r\n'.repeat(100_000), 'replies nested deeper than 16'],
])('%s: refused with what was seen', (_, bytes, message) => {
  expect(refusalOf(bytes)).toBe(message);
});

test('replies may be nested as deep as the limit', () => {
  expect(refusalOf(`${'*1\r\n'.repeat(16)}:1\r\n`)).toBe('nothing was refused');
});

test('attributes without end are refused, not followed until the stack is full', () => {
  expect(refusalOf('|0\r\n'.repeat(100_000))).toContain('nested deeper');
});

/** Bytes of replies in which some were changed, left out or put in. */
const damaged: fc.Arbitrary<Buffer> = fc
  .tuple(
    fc.array(fc.oneof(row, anyReply, push), { minLength: 1, maxLength: 4 }),
    fc.array(
      fc.tuple(
        fc.nat(),
        fc.constantFrom('change', 'drop', 'put'),
        fc.oneof(
          fc.constantFrom(...[...'+-:$*_#,(!=%~>|?0123456789\r\n'].map((c) => c.charCodeAt(0))),
          fc.nat({ max: 255 }),
        ),
      ),
      { minLength: 1, maxLength: 3 },
    ),
  )
  .map(([frames, damages]) => {
    const bytes = [...Buffer.from(frames.map(encodeReply).join(''))];
    for (const [place, damage, byte] of damages) {
      const at = place % bytes.length;
      if (damage === 'change') bytes[at] = byte;
      else if (damage === 'drop') bytes.splice(at, 1);
      else bytes.splice(at, 0, byte);
      if (bytes.length === 0) bytes.push(byte);
    }
    return Buffer.from(bytes);
  });

test('damaged bytes are read, refused or waited for, and nothing else', () => {
  fc.assert(
    fc.property(damaged, fc.nat(), (bytes, seed) => {
      const random = randomFrom(seed);
      const reader = new ReplyReader();
      let count = 0;
      try {
        for (let begin = 0; begin < bytes.length;) {
          const end = begin + 1 + Math.floor(random() * 8);
          reader.push(bytes.subarray(begin, end));
          count += readAll(reader, bytes.length).length;
          begin = end;
        }
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
      }
      expect(count).toBeLessThanOrEqual(bytes.length);
    }),
    { numRuns: 3_000 },
  );
});

/** What one way of reading makes of the bytes, and how far it came. */
function outcomeOf(bytes: Buffer, read: (reader: ReplyReader) => unknown): unknown {
  const reader = readerOf(bytes);
  try {
    const reply = read(reader);
    return reply === INCOMPLETE ? 'incomplete' : [reply, reader.position];
  } catch (error) {
    if (error instanceof ProtocolError) return 'refused';
    throw error;
  }
}

test('whatever the quick ways read, the thorough one reads the same, to the same byte', () => {
  fc.assert(
    fc.property(damaged, fc.nat({ max: 4 }), (bytes, count) => {
      const thorough = outcomeOf(bytes, (reader) => reader.read());
      const columns = strings(count);
      for (const quick of [
        outcomeOf(bytes, (reader) =>
          reader.readStrings(columns) === true ? columns.values : OTHER,
        ),
        outcomeOf(bytes, (reader) => reader.readInteger()),
      ]) {
        const declined = isDeepStrictEqual(quick, [OTHER, 0]) || quick === 'incomplete';
        expect(declined ? thorough : quick).toStrictEqual(thorough);
      }
    }),
    { numRuns: 20_000 },
  );
}, 60_000);

test.each([
  '*1\r\n$-2\r\n',
  '*1\r\n$-x\r\n',
  '*1\r\n_x\r\n',
  '*1\r\n_\rx',
  '*1\rx$1\r\na\r\n',
  '*1\r\n$1\rxa\r\n',
  '*1\r\n$\r\n\r\n',
])('the quick way does not read %j, which is not RESP', (bytes) => {
  const reader = readerOf(bytes);
  expect(reader.readStrings(strings(1))).toBe(OTHER);
  expect(reader.position).toBe(0);
});

test.each([
  ['a string longer than any', `*1\r\n$${'9'.repeat(20)}\r\n`],
  ['a string longer than may be', '*1\r\n$536870913\r\n'],
  ['a length without end', `*1\r\n$${'0'.repeat(70_000)}`],
  ['a count without end', `*${'0'.repeat(70_000)}`],
])('the quick way leaves %s to the thorough one', (_, bytes) => {
  expect(readerOf(bytes).readStrings(strings(1))).toBe(OTHER);
});

test('the quick way does not wait for an integer without end', () => {
  expect(readerOf(`:${'1'.repeat(70_000)}`).readInteger()).toBe(OTHER);
});
