/** Faults on demand: which rows they meet, what the calls come to, and what was written. */

import { describe, expect, it } from 'vitest';
import { ERROR_CODES, type FeatureStore } from '../../src/index.ts';
import { createTestStore, type FaultCode } from '../../src/testing/index.ts';
import { FAULT_CODES } from '../../src/testing/fault-errors.ts';

const IDS = Array.from({ length: 60 }, (_, i) => `u${i}`);
const rows = (n: number): [string, { n: number }][] => IDS.map((id) => [id, { n }]);
const codeOf = async (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => 'no error',
    (error: unknown) => (error as { code?: unknown }).code,
  );
const read = async (store: FeatureStore) =>
  store.batchGetFeatures(IDS, ['n'], { onFailure: 'return' });

describe('failIds', () => {
  it('fails those ids, and no other, in reads and writes', async () => {
    const { store, faults } = await createTestStore();
    await store.bulkLoad(rows(1));
    faults.failIds(['u2', 'u5'], 'CONNECTION_LOST');
    const { rows: found, failed } = await read(store);
    expect(failed.map(({ id, error }) => [id, error.code, error.retryable])).toStrictEqual([
      ['u2', 'CONNECTION_LOST', true],
      ['u5', 'CONNECTION_LOST', true],
    ]);
    expect(failed[0]?.error.shard).toBe(store.shardFor('u2'));
    expect(found.filter((row) => row === undefined)).toHaveLength(2);
    expect(await store.bulkLoad(rows(2))).toMatchObject({ loaded: 58, failed: [{}, {}] });
    expect(await codeOf(store.getFeatures('u2', ['n']))).toBe('CONNECTION_LOST');
    faults.clear();
    expect(await store.getFeatures('u2', ['n'])).toStrictEqual({ n: '1' });
    expect(await store.getFeatures('u3', ['n'])).toStrictEqual({ n: '2' });
  });

  it('meets members of VIP groups too', async () => {
    const { store, faults } = await createTestStore({ vipGroups: { vip: ['v1', 'v2'] } });
    faults.failIds(['v1'], 'TIMEOUT');
    const group = store.vipGroup('vip').batchGetFeatures(['n'], { onFailure: 'return' });
    expect(await group).toMatchObject({ rows: [undefined, {}], failed: [{ id: 'v1' }] });
  });

  it('loses the reply alone of a write that is applied', async () => {
    const { store, faults } = await createTestStore();
    faults.failIds(['u1'], 'TIMEOUT', { applied: true, times: 1 });
    expect(await codeOf(store.updateStreaming('u1', { n: 1 }))).toBe('TIMEOUT');
    expect(await store.getFeatures('u1', ['n'])).toStrictEqual({ n: '1' });
    faults.failIds(['u1'], 'TIMEOUT', { times: 1 });
    expect(await codeOf(store.updateStreaming('u1', { n: 2 }))).toBe('TIMEOUT');
    expect(await store.getFeatures('u1', ['n'])).toStrictEqual({ n: '1' });
  });

  it('is over after so many requests, however many rows meet it in one', async () => {
    const { store, faults } = await createTestStore({ shards: 5 });
    faults.failIds(IDS, 'SHARD_UNAVAILABLE', { times: 2 });
    expect((await read(store)).failed).toHaveLength(60);
    expect((await read(store)).failed).toHaveLength(60);
    expect((await read(store)).failed).toHaveLength(0);
  });

  it.each(FAULT_CODES)('%s is an error as the real one is', async (code) => {
    const { store, faults } = await createTestStore();
    faults.failIds(['u1'], code);
    const write = store.updateBatchFeature('u1', 'n', 1, { minReplicas: 1 });
    const error = await write.catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code, retryable: ERROR_CODES[code] });
    expect(error).toHaveProperty('shard', store.shardFor('u1'));
  });

  it('OUT_OF_MEMORY is of writes alone, NOT_REPLICATED of those with minReplicas', async () => {
    const { store, faults } = await createTestStore();
    faults.failIds(['u1'], 'OUT_OF_MEMORY');
    expect(await store.getFeatures('u1', ['n'])).toStrictEqual({});
    expect(await codeOf(store.updateStreaming('u1', { n: 1 }))).toBe('OUT_OF_MEMORY');
    faults.clear();
    faults.failIds(['u1'], 'NOT_REPLICATED');
    await store.updateStreaming('u1', { n: 1 });
    const confirmed = store.updateStreaming('u1', { n: 2 }, { minReplicas: 1 });
    expect(await codeOf(confirmed)).toBe('NOT_REPLICATED');
    expect(await store.getFeatures('u1', ['n'])).toStrictEqual({ n: '2' });
  });
});

describe('failShard', () => {
  it('fails what goes there: rows, and scans', async () => {
    const { store, faults } = await createTestStore();
    await store.bulkLoad(rows(1));
    faults.failShard('memory:7001');
    const { failed } = await read(store);
    const there = IDS.filter((id) => store.shardFor(id) === 'memory:7001');
    expect(there.length).toBeGreaterThan(5);
    expect(failed.map(({ id }) => id)).toStrictEqual(there);
    expect(failed[0]?.error).toMatchObject({ code: 'SHARD_UNAVAILABLE', shard: 'memory:7001' });
    expect(await codeOf(store.countEntities())).toBe('SHARD_UNAVAILABLE');
    faults.clear();
    expect(await store.countEntities()).toBe(60);
  });

  it('sends no pipeline report of a shard that has not answered', async () => {
    const { store, faults } = await createTestStore();
    faults.failShard('memory:7000', 'TIMEOUT');
    const shards: string[] = [];
    const onPipeline = ({ shard }: { shard: string }): void => void shards.push(shard);
    await store.batchGetFeatures(IDS, ['n'], { onFailure: 'return', onPipeline });
    expect(shards.toSorted()).toStrictEqual(['memory:7001', 'memory:7002']);
    const there = IDS.filter((id) => store.shardFor(id) === 'memory:7000');
    expect(store.stats().shards['memory:7000']).toMatchObject({
      failedRows: there.length,
      timeouts: there.length,
    });
  });
});

describe('failAll', () => {
  it('fails the next requests, so that a retry can be seen to work', async () => {
    const { store, faults } = await createTestStore();
    faults.failAll('CONNECTION_LOST', { times: 2 });
    const codes: unknown[] = [];
    for (let i = 0; i < 3; i++) codes.push(await codeOf(store.updateStreaming('u1', { n: i })));
    expect(codes).toStrictEqual(['CONNECTION_LOST', 'CONNECTION_LOST', 'no error']);
  });
});

describe('delay', () => {
  it('makes answers late, and a deadline that is shorter passes', async () => {
    const { store, faults } = await createTestStore();
    await store.bulkLoad(rows(1));
    faults.delay({ ms: 40 });
    const before = performance.now();
    expect(await store.getFeatures('u1', ['n'])).toStrictEqual({ n: '1' });
    expect(performance.now() - before).toBeGreaterThan(35);
    const late = store.getFeatures('u1', ['n'], { timeoutMs: 5 });
    await expect(late).rejects.toMatchObject({
      code: 'TIMEOUT',
      message: expect.stringContaining('No answer within timeoutMs 5'),
    });
  });

  it('of one shard, the other rows arrive by the deadline', async () => {
    const { store, faults } = await createTestStore();
    await store.bulkLoad(rows(1));
    faults.delay({ ms: Number.POSITIVE_INFINITY, shard: 'memory:7002' });
    const options = { onFailure: 'return', timeoutMs: 30 } as const;
    const { failed } = await store.batchGetFeatures(IDS, ['n'], options);
    const there = IDS.filter((id) => store.shardFor(id) === 'memory:7002');
    expect(failed.map(({ id }) => id)).toStrictEqual(there);
    await expect(store.reset({ timeoutMs: 30 })).rejects.toMatchObject({ code: 'TIMEOUT' });
  });

  it('a late write is applied, or not, as is wished', async () => {
    const { store, faults } = await createTestStore();
    for (const applied of [true, false]) {
      faults.delay({ ms: 1_000, ids: ['u1'], times: 1, applied });
      const late = store.updateStreaming('u1', { [`applied-${applied}`]: 1 }, { timeoutMs: 5 });
      expect(await codeOf(late)).toBe('TIMEOUT');
    }
    expect(await store.getFeatures('u1')).toStrictEqual({ 'applied-true': '1' });
  });

  it('ends with the signal, and with the store', async () => {
    const { store, faults } = await createTestStore();
    faults.delay({ ms: Number.POSITIVE_INFINITY });
    const controller = new AbortController();
    const aborted = store.getFeatures('u1', ['n'], { signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(aborted).rejects.toMatchObject({
      code: 'ABORTED',
      cause: new Error('enough'),
    });
    const closed = store.getFeatures('u1', ['n']);
    await store.close();
    expect(await codeOf(closed)).toBe('CLOSED');
    expect(await codeOf(store.countEntities())).toBe('CLOSED');
  });
});

describe('what makes no sense is refused', () => {
  it.each<[string, (faults: Awaited<ReturnType<typeof createTestStore>>['faults']) => void]>([
    ['failIds code must be one of', (faults) => faults.failIds(['u1'], 'CLOSED' as FaultCode)],
    ['failAll options.time ', (faults) => faults.failAll('TIMEOUT', { time: 1 } as object)],
    ['failAll options.times must', (faults) => faults.failAll('TIMEOUT', { times: 0 })],
    ['OUT_OF_MEMORY is a refusal', (faults) => faults.failAll('OUT_OF_MEMORY', { applied: true })],
    ['failShard shard must be one of memory:7000', (faults) => faults.failShard('memory:7003')],
    ['delay options.ms must', (faults) => faults.delay({ ms: -1 })],
    ['delay options.applied must', (faults) => faults.delay({ ms: 1, applied: 1 as never })],
  ])('%s', async (message, give) => {
    const { faults } = await createTestStore();
    expect(() => give(faults)).toThrow(message);
  });

  it('ids that are none', async () => {
    const { faults } = await createTestStore();
    expect(() => faults.failIds(['a{'], 'TIMEOUT')).toThrow(/has braces/);
    expect(() => faults.failIds('u1', 'TIMEOUT')).toThrow(/ids must be an iterable/);
  });
});
