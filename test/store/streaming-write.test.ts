import { expect, test } from 'vitest';
import type { Context } from '../../src/store/context.ts';
import type { FieldTtlCommand } from '../../src/store/field-ttl-support.ts';
import { KeyLayout } from '../../src/store/key.ts';
import type { RowWriter } from '../../src/store/row-load.ts';
import { zeroCounters } from '../../src/store/stats.ts';
import { checkStreamingReplies, streamingWriter } from '../../src/store/streaming-write.ts';
import { refusalOf } from './refusal.ts';

const COMMANDS = ['HSETEX', 'HEXPIRE'] as const;
const layout = new KeyLayout('p:', {});

function writer(command: FieldTtlCommand, counters = zeroCounters()): RowWriter {
  return streamingWriter({ layout, counters } as Context, command, 60); // all that a writer reads
}

test('HSETEX writes fields and their TTL in one command', () => {
  expect(writer('HSETEX').encode('u1', { a: 1, b: false })).toStrictEqual({
    id: 'u1',
    key: 'p:u1',
    unit: [['HSETEX', 'p:u1', 'EX', 60, 'FIELDS', 2, 'a', '1', 'b', 'false']],
    bytes: 'a1bfalse'.length,
    featureCount: 2,
  });
});

test('without HSETEX, a transaction writes fields and their TTL', () => {
  expect(writer('HEXPIRE').encode('u1', { a: 1, b: false }).unit).toStrictEqual([
    ['MULTI'],
    ['HSET', 'p:u1', 'a', '1', 'b', 'false'],
    ['HEXPIRE', 'p:u1', 60, 'FIELDS', 2, 'a', 'b'],
    ['EXEC'],
  ]);
});

test.each(COMMANDS)('with %s, a row without features sends nothing', (command) => {
  const row = writer(command).encode('u1', {});
  expect(row).toMatchObject({ unit: [], featureCount: 0 });
  expect(writer(command).check([])).toBeUndefined();
});

test.each(COMMANDS)('with %s, bad ids and bad values are refused', (command) => {
  expect(refusalOf(() => writer(command).encode('a{b}', { a: 1 })).code).toBe('INVALID_ID');
  expect(refusalOf(() => writer(command).encode('u1', { '': 1 })).code).toBe('INVALID_FEATURE');
});

test('each written feature is counted', () => {
  const counters = zeroCounters();
  const counting = writer('HSETEX', counters);
  counting.onWritten(counting.encode('u1', { a: 1, b: 2 }));
  counting.onWritten(counting.encode('u2', { a: 1 }));
  expect(counters).toStrictEqual({ ...zeroCounters(), streamingWritesTotal: 3 });
});

test.each([1, '1'])('HSETEX that replies %j set every field', (reply) => {
  expect(checkStreamingReplies('HSETEX', [reply])).toBeUndefined();
});

test.each([0, null, 'OK', undefined, 2])('HSETEX that replies %j did not', (reply) => {
  const error = checkStreamingReplies('HSETEX', [reply]);
  expect(error?.code).toBe('UNEXPECTED_REPLY');
  expect(error?.message).toContain(`HSETEX replied ${JSON.stringify(reply)}`);
});

const transaction = (executed: unknown): unknown[] => ['OK', 'QUEUED', 'QUEUED', executed];

test.each([[[2, [1, 1]]], [[0, ['1']]]])(
  'EXEC that replies %j set a TTL on every field',
  (executed) => {
    expect(checkStreamingReplies('HEXPIRE', transaction(executed))).toBeUndefined();
  },
);

test.each([
  [[2, [1, 0]], '[1,0]'], // the condition was not met
  [[2, [2, 1]], '[2,1]'], // the time had passed, the field is gone
  [[2, [1, -2]], '[1,-2]'], // no such field
  [[2, null], '[2,null]'], // no such key
  [[2], '[2]'],
  [null, 'null'], // the transaction was not executed
  ['OK', '"OK"'],
])('EXEC that replies %j did not', (executed, shown) => {
  const error = checkStreamingReplies('HEXPIRE', transaction(executed));
  expect(error?.code).toBe('UNEXPECTED_REPLY');
  expect(error?.message).toContain(`HEXPIRE replied ${shown},`);
});
