// Run by test-runners.test.ts in a Vitest of its own.
import { afterEach, expect, test, vi } from 'vitest';
import { everyCall, ROWS_READ } from './every-call.mjs';

const { PACKAGE, NODES } = process.env;
const nodes = NODES.split(',');
const { FeatureStore } = await import(PACKAGE);
const EVERYTHING = [
  'setTimeout',
  'clearTimeout',
  'setImmediate',
  'clearImmediate',
  'setInterval',
  'clearInterval',
  'Date',
  'performance',
  'nextTick',
  'queueMicrotask',
  'hrtime',
];

afterEach(() => void vi.useRealTimers());

test('a store that was opened before the clock is held', async () => {
  const store = await FeatureStore.connect({ nodes, keyPrefix: 'vitest:' });
  vi.useFakeTimers();
  expect(await everyCall(store)).toBe(ROWS_READ);
  await store.close();
});

// With a fake process.nextTick Node itself opens no socket: the connections must be there.
test('a store whose connections are open before everything is held', async () => {
  const store = await FeatureStore.connect({ nodes, keyPrefix: 'vitest:' });
  await everyCall(store);
  vi.useFakeTimers({ toFake: EVERYTHING });
  expect(await everyCall(store)).toBe(ROWS_READ);
  vi.useRealTimers();
  await store.close();
});

test('a store that is opened while the clock is held', async () => {
  vi.useFakeTimers();
  const store = await FeatureStore.connect({ nodes, keyPrefix: 'vitest:' });
  expect(await everyCall(store)).toBe(ROWS_READ);
  await store.close();
});

test('a package that is loaded while the clock is held', async () => {
  vi.useFakeTimers();
  const { FeatureStore: Fresh } = await import(`${PACKAGE}?fresh`);
  const store = await Fresh.connect({ nodes, keyPrefix: 'vitest:' });
  expect(await everyCall(store)).toBe(ROWS_READ);
  await store.close();
});
