import { expect, test } from 'vitest';
import { CommandWriter } from '../../src/cluster/resp/command-writer.ts';
import { INCOMPLETE, ReplyReader, type Reply } from '../../src/cluster/resp/reply-reader.ts';
import { bulkWriter } from '../../src/store/bulk-load.ts';
import type { Context } from '../../src/store/context.ts';
import type { Features } from '../../src/store/features.ts';
import type { RowWriter } from '../../src/store/row-load.ts';
import { zeroCounters } from '../../src/store/stats.ts';
import { decodeCommands } from '../cluster/plain-resp.ts';
import { refusalOf } from './refusal.ts';

function newWriter(counters = zeroCounters()): RowWriter {
  return bulkWriter({ counters } as Context, 60); // all that a writer reads
}

function commandsOf(features: Features): string[][] {
  const rows = newWriter();
  const writer = new CommandWriter();
  expect(rows.write('u1', 'p:u1', features, writer)).toBe(Object.keys(features).length);
  rows.writeSecond?.('p:u1', writer);
  return decodeCommands(writer.view());
}

/** What the writer reads from the bytes of a node. */
function readFrom(bytes: string): unknown {
  const reader = new ReplyReader();
  reader.push(Buffer.from(bytes));
  const answer = newWriter().readAnswer?.(reader, 2);
  if (answer === INCOMPLETE) return 'incomplete';
  return [answer, bytes.slice(reader.mark)];
}

test('a row is HSET and EXPIRE on its key', () => {
  expect(newWriter()).toMatchObject({ commandsPerRow: 2 });
  expect(newWriter().transaction).not.toBe(true);
  expect(commandsOf({ a: 1, b: true })).toStrictEqual([
    ['HSET', 'p:u1', 'a', '1', 'b', 'true'],
    ['EXPIRE', 'p:u1', '60'],
  ]);
});

test('the two commands can be written apart, so that ASKING fits in between', () => {
  const rows = newWriter();
  const [first, second] = [new CommandWriter(), new CommandWriter()];
  rows.write('u1', 'p:u1', { a: 1 }, first);
  rows.writeSecond?.('p:u1', second);
  expect(decodeCommands(first.view())).toStrictEqual([['HSET', 'p:u1', 'a', '1']]);
  expect(decodeCommands(second.view())).toStrictEqual([['EXPIRE', 'p:u1', '60']]);
});

test('a row without features is refused, with its id, where it is checked and where it is written', () => {
  for (const refuse of [
    (): unknown => newWriter().check('u1', {}),
    (): unknown => newWriter().write('u1', 'p:u1', {}, new CommandWriter()),
  ]) {
    const error = refusalOf(refuse);
    expect(error.code).toBe('INVALID_FEATURE');
    expect(error.message).toContain("Entity 'u1' has no features");
  }
});

test('bad values are refused where they are checked and where they are written', () => {
  const bad = { a: 1, b: Number.NaN };
  expect(refusalOf(() => newWriter().check('u1', bad)).code).toBe('INVALID_FEATURE');
  const written = (): unknown => newWriter().write('u1', 'p:u1', bad, new CommandWriter());
  expect(refusalOf(written).code).toBe('INVALID_FEATURE');
});

test.each<[Reply[]]>([
  [[2, 1]],
  [[0, 1]], // every field was there before
])('%j says that the row was written', (replies) => {
  expect(newWriter().answerOf(replies, 2)).toBe(true);
});

test.each<[readonly Reply[], string]>([
  [[1, 0], 'EXPIRE replied 0'],
  [[1, null], 'EXPIRE replied null'],
  [[1], 'EXPIRE replied undefined'],
  [[1, '1'], 'EXPIRE replied "text of 1"'],
  [['OK', 1], 'HSET replied "OK"'],
  [['2', 1], 'HSET replied "text of 1"'],
  [[null, 1], 'HSET replied null'],
  [[], 'HSET replied undefined'],
])('%j is an unexpected reply', (replies, message) => {
  const error = newWriter().answerOf(replies, 1);
  expect(error).toMatchObject({
    code: 'UNEXPECTED_REPLY',
    message: expect.stringContaining(message),
  });
});

test.each([
  [':2\r\n:1\r\n', [true, '']],
  [':0\r\n:1\r\n', [true, '']],
  [':2\r\n:1\r\n:7\r\n', [true, ':7\r\n']],
  [':2\r\n:0\r\n', [undefined, ':2\r\n:0\r\n']],
  [':2\r\n-ERR x\r\n', [undefined, ':2\r\n-ERR x\r\n']],
  ['-ERR x\r\n:1\r\n', [undefined, '-ERR x\r\n:1\r\n']],
  ['>1\r\n+x\r\n:2\r\n:1\r\n', [undefined, '>1\r\n+x\r\n:2\r\n:1\r\n']],
  [':2\r\n>1\r\n+x\r\n:1\r\n', [undefined, ':2\r\n>1\r\n+x\r\n:1\r\n']],
])('the bytes %j are read, or left for a closer look', (bytes, read) => {
  expect(readFrom(bytes)).toStrictEqual(read);
});

test('cut anywhere, two replies are incomplete', () => {
  const bytes = ':12\r\n:1\r\n';
  for (let end = 0; end < bytes.length; end++)
    expect(readFrom(bytes.slice(0, end))).toBe('incomplete');
});

test('each written row counts as one entity', () => {
  const counters = zeroCounters();
  const counting = newWriter(counters);
  counting.write('u1', 'p:u1', { a: 1, b: 2 }, new CommandWriter());
  expect(counters.batchWritesTotal).toBe(0);
  counting.onWritten(2);
  counting.onWritten(2);
  expect(counters).toStrictEqual({ ...zeroCounters(), batchWritesTotal: 2 });
});
