import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CommandWriter } from '../../src/cluster/resp/command-writer.ts';
import { INCOMPLETE, ReplyReader, type Reply } from '../../src/cluster/resp/reply-reader.ts';
import { KeyTable } from '../../src/cluster/routing/key-table.ts';
import { KeyLayout } from '../../src/store/key-layout.ts';
import { FeatureReplies, ReadShape, ReadShapes } from '../../src/store/read-shape.ts';
import { decodeCommands, encodeReply, type WireReply } from '../cluster/plain-resp.ts';
import { anyText } from '../cluster/unicode.ts';
import { refusalOf } from './refusal.ts';

const layout = new KeyLayout('p:', { x: ['vip'] });

/** What the replies to one id, or several, become. */
const repliesOf = (shape: ReadShape, ids: readonly string[] = ['1']): FeatureReplies =>
  new FeatureReplies(shape, ids);

/** Reads a row as a lane does. */
function readRow(replies: FeatureReplies, reader: ReplyReader): object | symbol {
  const read = reader.readStrings(replies.columns);
  return read === true ? replies.answerOfColumns() : read;
}

function commandsOf(shape: ReadShape, id: string): string[][] {
  const keys = new KeyTable(layout.keyPrefix);
  layout.addKey(keys, id);
  const writer = new CommandWriter();
  shape.command.write(keys, 0, writer);
  return decodeCommands(writer.view());
}

test('a row is an HMGET of its key', () => {
  const shape = new ReadShape(['a', 'é']);
  expect(commandsOf(shape, '1')).toStrictEqual([['HMGET', 'p:1', 'a', 'é']]);
  expect(commandsOf(shape, 'vip')).toStrictEqual([['HMGET', 'p:{x}:vip', 'a', 'é']]);
  expect(commandsOf(shape, 'é')).toStrictEqual([['HMGET', 'p:é', 'a', 'é']]);
});

test('a row is read from the bytes, and from the reply, to the same', () => {
  const replies = repliesOf(new ReadShape(['a', 'b', 'c']));
  const reader = new ReplyReader();
  reader.push(Buffer.from('*3\r\n$1\r\n7\r\n$-1\r\n$0\r\n\r\n'));
  expect(readRow(replies, reader)).toStrictEqual({ a: '7', c: '' });
  expect(replies.answerOf([['7', null, '']], 0)).toStrictEqual({ a: '7', c: '' });
  expect(readRow(replies, reader)).toBe(INCOMPLETE);
});

test('rows of bytes have no quick way', () => {
  const replies = new FeatureReplies(new ReadShape(['a']), ['1'], 'bytes');
  expect([replies.usual, replies.stringsAs]).toStrictEqual([undefined, 'bytes']);
});

test.each([null, 'OK', 7, [['1']], [['1', '2', '3', '4']]])('%j is no answer to HMGET', (reply) => {
  const replies = repliesOf(new ReadShape(['a', 'b', 'c']));
  expect(replies.answerOf([reply], 0)).toMatchObject({ code: 'UNEXPECTED_REPLY' });
});

describe('a row of any names and values', () => {
  const name = fc.oneof(
    anyText.filter((text) => text !== ''),
    fc.constantFrom('__proto__', 'constructor', 'toString', 'toJSON', 'length', 'then'),
    fc.constantFrom('0', '1', '7', '007', '-1', '1.5', '4294967294', '4294967295', '1e3'),
    fc.constantFrom('"', '\\', '\n', '\u2028', '\0', ' ', 'a', 'b'), // and some that come twice
  );
  const value = fc.oneof(
    { arbitrary: fc.constantFrom('US', '0', '', 'low', 'true'), weight: 5 },
    { arbitrary: anyText, weight: 2 },
    { arbitrary: fc.constant('x'.repeat(300)), weight: 1 },
  );
  const rowsOf = (nameCount: number, mayMiss: boolean): fc.Arbitrary<(string | null)[][]> =>
    fc.array(
      fc.array(mayMiss ? fc.option(value, { freq: 3 }) : value, {
        minLength: nameCount,
        maxLength: nameCount,
      }),
      { minLength: 1, maxLength: 4 },
    );
  const tables = fc
    .tuple(
      fc.oneof(
        fc.array(name, { minLength: 1, maxLength: 8 }),
        fc.array(name, { minLength: 100, maxLength: 200 }),
      ),
      fc.boolean(),
    )
    .chain(([names, mayMiss]) =>
      fc.tuple(fc.constant(names), rowsOf(names.length, mayMiss), fc.boolean()),
    );

  /** As a server answers: a name that comes twice has the same value twice. */
  function asServed(names: readonly string[], values: readonly (string | null)[]): Reply[] {
    return names.map((asked) => values[names.indexOf(asked)] ?? null);
  }

  /** The row, made one by one. */
  function plainRow(names: readonly string[], values: readonly Reply[]): [string, Reply][] {
    const row = new Map<string, Reply>();
    for (const [i, asked] of names.entries()) {
      const read = values[i];
      if (typeof read === 'string') row.set(asked, read);
    }
    return [...row];
  }

  function encoded(values: readonly Reply[], nulls: '_' | 'null string'): string {
    const items = values.map((read): WireReply =>
      typeof read === 'string' ? { type: '$', text: read } : { type: nulls },
    );
    return encodeReply({ type: '*', items });
  }

  const inOrder = (entries: [string, unknown][]): [string, unknown][] =>
    entries.toSorted(([a], [b]) => (a < b ? -1 : 1));

  test('holds exactly the features that there are, from the bytes and from the reply', () => {
    fc.assert(
      fc.property(tables, ([names, rows, isResp2]) => {
        const shape = new ReadShape(names);
        const replies = repliesOf(shape);
        const reader = new ReplyReader();
        for (const row of rows) {
          const values = asServed(names, row);
          reader.push(Buffer.from(encoded(values, isResp2 ? 'null string' : '_')));
          const quick = readRow(replies, reader) as object;
          const wanted = plainRow(names, values);
          expect(inOrder(Object.entries(quick))).toStrictEqual(inOrder(wanted));
          expect(Object.getPrototypeOf(quick)).toBe(Object.prototype);
          const thorough = replies.answerOf([values], 0);
          expect(quick).toStrictEqual(thorough);
          expect(Object.keys(quick)).toStrictEqual(Object.keys(thorough));
          const own = Object.values(Object.getOwnPropertyDescriptors(quick));
          expect(own.every((of) => of.writable && of.enumerable && of.configurable)).toBe(true);
        }
        expect(reader.empty).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  test.each([1, 2, 10, 50, 129, 200])('of %i names is right with all, some and none', (count) => {
    const names = Array.from({ length: count }, (_, i) => `f${i}`);
    const replies = repliesOf(new ReadShape(names));
    for (const keep of [(): boolean => true, (i: number): boolean => i % 2 > 0, () => false]) {
      const values = names.map((_, i) => (keep(i) ? `${i}` : null));
      const reader = new ReplyReader();
      reader.push(Buffer.from(encoded(values, '_')));
      expect(Object.entries(readRow(replies, reader) as object)).toStrictEqual(
        plainRow(names, values),
      );
    }
  });

  test('has the name that was asked for, whatever names were read before that JSON escapes', () => {
    for (const before of ['\\', '"', '\n', '\u0001']) {
      for (const asked of ['"', '\\', '\n', '\u0001']) {
        for (const names of [
          ['first', before],
          ['first', asked],
        ]) {
          const reader = new ReplyReader();
          reader.push(Buffer.from('*2\r\n$1\r\n1\r\n$1\r\n2\r\n'));
          const row = readRow(repliesOf(new ReadShape(names)), reader) as object;
          expect(Object.keys(row)).toStrictEqual(names);
        }
      }
    }
  });

  test('is its own: a change to one is seen in no other', () => {
    const replies = repliesOf(new ReadShape(['a', '__proto__']));
    const reader = new ReplyReader();
    reader.push(Buffer.from('*2\r\n$1\r\n1\r\n$1\r\n2\r\n'.repeat(3)));
    const first = readRow(replies, reader) as Record<string, string>;
    first['a'] = 'changed';
    first['other'] = 'new';
    const second = readRow(replies, reader) as Record<string, string>;
    delete second['a'];
    const wanted = JSON.parse('{ "a": "1", "__proto__": "2" }') as unknown;
    expect(readRow(replies, reader)).toStrictEqual(wanted);
    expect(Object.entries(first)).toStrictEqual([
      ['a', 'changed'],
      ['__proto__', '2'],
      ['other', 'new'],
    ]);
  });
});

test('a batch counts the features that it read, whichever way', () => {
  const shape = new ReadShape(['a', 'b', 'c']);
  const [replies, other] = [repliesOf(shape), repliesOf(shape)];
  expect(replies.featureCount).toBe(0);
  const reader = new ReplyReader();
  reader.push(Buffer.from('*3\r\n$1\r\n1\r\n_\r\n$0\r\n\r\n*3\r\n_\r\n_\r\n_\r\n*3\r\n$1\r\n'));
  readRow(replies, reader);
  expect(replies.featureCount).toBe(2);
  readRow(replies, reader);
  expect(replies.featureCount).toBe(2);
  expect(readRow(replies, reader)).toBe(INCOMPLETE);
  replies.answerOf([['1', '2', '3']], 0);
  replies.answerOf(['OK'], 0);
  expect([replies.featureCount, other.featureCount]).toStrictEqual([5, 0]);
});

test('batches of one shape, read by turns, do not mix their rows', () => {
  const shape = new ReadShape(['a', 'b']);
  const readers = [new ReplyReader(), new ReplyReader()];
  const batches = [repliesOf(shape), repliesOf(shape)] as const;
  for (const [i, reader] of readers.entries()) {
    reader.push(Buffer.from(`*2\r\n$1\r\n${i}\r\n$1\r\nx`));
    expect(readRow(batches[i]!, reader)).toBe(INCOMPLETE);
  }
  for (const [i, reader] of readers.entries()) {
    reader.push(Buffer.from('\r\n'));
    expect(readRow(batches[i]!, reader)).toStrictEqual({ a: `${i}`, b: 'x' });
  }
});

test('names are checked', () => {
  for (const names of [['f', ''], ['\uD800'], 'f', undefined]) {
    const asked = (): unknown => new ReadShapes().of(names as string[]);
    expect(refusalOf(asked).code).toBe('INVALID_FEATURE');
  }
});

test('the same names give the same shape, be they in the same array or in another', () => {
  const shapes = new ReadShapes();
  const names = ['a', 'b'];
  const shape = shapes.of(names);
  expect(shapes.of(names)).toBe(shape);
  expect(shapes.of(['a', 'b'])).toBe(shape);
  for (const others of [['b', 'a'], ['a'], ['a', 'b', 'c'], ['a', 'B'], []]) {
    expect(shapes.of(others)).not.toBe(shape);
    expect(shapes.of(others).names).toStrictEqual(others);
    expect(shapes.of(names)).toBe(shape); // known by its array
  }
});

test('an array that was changed gives a shape of its own, and does not change the other', () => {
  const shapes = new ReadShapes();
  const names = ['a', 'b'];
  const shape = shapes.of(names);
  names[1] = 'c';
  const changed = shapes.of(names);
  expect(changed.names).toStrictEqual(['a', 'c']);
  expect(shape.names).toStrictEqual(['a', 'b']);
  expect(commandsOf(changed, 'k')).toStrictEqual([['HMGET', 'p:k', 'a', 'c']]);
  expect(commandsOf(shape, 'k')).toStrictEqual([['HMGET', 'p:k', 'a', 'b']]);
  names.push('');
  expect(refusalOf(() => shapes.of(names)).code).toBe('INVALID_FEATURE');
  names.pop();
  expect(shapes.of(names).names).toStrictEqual(['a', 'c']);
});

test('names that were refused are refused again', () => {
  const shapes = new ReadShapes();
  const names = ['a', ''];
  for (let i = 0; i < 2; i++) {
    expect(refusalOf(() => shapes.of(names)).code).toBe('INVALID_FEATURE');
  }
});
