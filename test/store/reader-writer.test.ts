/** Types a service is written against. What must not compile is marked: `npm run check` holds it. */

import { expect, expectTypeOf, test } from 'vitest';
import type {
  FeatureReader,
  FeatureRow,
  FeatureStore,
  FeatureWriter,
  PartialRows,
} from '../../src/index.ts';
import { createTestStore } from '../../src/testing/index.ts';

type Wanted = 'risk_segment' | 'tx_count_5m';

test('a store is a reader of the names that a service knows, and a writer', async () => {
  const { store } = await createTestStore();
  const narrow: FeatureReader<Wanted> = store;
  const writer: FeatureWriter = store;
  await writer.updateStreaming('u1', { tx_count_5m: 3 });
  const row = await narrow.getFeatures('u1', ['tx_count_5m']);
  expectTypeOf(row).toEqualTypeOf<Partial<Record<Wanted, string>>>();
  expect(row.tx_count_5m).toBe('3');
  // @ts-expect-error a name that nobody asks for
  expect(row.tx_count_5n).toBeUndefined();
  // @ts-expect-error a name that is not among them
  expect(await narrow.getFeatures('u1', ['tx_count_5n'])).toStrictEqual({});
});

test('a plain object can stand for one', async () => {
  const reader: Pick<FeatureReader<Wanted>, 'getFeatures'> = {
    getFeatures: async () => ({ risk_segment: 'low' }),
  };
  expect(await reader.getFeatures('u1', ['risk_segment'])).toStrictEqual({ risk_segment: 'low' });
});

test('names that the compiler knows are the keys of rows', async () => {
  const { store } = await createTestStore();
  await store.bulkLoad({ u1: { a: 1 } });
  const names = ['a', 'b'] as const;
  const [row] = await store.batchGetFeatures(['u1'], names);
  expectTypeOf(row).toEqualTypeOf<{ a?: string; b?: string } | undefined>();
  const listed: string[] = [...names];
  expectTypeOf(store.batchGetFeatures(['u1'], listed)).resolves.toEqualTypeOf<FeatureRow[]>();
  const tried = await store.tryBatchGetFeatures(['u1'], listed);
  expectTypeOf(tried).toEqualTypeOf<PartialRows>();
  expectTypeOf<FeatureStore['getFeatures']>().toBeCallableWith('u1');
  const bytes = await store.getFeatures('u1', ['a'], { as: 'bytes' });
  expectTypeOf(bytes).toEqualTypeOf<{ a?: Uint8Array }>();
  expect(row).toStrictEqual({ a: '1' });
});
