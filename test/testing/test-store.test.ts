/** What a test store is made of, and what a test does to it besides faults. */

import { describe, expect, it, vi } from 'vitest';
import { FeatureStore } from '../../src/index.ts';
import { createTestStore, type TestStoreOptions } from '../../src/testing/index.ts';

describe('createTestStore', () => {
  it('makes a FeatureStore with the defaults of connect', async () => {
    const { store } = await createTestStore();
    expect(store).toBeInstanceOf(FeatureStore);
    expect(store).toMatchObject({
      keyPrefix: 'fs:user:',
      batchTtlSeconds: 86_400,
      streamingTtlSeconds: 300,
    });
    const { mode, shards } = await store.topology();
    expect(mode).toBe('cluster');
    expect(
      shards.map(({ address, replicas, slotRanges }) => [address, replicas, slotRanges]),
    ).toStrictEqual([
      ['memory:7000', ['memory:7003'], [[0, 5_460]]],
      ['memory:7001', ['memory:7004'], [[5_461, 10_922]]],
      ['memory:7002', ['memory:7005'], [[10_923, 16_383]]],
    ]);
  });

  it('gives every store data of its own, and others on the same servers by connect', async () => {
    const [first, second] = await Promise.all([createTestStore(), createTestStore()]);
    await first.store.bulkLoad({ u1: { n: 1 } });
    expect(await second.store.countEntities()).toBe(0);
    await first.store.close();
    const again = await first.connect();
    expect(await again.getFeatures('u1', ['n'])).toStrictEqual({ n: '1' });
    const other = await first.connect({ keyPrefix: 'other:' });
    expect(await other.countEntities()).toBe(0);
  });

  it.each<[object, string]>([
    [{ nodes: ['a:1'] }, 'createTestStore takes no nodes: its servers are in memory.'],
    [{ credentials: () => ({}) }, 'createTestStore takes no credentials'],
    [{ shard: 3 }, 'createTestStore options.shard is not an option; known are shards, replicas'],
    [{ shards: 0 }, 'shards must be a whole number from 1 to 1000, but is 0.'],
    [{ replicas: 1.5 }, 'replicas must be'],
    [{ startMs: -1 }, 'startMs must be'],
    [{ keyPrefix: '' }, 'keyPrefix must not be empty'],
    [{ vipGroups: { g: ['a', 'a'] } }, 'is twice in vipGroups.g'],
    [[], 'must be an object of options'],
  ])('%j is refused: %s', async (options, message) => {
    await expect(createTestStore(options as TestStoreOptions)).rejects.toThrow(message);
  });

  it('confirms writes by as many replicas as there are', async () => {
    const { store } = await createTestStore({ replicas: 2 });
    await store.updateStreaming('u1', { n: 1 }, { minReplicas: 2 });
    const write = store.updateStreaming('u1', { n: 2 }, { minReplicas: 3 });
    await expect(write).rejects.toMatchObject({
      code: 'NOT_REPLICATED',
      message: expect.stringContaining('minReplicas 3 did not confirm it in time: 2 did'),
    });
    expect(await store.getFeatures('u1', ['n'])).toStrictEqual({ n: '2' });
  });

  it('answers while a runner holds the clock and timers', async () => {
    vi.useFakeTimers();
    try {
      const { store, faults } = await createTestStore();
      faults.delay({ ms: 5 });
      expect(await store.getFeatures('u1', ['n'])).toStrictEqual({});
      await expect(store.getFeatures('u1', ['n'], { timeoutMs: 1 })).rejects.toThrow(/timeoutMs 1/);
    } finally {
      vi.useRealTimers();
    }
  });

  it('answers in a later turn, in the order of the calls', async () => {
    const { store } = await createTestStore();
    const seen: string[] = [];
    const write = store.updateStreaming('u1', { n: 1 }).then(() => seen.push('written'));
    const read = store.getFeatures('u1', ['n']).then(({ n }) => seen.push(`read ${n}`));
    await Promise.resolve();
    expect(seen).toStrictEqual([]);
    await Promise.all([write, read]);
    expect(seen).toStrictEqual(['written', 'read 1']);
  });
});

describe('the clock', () => {
  it('stands still until it is moved', async () => {
    const { store, clock } = await createTestStore({ startMs: 1_000 });
    await store.updateStreaming('u1', { n: 1 }, { ttlSeconds: 1 });
    await expect.poll(() => performance.now(), { interval: 5 }).toBeGreaterThan(0);
    expect(clock.nowMs).toBe(1_000);
    expect(await store.fieldTtlsSeconds('u1', ['n'])).toStrictEqual({ n: 1 });
  });

  it('runs for both TTL layers: what has a TTL goes when it is over, by the millisecond', async () => {
    const { store, clock } = await createTestStore();
    await store.bulkLoad({ u1: { batch: 1 } }, { ttlSeconds: 600 });
    await store.updateStreaming('u1', { slow: 1 }, { ttlSeconds: 300 });
    await store.updateStreaming('u1', { fast: 1 }, { ttlSeconds: 60 });
    const names = async (): Promise<string[]> => Object.keys(await store.getFeatures('u1')).sort();
    clock.advanceSeconds(60);
    expect(await names()).toStrictEqual(['batch', 'fast', 'slow']);
    clock.advanceMs(1);
    expect(await names()).toStrictEqual(['batch', 'slow']);
    clock.advanceSeconds(240);
    expect(await names()).toStrictEqual(['batch']);
    expect(await store.keyTtlSeconds('u1')).toBe(300);
    clock.advanceSeconds(300);
    expect(await names()).toStrictEqual([]);
    expect(await store.countEntities()).toBe(0);
  });

  it('an entity of streaming features alone goes with the last of them', async () => {
    const { store, clock } = await createTestStore();
    await store.updateStreaming('u1', { a: 1 }, { ttlSeconds: 10 });
    await store.updateStreaming('u1', { b: 1 }, { ttlSeconds: 20 });
    clock.advanceSeconds(15);
    expect(await store.inspect('u1')).toMatchObject({ exists: true, keyTtlSeconds: -1 });
    clock.advanceSeconds(5.5);
    expect(await store.inspect('u1')).toMatchObject({ exists: false });
  });

  it('is moved forward, by numbers', async () => {
    const { clock } = await createTestStore();
    expect(() => clock.advanceMs(-1)).toThrow(/advanceMs ms must be a whole number from 0/);
    expect(() => clock.advanceMs(0.5)).toThrow(/advanceMs/);
    expect(() => clock.advanceSeconds(Number.NaN)).toThrow(/advanceSeconds seconds must be/);
    expect(() => clock.advanceSeconds('1' as never)).toThrow(/advanceSeconds seconds must be/);
  });
});

describe('call', () => {
  it('is another client: looks, and writes what the store would not', async () => {
    const { store, call } = await createTestStore();
    await store.bulkLoad({ u1: { n: 1 } });
    expect(await call('HGETALL', store.keyFor('u1'))).toStrictEqual(['n', '1']);
    await call('HSET', store.keyFor('u1'), 'vector', new Uint8Array([0xff]));
    expect(await call('HGET', store.keyFor('u1'), 'vector')).toStrictEqual(new Uint8Array([0xff]));
    await expect(store.getFeatures('u1')).rejects.toMatchObject({ code: 'NOT_TEXT' });
    await call('SET', store.keyFor('u2'), 'a string');
    await expect(store.getFeatures('u2')).rejects.toMatchObject({ code: 'WRONG_TYPE' });
  });

  it('fails as calls of the store do', async () => {
    const { call } = await createTestStore();
    await expect(call('HSET', 'k')).rejects.toMatchObject({ code: 'COMMAND_REFUSED' });
    await expect(call('LPUSH', 'k', 'x')).rejects.toMatchObject({ code: 'UNSUPPORTED_SERVER' });
  });
});
