// Run by test-runners.test.ts in a Jest of its own.
import { afterEach, expect, jest, test } from '@jest/globals';
import { everyCall, ROWS_READ } from './every-call.mjs';

const { PACKAGE, NODES } = process.env;
const nodes = NODES.split(',');
const { FeatureStore } = await import(PACKAGE);
const kinds = [
  ['modern', {}],
  ['legacy', { legacyFakeTimers: true }],
];

afterEach(() => void jest.useRealTimers());

test.each(kinds)('a store that was opened before the clock is held: %s', async (_, fakes) => {
  const store = await FeatureStore.connect({ nodes, keyPrefix: 'jest:' });
  jest.useFakeTimers(fakes);
  expect(await everyCall(store)).toBe(ROWS_READ);
  expect('undefined' in store).toBe(false);
  await store.close();
});

test.each(kinds)('a store that is opened while the clock is held: %s', async (_, fakes) => {
  jest.useFakeTimers(fakes);
  const store = await FeatureStore.connect({ nodes, keyPrefix: 'jest:' });
  expect(await everyCall(store)).toBe(ROWS_READ);
  await store.close();
});
