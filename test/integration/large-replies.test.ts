/**
 * Servers that close the connection of a client that they owe too much: every row arrives all the
 * same.
 */

import { describe, expect, it, onTestFinished } from 'vitest';
import { startStandaloneServer } from '../../rig/local-cluster/standalone-server.ts';
import { FeatureStore, type FeatureRow } from '../../src/index.ts';

const LARGE = 'x'.repeat(300_000);

const OUTPUT_LIMIT = 'client-output-buffer-limit normal 4mb';
const LIMITS: Readonly<Record<string, readonly string[]>> = {
  [OUTPUT_LIMIT]: ['client-output-buffer-limit normal 4mb 0 0'],
  'maxmemory-clients 6mb': ['maxmemory-clients 6mb'],
};

async function storeOn(
  config: readonly string[],
  vip: readonly string[] = [],
): Promise<FeatureStore> {
  const server = await startStandaloneServer({ portFrom: 21_600, extraConfig: config });
  const store = await FeatureStore.connect({ nodes: [server.url], vipGroups: { vip } });
  onTestFinished(async () => {
    await store.close();
    await server[Symbol.asyncDispose]();
  });
  return store;
}

function idsOf(count: number): string[] {
  return Array.from({ length: count }, (_, n) => `u${n}`);
}

/** The numbers of rows that are not as they were written. */
function wrongOnes(rows: readonly FeatureRow[], isLarge: (n: number) => boolean): number[] {
  return rows.flatMap((row, n) => {
    const expected = isLarge(n) ? LARGE : String(n);
    return row['v'] === expected && row['n'] === String(n) ? [] : [n];
  });
}

async function load(
  store: FeatureStore,
  count: number,
  isLarge: (n: number) => boolean,
): Promise<void> {
  const rows = idsOf(count).map((id, n) => [id, { n, v: isLarge(n) ? LARGE : n }] as const);
  expect(await store.bulkLoad(rows)).toMatchObject({ failed: [] });
}

describe.each(Object.entries(LIMITS))('with %s', { timeout: 180_000 }, (_, config) => {
  it('500 rows of 300 kB arrive, read at once, as a stream, as a group', async () => {
    const ids = idsOf(500);
    const store = await storeOn(config, ids);
    const all = (): boolean => true;
    await load(store, ids.length, all);
    expect(wrongOnes(await store.batchGetFeatures(ids, ['v', 'n']), all)).toStrictEqual([]);
    expect(wrongOnes(await store.vipGroup('vip').batchGetFeatures(['n', 'v']), all)).toStrictEqual(
      [],
    );
    const rows: FeatureRow[] = [];
    for await (const chunk of store.streamFeatures(ids, ['v', 'n'], { chunkSize: 200 })) {
      for (const row of chunk.rows) if (row) rows.push(row);
    }
    expect(wrongOnes(rows, all)).toStrictEqual([]);
    // What is known by then bounds the next calls: no connection is lost any more.
    store.resetStats();
    expect(wrongOnes(await store.batchGetFeatures(ids, ['v', 'n']), all)).toStrictEqual([]);
    const lost = Object.values(store.stats().shards).map((shard) => shard.lostConnections);
    expect(lost).toStrictEqual([0]);
  });

  it('single reads of 300 kB arrive, 100 at once', async () => {
    const ids = idsOf(100);
    const store = await storeOn(config);
    await load(store, ids.length, () => true);
    const rows = await Promise.all(ids.map((id) => store.getFeatures(id, ['v', 'n'])));
    expect(wrongOnes(rows, () => true)).toStrictEqual([]);
  });

  it('10,000 rows arrive, small and large mixed', async () => {
    const ids = idsOf(10_000);
    const store = await storeOn(config);
    const isLarge = (n: number): boolean => n % 97 === 0 || (n > 5_000 && n < 5_060);
    await load(store, ids.length, isLarge);
    expect(wrongOnes(await store.batchGetFeatures(ids, ['v', 'n']), isLarge)).toStrictEqual([]);
  });
});

it('one row over the limit fails by name, and the others arrive', async () => {
  const ids = idsOf(300);
  const store = await storeOn(LIMITS[OUTPUT_LIMIT] ?? []);
  await store.bulkLoad(ids.map((id, n) => [id, { v: n }] as const));
  const huge = 'y'.repeat(5_000_000);
  await store.bulkLoad({ u150: { v: huge, w: huge } });
  const { rows, failed } = await store.batchGetFeatures(ids, ['v', 'w'], {
    onFailure: 'return',
  });
  expect(failed.map(({ id, error }) => [id, error.code])).toStrictEqual([
    ['u150', 'CONNECTION_LOST'],
  ]);
  expect(failed[0]?.error.message).toContain('client-output-buffer-limit');
  expect(rows.filter((row) => row !== undefined)).toHaveLength(299);
  await expect(store.getFeatures('u150', ['v', 'w'])).rejects.toMatchObject({
    code: 'CONNECTION_LOST',
    message: expect.stringContaining('maxmemory-clients') as string,
  });
});

it('a scan over keys of 4 kB arrives whole, though a page of 1,000 is over the limit', async () => {
  const store = await storeOn(['client-output-buffer-limit normal 1mb 0 0']);
  const ids = idsOf(800).map((id) => id + 'k'.repeat(4_000));
  await store.bulkLoad(ids.map((id, n) => [id, { n }] as const));
  expect(await store.countEntities()).toBe(ids.length);
});
