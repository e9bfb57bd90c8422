import { expect, test } from 'vitest';
import { FeatureStoreError } from '../../src/errors.ts';
import { PartialBatchError } from '../../src/store/partial-errors.ts';
import { checkReadOptions, idsOf, rowsOrThrow } from '../../src/store/batch-read.ts';
import { refusalOf } from './refusal.ts';

test('ids of any iterable become an array, in order, duplicates kept', () => {
  const ids = ['b', 'a', 'b'];
  expect(idsOf(ids)).toStrictEqual(ids);
  expect(idsOf(ids.values())).toStrictEqual(ids);
  expect(idsOf(new Set(ids))).toStrictEqual(['b', 'a']);
});

test('the caller may change their array afterwards', () => {
  const ids = ['b', 'a'];
  const taken = idsOf(ids);
  ids[0] = 'changed';
  ids.push('c');
  expect(taken).toStrictEqual(['b', 'a']);
});

test.each([['u1'], [undefined], [null], [7], [{ a: 1 }]])('%j is no batch of ids', (ids) => {
  const error = refusalOf(() => idsOf(ids as unknown as string[]));
  expect(error.code).toBe('INVALID_ID');
  expect(error.message).toContain('ids must be an iterable of ids');
});

test('rows without a failure are given as they are', async () => {
  const rows = [{ a: '1' }, {}];
  expect(await rowsOrThrow({ rows, failed: [] })).toBe(rows);
});

test('a failure throws with the rows that arrived', async () => {
  const rows = [{ a: '1' }, undefined];
  const failed = [{ id: 'u2', position: 1, error: new FeatureStoreError('TIMEOUT', 'late') }];
  const error: unknown = await rowsOrThrow({ rows, failed }).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(PartialBatchError);
  expect(error).toMatchObject({ rows, failed });
});

test.each(['throw', 'return', undefined] as const)('onFailure may be %s', (onFailure) => {
  const options = onFailure === undefined ? {} : { onFailure };
  expect(() => checkReadOptions('read', options, ['onFailure'])).not.toThrow();
});

test('any other onFailure is refused by its path', () => {
  const options = { onFailure: 'ignore' } as unknown as { onFailure: 'throw' };
  const error = refusalOf(() => checkReadOptions('read', options, ['onFailure']));
  expect(error.code).toBe('INVALID_OPTION');
  expect(error.message).toBe(
    "read options.onFailure must be 'throw' or 'return', but is 'ignore'.",
  );
});

test('a read knows its own options and those that it is given', () => {
  const options = { onPipeline: (): void => undefined, timeoutMs: 5, chunkSize: 9 };
  expect(() => checkReadOptions('stream', options, ['chunkSize'])).not.toThrow();
  expect(refusalOf(() => checkReadOptions('read', options)).message).toContain(
    'read options.chunkSize is not an option',
  );
});
