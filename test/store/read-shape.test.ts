import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CommandWriter } from '../../src/cluster/resp/command-writer.ts';
import { INCOMPLETE, ReplyReader, type Reply } from '../../src/cluster/resp/reply-reader.ts';
import { slotOf } from '../../src/cluster/slot.ts';
import { EntityKeys } from '../../src/store/entity-keys.ts';
import { KeyLayout } from '../../src/store/key.ts';
import { ReadBatch, ReadShape, ReadShapes } from '../../src/store/read-shape.ts';
import { decodeCommands, encodeReply, type WireReply } from '../cluster/plain-resp.ts';
import { anyText } from '../cluster/unicode.ts';
import { refusalOf } from './refusal.ts';

const layout = new KeyLayout('p:', { x: ['vip'] });

function batchOf(shape: ReadShape, ids: readonly string[] = ['1']): ReadBatch {
  const keys = new EntityKeys(layout, ids);
  keys.extend(ids.length);
  return new ReadBatch(shape, keys);
}

function commandsOf(shape: ReadShape, ids: readonly string[], asking: boolean): string[][] {
  const writer = new CommandWriter();
  const batch = batchOf(shape, ids);
  for (let row = 0; row < batch.rowCount; row++) batch.encode(row, writer, asking);
  return decodeCommands(writer.view());
}

test('each row is an HMGET of its key, behind ASKING if need be', () => {
  const shape = new ReadShape(['a', 'é']);
  expect(commandsOf(shape, ['1', 'vip', 'é'], false)).toStrictEqual([
    ['HMGET', 'p:1', 'a', 'é'],
    ['HMGET', 'p:{x}:vip', 'a', 'é'],
    ['HMGET', 'p:é', 'a', 'é'],
  ]);
  expect(commandsOf(shape, ['1', '2'], true)).toStrictEqual([
    ['ASKING'],
    ['HMGET', 'p:1', 'a', 'é'],
    ['ASKING'],
    ['HMGET', 'p:2', 'a', 'é'],
  ]);
});

test('a batch knows the slots of its keys', () => {
  const batch = batchOf(new ReadShape(['a']), ['1', 'vip', 'é']);
  expect([batch.rowCount, batch.commandsPerRow]).toStrictEqual([3, 1]);
  expect([0, 1, 2].map((row) => batch.slotOf(row))).toStrictEqual(
    ['p:1', 'x', 'p:é'].map((key) => slotOf(key)),
  );
});

test('the bytes of a row are those of its key and of the names, about', () => {
  const batch = batchOf(new ReadShape(['a', 'é'.repeat(100)]), ['1', 'x'.repeat(1_000)]);
  for (const row of [0, 1]) {
    const writer = new CommandWriter();
    batch.encode(row, writer, false);
    expect(Math.abs(writer.length - batch.bytesOf(row))).toBeLessThan(40);
  }
});

test('a row is read from the bytes, and from the reply, to the same', () => {
  const batch = batchOf(new ReadShape(['a', 'b', 'c']));
  const reader = new ReplyReader();
  reader.push(Buffer.from('*3\r\n$1\r\n7\r\n$-1\r\n$0\r\n\r\n'));
  expect(batch.readAnswer(reader)).toStrictEqual({ a: '7', c: '' });
  expect(batch.answerOf([['7', null, '']], 0)).toStrictEqual({ a: '7', c: '' });
  expect(batch.readAnswer(reader)).toBe(INCOMPLETE);
});

test.each([null, 'OK', 7, [['1']], [['1', '2', '3', '4']]])('%j is no answer to HMGET', (reply) => {
  const batch = batchOf(new ReadShape(['a', 'b', 'c']));
  expect(batch.answerOf([reply], 0)).toMatchObject({ code: 'UNEXPECTED_REPLY' });
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
        const batch = batchOf(shape);
        const reader = new ReplyReader();
        for (const row of rows) {
          const values = asServed(names, row);
          reader.push(Buffer.from(encoded(values, isResp2 ? 'null string' : '_')));
          const quick = batch.readAnswer(reader) as object;
          const wanted = plainRow(names, values);
          expect(inOrder(Object.entries(quick))).toStrictEqual(inOrder(wanted));
          expect(Object.getPrototypeOf(quick)).toBe(Object.prototype);
          const thorough = batch.answerOf([values], 0);
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
    const batch = batchOf(new ReadShape(names));
    for (const keep of [(): boolean => true, (i: number): boolean => i % 2 > 0, () => false]) {
      const values = names.map((_, i) => (keep(i) ? `${i}` : null));
      const reader = new ReplyReader();
      reader.push(Buffer.from(encoded(values, '_')));
      expect(Object.entries(batch.readAnswer(reader) as object)).toStrictEqual(
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
          const row = batchOf(new ReadShape(names)).readAnswer(reader) as object;
          expect(Object.keys(row)).toStrictEqual(names);
        }
      }
    }
  });

  test('is its own: a change to one is seen in no other', () => {
    const batch = batchOf(new ReadShape(['a', '__proto__']));
    const reader = new ReplyReader();
    reader.push(Buffer.from('*2\r\n$1\r\n1\r\n$1\r\n2\r\n'.repeat(3)));
    const first = batch.readAnswer(reader) as Record<string, string>;
    first['a'] = 'changed';
    first['other'] = 'new';
    const second = batch.readAnswer(reader) as Record<string, string>;
    delete second['a'];
    const wanted = JSON.parse('{ "a": "1", "__proto__": "2" }') as unknown;
    expect(batch.readAnswer(reader)).toStrictEqual(wanted);
    expect(Object.entries(first)).toStrictEqual([
      ['a', 'changed'],
      ['__proto__', '2'],
      ['other', 'new'],
    ]);
  });
});

test('a batch counts the features that it read, whichever way', () => {
  const shape = new ReadShape(['a', 'b', 'c']);
  const [batch, other] = [batchOf(shape), batchOf(shape)];
  expect(batch.featureCount).toBe(0);
  const reader = new ReplyReader();
  reader.push(Buffer.from('*3\r\n$1\r\n1\r\n_\r\n$0\r\n\r\n*3\r\n_\r\n_\r\n_\r\n*3\r\n$1\r\n'));
  batch.readAnswer(reader);
  expect(batch.featureCount).toBe(2);
  batch.readAnswer(reader);
  expect(batch.featureCount).toBe(2);
  expect(batch.readAnswer(reader)).toBe(INCOMPLETE);
  batch.answerOf([['1', '2', '3']], 0);
  batch.answerOf(['OK'], 0);
  expect([batch.featureCount, other.featureCount]).toStrictEqual([5, 0]);
});

test('batches of one shape, read by turns, do not mix their rows', () => {
  const shape = new ReadShape(['a', 'b']);
  const readers = [new ReplyReader(), new ReplyReader()];
  const batches = [batchOf(shape), batchOf(shape)];
  for (const [i, reader] of readers.entries()) {
    reader.push(Buffer.from(`*2\r\n$1\r\n${i}\r\n$1\r\nx`));
    expect(batches[i]?.readAnswer(reader)).toBe(INCOMPLETE);
  }
  for (const [i, reader] of readers.entries()) {
    reader.push(Buffer.from('\r\n'));
    expect(batches[i]?.readAnswer(reader)).toStrictEqual({ a: `${i}`, b: 'x' });
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
  expect(commandsOf(changed, ['k'], false)).toStrictEqual([['HMGET', 'p:k', 'a', 'c']]);
  expect(commandsOf(shape, ['k'], false)).toStrictEqual([['HMGET', 'p:k', 'a', 'b']]);
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
