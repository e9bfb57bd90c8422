import { expect, test } from 'vitest';
import { bulkWriter } from '../../src/store/bulk-load.ts';
import type { Context } from '../../src/store/context.ts';
import { KeyLayout } from '../../src/store/key.ts';
import type { RowWriter } from '../../src/store/row-load.ts';
import { zeroCounters } from '../../src/store/stats.ts';
import { refusalOf } from './refusal.ts';

const layout = new KeyLayout('p:', { vip: ['v1'] });

function writer(counters = zeroCounters()): RowWriter {
  return bulkWriter({ layout, counters } as Context, 60); // all that a writer reads
}

test('a row is HSET and EXPIRE on its key', () => {
  expect(writer().encode('u1', { a: 1, b: true })).toStrictEqual({
    id: 'u1',
    key: 'p:u1',
    unit: [
      ['HSET', 'p:u1', 'a', '1', 'b', 'true'],
      ['EXPIRE', 'p:u1', 60],
    ],
    bytes: 'a1btrue'.length,
    featureCount: 2,
  });
  expect(writer().encode('v1', { a: 1 }).key).toBe('p:{vip}:v1');
});

test('a row without features is refused, with its id', () => {
  const error = refusalOf(() => writer().encode('u1', {}));
  expect(error.code).toBe('INVALID_FEATURE');
  expect(error.message).toContain("Entity 'u1' has no features");
});

test('bad ids and bad values are refused', () => {
  expect(refusalOf(() => writer().encode('', { a: 1 })).code).toBe('INVALID_ID');
  expect(refusalOf(() => writer().encode('u1', { a: Number.NaN })).code).toBe('INVALID_FEATURE');
});

test.each([
  [[2, 1]],
  [[0, 1]], // every field was there before
  [['2', '1']],
])('%j says that the row was written', (replies) => {
  expect(writer().check(replies)).toBeUndefined();
});

test.each([
  [[1, 0], 'EXPIRE replied 0'],
  [[1, null], 'EXPIRE replied null'],
  [[1], 'EXPIRE replied undefined'],
  [['OK', 1], 'HSET replied "OK"'],
  [[undefined, 1], 'HSET replied undefined'],
])('%j is an unexpected reply', (replies, message) => {
  const error = writer().check(replies);
  expect(error?.code).toBe('UNEXPECTED_REPLY');
  expect(error?.message).toContain(message);
});

test('each written row counts as one entity', () => {
  const counters = zeroCounters();
  const counting = writer(counters);
  const row = counting.encode('u1', { a: 1, b: 2 });
  expect(counters.batchWritesTotal).toBe(0);
  counting.onWritten(row);
  counting.onWritten(row);
  expect(counters).toStrictEqual({ ...zeroCounters(), batchWritesTotal: 2 });
});
