import { expect, test } from 'vitest';
import { ERROR_CODES, FeatureStoreError, type ErrorCode } from '../src/errors.ts';
import { PartialBatchError, PartialLoadError } from '../src/store/partial-errors.ts';

const CODES = Object.keys(ERROR_CODES) as ErrorCode[];

test.each(CODES)('%s carries its code, its words and whether to try again', (code) => {
  const cause = new Error('why');
  const error = new FeatureStoreError(code, 'what', { cause });
  expect(error).toBeInstanceOf(Error);
  expect(error).toMatchObject({ name: 'FeatureStoreError', code, message: 'what', cause });
  expect(error.retryable).toBe(ERROR_CODES[code]);
});

test('only what time may heal is retryable', () => {
  expect(CODES.filter((code) => new FeatureStoreError(code, '').retryable).sort()).toStrictEqual([
    'CONNECTION_LOST',
    'CONNECT_FAILED',
    'NOT_REPLICATED',
    'OUT_OF_MEMORY',
    'PARTIAL_BATCH',
    'PARTIAL_LOAD',
    'SHARD_UNAVAILABLE',
    'TIMEOUT',
    'TOO_MANY_REDIRECTS',
  ]);
});

test('an error without a cause has none, not one that is undefined', () => {
  expect('cause' in new FeatureStoreError('TIMEOUT', '')).toBe(false);
});

test('a partial batch says how many failed, which was the first and why', () => {
  const reason = new FeatureStoreError('TIMEOUT', 'too late');
  const other = new FeatureStoreError('WRONG_TYPE', 'a list');
  const rows = [{ a: '1' }, undefined, {}, undefined];
  const failed = [
    { id: 'u1', position: 1, error: reason },
    { id: 'u3', position: 3, error: other },
  ];
  const error = new PartialBatchError(rows, failed);
  expect(error).toBeInstanceOf(FeatureStoreError);
  expect(error).toMatchObject({ name: 'PartialBatchError', code: 'PARTIAL_BATCH', cause: reason });
  expect(error.message).toContain('2 of 4 ids could not be read; error.rows has the others.');
  expect(error.message).toContain("onFailure: 'return'");
  expect(error.message).toContain("The first, 'u1': too late");
  expect(error.rows).toBe(rows);
  expect(error.failed).toBe(failed);
});

test('a partial load says how far it came', () => {
  const cause = new Error('the source broke');
  const counts = { pulled: 45, loaded: 41, older: 1, absent: 1, neverSent: 1, committed: 43 };
  const failed = [{ id: 'u1', position: 0, error: new FeatureStoreError('INVALID_ID', 'bad') }];
  const error = new PartialLoadError('The load stopped', counts, failed, cause);
  expect(error).toBeInstanceOf(FeatureStoreError);
  expect(error).toMatchObject({
    name: 'PartialLoadError',
    code: 'PARTIAL_LOAD',
    retryable: true,
    message: expect.stringContaining('The load stopped'),
    loaded: 41,
    counts,
    failed,
    cause,
  });
});
