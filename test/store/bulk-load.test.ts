import { expect, test } from 'vitest';
import { CommandWriter, encodeCommand } from '../../src/cluster/resp/command-writer.ts';
import { EncodedRows } from '../../src/cluster/resp/encoded-rows.ts';
import { INCOMPLETE, OTHER, ReplyReader, type Reply } from '../../src/cluster/resp/reply-reader.ts';
import { KeyPrefix, KeyTable } from '../../src/cluster/routing/key-table.ts';
import { bulkWriter } from '../../src/store/bulk-load.ts';
import type { Context } from '../../src/store/context.ts';
import type { Features } from '../../src/store/features.ts';
import type { RowWriter } from '../../src/store/row-writer.ts';
import { zeroCounters } from '../../src/store/stats.ts';
import { decodeCommands } from '../cluster/plain-resp.ts';
import { refusalOf } from './refusal.ts';

function newWriter(counters = zeroCounters()): RowWriter {
  return bulkWriter({ counters } as Context, { ttlSeconds: 60 }); // all that a writer reads
}

/** Where a writer writes its row. */
function newPlace(): { keys: KeyTable; rows: EncodedRows } {
  const keys = new KeyTable(new KeyPrefix('p:'));
  keys.add('u1');
  return { keys, rows: new EncodedRows(new CommandWriter()) };
}

function written(features: Features): { featureCount: number; rows: EncodedRows } {
  const { keys, rows } = newPlace();
  const featureCount = newWriter().write('u1', features, keys, rows);
  rows.endRow();
  return { featureCount, rows };
}

/** What the writer takes for the usual replies, and what it leaves. */
function readFrom(bytes: string): unknown {
  const reader = new ReplyReader();
  reader.push(Buffer.from(bytes));
  const answer = reader.readUsual(newWriter().usualReplies(2));
  return [answer, bytes.slice(reader.position)];
}

test('a row is HSET and EXPIRE on its key', () => {
  const { featureCount, rows } = written({ a: 1, b: true });
  expect([featureCount, rows.repliesOf(0)]).toStrictEqual([2, [1, 1]]);
  expect(decodeCommands(rows.writer.view())).toStrictEqual([
    ['HSET', 'p:u1', 'a', '1', 'b', 'true'],
    ['EXPIRE', 'p:u1', '60'],
  ]);
});

test('the two commands are apart, so that ASKING fits in between', () => {
  const lane = new CommandWriter();
  expect(written({ a: 1 }).rows.write(0, lane, encodeCommand('ASKING'))).toBe(2);
  expect(decodeCommands(lane.view())).toStrictEqual([
    ['ASKING'],
    ['HSET', 'p:u1', 'a', '1'],
    ['ASKING'],
    ['EXPIRE', 'p:u1', '60'],
  ]);
});

test('a row without features is refused, with its id, where it is checked and where it is written', () => {
  for (const refuse of [(): unknown => newWriter().check('u1', {}), (): unknown => written({})]) {
    const error = refusalOf(refuse);
    expect(error.code).toBe('INVALID_FEATURE');
    expect(error.message).toContain("Entity 'u1' has no features");
  }
});

test('bad values are refused where they are checked and where they are written', () => {
  const bad = { a: 1, b: Number.NaN };
  expect(refusalOf(() => newWriter().check('u1', bad)).code).toBe('INVALID_FEATURE');
  expect(refusalOf(() => written(bad)).code).toBe('INVALID_FEATURE');
});

test.each<[Reply[]]>([
  [[2, 1]],
  [[0, 1]], // every field was there before
])('%j says that the row was written', (replies) => {
  expect(newWriter().answerOf(replies, 2)).toBe('written');
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
  [':2\r\n:0\r\n', [OTHER, ':2\r\n:0\r\n']],
  [':2\r\n-ERR x\r\n', [OTHER, ':2\r\n-ERR x\r\n']],
  ['-ERR x\r\n:1\r\n', [OTHER, '-ERR x\r\n:1\r\n']],
  ['>1\r\n+x\r\n:2\r\n:1\r\n', [OTHER, '>1\r\n+x\r\n:2\r\n:1\r\n']],
  [':2\r\n>1\r\n+x\r\n:1\r\n', [OTHER, ':2\r\n>1\r\n+x\r\n:1\r\n']],
])('the bytes %j are read, or left for a closer look', (bytes, read) => {
  expect(readFrom(bytes)).toStrictEqual(read);
});

test('cut anywhere, two replies are incomplete', () => {
  const bytes = ':12\r\n:1\r\n';
  for (let end = 0; end < bytes.length; end++)
    expect(readFrom(bytes.slice(0, end))).toStrictEqual([INCOMPLETE, bytes.slice(0, end)]);
});

test('each written row counts as one entity', () => {
  const counters = zeroCounters();
  const counting = newWriter(counters);
  const { keys, rows } = newPlace();
  counting.write('u1', { a: 1, b: 2 }, keys, rows);
  expect(counters.batchWritesTotal).toBe(0);
  counting.onWritten(2);
  counting.onWritten(2);
  expect(counters).toStrictEqual({ ...zeroCounters(), batchWritesTotal: 2 });
});
