/** What the store promises on any server: the same tests on a cluster, one server, old and new. */

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { slotOf } from '../../src/cluster/routing/slot.ts';
import type { FeatureStore } from '../../src/index.ts';
import type { ContractTarget } from './contract-target.ts';

const BATCH = { country_iso: 'US', risk_segment: 'low', tx_count_7d: 14, avg_amount_30d: 92.4 };
const STREAMING = { tx_count_5m: 3, failed_logins_15m: 0, session_country: 'DE' };

export function storeContract({
  name,
  connect,
  other: otherClient,
  passSeconds,
}: ContractTarget): void {
  describe(`the store on ${name}`, () => {
    let store: FeatureStore;
    const vipIds = Array.from({ length: 20 }, (_, i) => `vip${i}`);

    beforeAll(async () => {
      store = await connect({
        keyPrefix: `contract:${randomUUID()}:`,
        vipGroups: { vip: vipIds },
      });
    });
    afterAll(async () => {
      await store.reset();
      await store.close();
    });

    it('loads batch features under a key TTL and reads them back as strings', async () => {
      const result = await store.bulkLoad({ a1: BATCH, a2: { ...BATCH, active: true } });
      expect(result).toMatchObject({ loaded: 2, failed: [] });
      expect(result.elapsedMs).toBeGreaterThan(0);
      expect(await store.getFeatures('a2', ['avg_amount_30d', 'active', 'nothing'])).toStrictEqual({
        avg_amount_30d: '92.4',
        active: 'true',
      });
      expect(await store.keyTtlSeconds('a1')).toBeGreaterThan(86_390);
      await store.bulkLoad({ a1: BATCH }, { ttlSeconds: 50 });
      expect(await store.keyTtlSeconds('a1')).toBeLessThanOrEqual(50);
    });

    it('writes streaming features each under its own TTL and leaves the rest alone', async () => {
      await store.bulkLoad({ s1: BATCH }, { ttlSeconds: 1_000 });
      await store.updateStreaming('s1', STREAMING, { ttlSeconds: 100 });
      const ttls = await store.fieldTtlsSeconds('s1', ['tx_count_5m', 'risk_segment', 'nothing']);
      expect(ttls).toStrictEqual({
        tx_count_5m: expect.toSatisfy((ttl) => ttl > 95 && ttl <= 100),
        risk_segment: -1,
        nothing: -2,
      });
      expect(await store.keyTtlSeconds('s1')).toBeGreaterThan(990);
      expect(await store.getFeatures('s1', ['tx_count_5m', 'risk_segment'])).toStrictEqual({
        tx_count_5m: '3',
        risk_segment: 'low',
      });
    });

    it('lets streaming features drop out one by one while batch features stay', async () => {
      await store.bulkLoad({ s2: BATCH });
      await store.updateStreaming('s2', { slow: 1 }, { ttlSeconds: 100 });
      await store.updateStreaming('s2', { fast: 1 }, { ttlSeconds: 1 });
      await passSeconds?.(2);
      await expect
        .poll(() => store.getFeatures('s2', ['fast', 'slow', 'risk_segment']), { timeout: 5_000 })
        .toStrictEqual({ slow: '1', risk_segment: 'low' });
    });

    it('makes an entity disappear when its batch cycle does not come', async () => {
      await store.bulkLoad({ gone: BATCH }, { ttlSeconds: 1 });
      await passSeconds?.(2);
      await expect
        .poll(() => store.inspect('gone'), { timeout: 5_000 })
        .toStrictEqual({
          exists: false,
          keyTtlSeconds: -2,
          fields: [],
        });
    });

    it('renews the TTL with every streaming write', async () => {
      await store.updateStreaming('s3', STREAMING, { ttlSeconds: 10 });
      await store.updateStreaming('s3', STREAMING, { ttlSeconds: 500 });
      const ttls = Object.values(await store.fieldTtlsSeconds('s3', Object.keys(STREAMING)));
      expect(ttls).toHaveLength(3);
      for (const ttl of ttls) expect(ttl).toBeGreaterThan(490);
      expect(await store.keyTtlSeconds('s3')).toBe(-1);
    });

    it('writes nothing for a streaming update without features', async () => {
      await store.updateStreaming('s4', {});
      expect(await store.inspect('s4')).toMatchObject({ exists: false });
      expect(await store.updateStreamingBatch({ s4: {} })).toMatchObject({ failed: [] });
      expect(await store.inspect('s4')).toMatchObject({ exists: false });
    });

    it('looks at the features of a streaming update once', async () => {
      await store.updateStreaming('s5', { n: 0 }); // the servers have been asked what they know
      let reads = 0;
      const features = {
        get n(): number {
          return ++reads;
        },
      };
      await store.updateStreaming('s5', features);
      expect(reads).toBe(1);
      expect(await store.getFeatures('s5', ['n'])).toStrictEqual({ n: '1' });
    });

    it('writes a row of its own for a streaming update that a getter of another one makes', async () => {
      await store.updateStreaming('s6', { n: 0 });
      const inner: Promise<unknown>[] = [];
      const features = {
        first: 'outer',
        get second(): string {
          inner.push(store.updateStreaming('s7', { first: 'inner', second: 'inner' }));
          return 'outer';
        },
      };
      await store.updateStreaming('s6', features);
      await Promise.all(inner);
      const names = ['first', 'second'];
      expect(await store.getFeatures('s6', names)).toStrictEqual({ ...features, second: 'outer' });
      expect(await store.getFeatures('s7', names)).toStrictEqual({
        first: 'inner',
        second: 'inner',
      });
    });

    it('updates 200 entities at once, each with features, TTL and refusals of its own', async () => {
      await store.updateStreaming('s8', { n: 0 });
      const calls = Array.from({ length: 200 }, async (_, i) => {
        const features =
          i % 7 === 0 ? { n: Number.NaN } : { n: i, [`only-${i % 3}`]: 'é'.repeat(i) };
        const ttlSeconds = 1_000 * (1 + (i % 100));
        return store.updateStreaming(`many${i}`, features, { ttlSeconds });
      });
      const outcomes = await Promise.allSettled(calls);
      const read = await Promise.all(outcomes.map((_, i) => store.inspect(`many${i}`)));
      const seen = read.map(({ fields }, i) => {
        const ttls = fields.map(({ ttlSeconds }) => Math.ceil(ttlSeconds / 1_000));
        return [outcomes[i]?.status, fields.map(({ value }) => value), ttls];
      });
      expect(seen).toStrictEqual(
        outcomes.map((_, i) => {
          if (i % 7 === 0) return ['rejected', [], []];
          return ['fulfilled', [String(i), 'é'.repeat(i)], [1 + (i % 100), 1 + (i % 100)]];
        }),
      );
    });

    it('updates one batch feature and keeps the TTL of the key', async () => {
      await store.bulkLoad({ b1: BATCH }, { ttlSeconds: 1_000 });
      await store.updateBatchFeature('b1', 'risk_segment', 'high');
      expect(await store.getFeatures('b1', ['risk_segment'])).toStrictEqual({
        risk_segment: 'high',
      });
      const keyTtl = await store.keyTtlSeconds('b1');
      expect(keyTtl).toBeGreaterThan(990);
      expect(keyTtl).toBeLessThanOrEqual(1_000);
    });

    it('never makes an entity without a TTL by updating one feature', async () => {
      await store.updateBatchFeature('b2', 'risk_segment', 'high');
      expect(await store.keyTtlSeconds('b2')).toBeGreaterThan(86_390);
    });

    it('gives rows in the order of the ids, duplicates kept, absent ones empty', async () => {
      const rows = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`o${i}`, { n: i }]));
      await store.bulkLoad(rows);
      const order = Array.from({ length: 2_000 }, (_, i) => (i * 7) % 400);
      const read = await store.batchGetFeatures(
        order.map((i) => `o${i}`),
        ['n', 'absent'],
      );
      expect(read).toStrictEqual(order.map((i) => (i < 300 ? { n: String(i) } : {})));
    });

    it('answers empty batches without asking anybody', async () => {
      const before = store.stats().shards;
      expect(await store.batchGetFeatures([], ['a'])).toStrictEqual([]);
      expect(await store.batchGetFeatures(['a', 'b'], [])).toStrictEqual([{}, {}]);
      expect(await store.getFeatures('a', [])).toStrictEqual({});
      expect(await store.bulkLoad([])).toMatchObject({ loaded: 0, failed: [] });
      expect(store.stats().shards).toStrictEqual(before);
    });

    it('reads a VIP group in exactly one pipeline to one shard', async () => {
      const rows = vipIds.map((id, i) => [id, { n: i }] as const);
      await store.bulkLoad(rows);
      expect(store.keyFor('vip3')).toBe(`${store.keyPrefix}{vip}:vip3`);
      const group = store.vipGroup('vip');
      const before = store.stats().shards;
      const read = await group.batchGetFeatures(['n']);
      expect(read).toStrictEqual(vipIds.map((_, i) => ({ n: String(i) })));
      const pipelines = Object.entries(store.stats().shards)
        .map(([at, { pipelines: sent }]) => [at, sent - (before[at]?.pipelines ?? 0)] as const)
        .filter(([, sent]) => sent > 0);
      expect(pipelines).toStrictEqual([[group.shard(), 1]]);
      expect(await store.batchGetFeatures(['vip3', 'o0'], ['n'])).toHaveLength(2);
      expect(await store.getFeatures('vip7', ['n'])).toStrictEqual({ n: '7' });
    });

    it('inspects an entity: fields by name, with both TTL layers', async () => {
      await store.bulkLoad({ i1: { b: 2, a: 1 } }, { ttlSeconds: 600 });
      await store.updateStreaming('i1', { c: 3 }, { ttlSeconds: 60 });
      const { exists, keyTtlSeconds, fields } = await store.inspect('i1');
      expect(exists).toBe(true);
      expect(keyTtlSeconds).toBeGreaterThan(590);
      expect(fields.map(({ name: field, value }) => [field, value])).toStrictEqual([
        ['a', '1'],
        ['b', '2'],
        ['c', '3'],
      ]);
      expect(fields[0]?.ttlSeconds).toBe(-1);
      expect(fields[2]?.ttlSeconds).toBeGreaterThan(55);
      expect(await store.getFeatures('i1')).toStrictEqual({ a: '1', b: '2', c: '3' });
    });

    it('stores any text exactly', async () => {
      const features = {
        empty: '',
        crlf: 'a\r\nb\0c',
        'name with spaces\r\n': '✓ ünïcödé 🦊',
        ['__proto__']: 'a name like any other',
        constructor: 'x',
        long: 'é'.repeat(100_000),
      };
      await store.bulkLoad([['texts: * ? [x] \\ é', features]]);
      const names = Object.keys(features);
      const read = await store.getFeatures('texts: * ? [x] \\ é', names);
      expect(Object.entries(read)).toStrictEqual(Object.entries(features));
    });

    it('loads from any source, lazily, and the last row of an id wins', async () => {
      async function* source(): AsyncGenerator<[string, { n: number }]> {
        for (let i = 0; i < 25_000; i++) yield [`l${i % 20_000}`, { n: i }];
      }
      const progress: number[] = [];
      const result = await store.bulkLoad(source(), {
        onProgress: ({ loaded }) => progress.push(loaded),
      });
      expect(result).toMatchObject({ loaded: 25_000, failed: [] });
      expect(progress.at(-1)).toBe(25_000);
      expect(await store.batchGetFeatures(['l0', 'l4999', 'l5000'], ['n'])).toStrictEqual([
        { n: '20000' },
        { n: '24999' },
        { n: '5000' },
      ]);
      expect(await store.bulkLoad(new Map([['m1', { n: 1 }]]))).toMatchObject({ loaded: 1 });
    });

    it('writes the rows of one id in their order, however close they come', async () => {
      const rows = Array.from({ length: 500 }, (_, i) => [`dup${i % 3}`, { n: i }] as const);
      expect(await store.updateStreamingBatch(rows)).toMatchObject({ loaded: 500 });
      expect(await store.batchGetFeatures(['dup0', 'dup1', 'dup2'], ['n'])).toStrictEqual([
        { n: '498' },
        { n: '499' },
        { n: '497' },
      ]);
    });

    it('streams features of any number of ids, in order', async () => {
      function* ids(): Generator<string> {
        for (let i = 0; i < 2_500; i++) yield `l${i}`;
      }
      const seen: string[] = [];
      for await (const chunk of store.streamFeatures(ids(), ['n'], { chunkSize: 1_000 })) {
        expect(chunk.rows).toHaveLength(chunk.ids.length);
        seen.push(...chunk.ids);
      }
      expect(seen).toStrictEqual([...ids()]);
    });

    it('lists equal parts of the shards, also where one begins with much that is not listed', async () => {
      const open = async (prefix: string, vipGroups = {}): Promise<FeatureStore> => {
        const keyPrefix = `${prefix}-${randomUUID()}:`;
        const opened = await connect({ keyPrefix, vipGroups });
        onTestFinished(async () => {
          await opened.reset();
          await opened.close();
        });
        return opened;
      };
      // A group is one slot; a cluster's SCAN goes from slot to slot.
      const tags = Array.from({ length: 10_000 }, (_, i) => `crowd${i}`);
      const tag = tags.find((one) => slotOf(`{${one}}`) < 20) ?? '';
      const crowd = Array.from({ length: 5_000 }, (_, i) => `c${i}`);
      const crowded = await open('crowded', { [tag]: crowd });
      await crowded.bulkLoad(crowd.map((id) => [id, { n: 1 }] as const));
      const listed = await open('listed');
      const ids = Array.from({ length: 1_500 }, (_, i) => `e${i}`);
      await listed.bulkLoad(ids.map((id) => [id, { n: 1 }] as const));
      const some = await listed.listEntityIds(900);
      expect(some).toHaveLength(900);
      const { shards } = await listed.topology();
      for (const { address } of shards) {
        const ofShard = some.filter((id) => listed.shardFor(id) === address);
        expect(ofShard).toHaveLength(900 / shards.length);
      }
    });

    it('lists, counts, deletes and resets what is under its prefix alone', async () => {
      const prefix = `scan*[${randomUUID()}]:`;
      const other = await connect({ keyPrefix: prefix, vipGroups: { g: ['z1'] } });
      onTestFinished(() => other.close());
      const ids = Array.from({ length: 1_500 }, (_, i) => `e${i}`);
      await other.bulkLoad([...ids, 'z1'].map((id) => [id, { n: 1 }] as const));
      expect(await other.countEntities()).toBe(1_501);
      const scanned: string[] = [];
      for await (const id of other.scanEntityIds()) scanned.push(id);
      expect(scanned.sort()).toStrictEqual([...ids, 'z1'].sort());
      const some = await other.listEntityIds(100);
      expect(some).toHaveLength(100);
      expect(some).toStrictEqual(some.toSorted());
      const { shards } = await other.topology();
      for (const { address } of shards) {
        const ofShard = some.filter((id) => other.shardFor(id) === address);
        expect(ofShard.length).toBeGreaterThanOrEqual(Math.floor(100 / shards.length));
      }
      expect(await other.deleteEntity('e0')).toBe(true);
      expect(await other.deleteEntity('e0')).toBe(false);
      const before = await store.countEntities();
      expect(await other.reset()).toBe(1_500);
      expect(await other.countEntities()).toBe(0);
      expect(await store.countEntities()).toBe(before);
    });

    it('counts what it did', async () => {
      store.resetStats();
      await store.bulkLoad({ c1: BATCH, c2: BATCH });
      await store.updateStreaming('c1', STREAMING);
      await store.batchGetFeatures(['c1', 'c2', 'absent'], ['risk_segment', 'tx_count_5m']);
      expect(store.stats()).toMatchObject({
        batchWritesTotal: 2,
        streamingWritesTotal: 3,
        readsTotal: 3,
        readFieldsTotal: 3,
      });
    });

    it('reports the topology by which it routes', async () => {
      const { shards } = await store.topology({ refresh: true });
      const slotCount = shards.reduce((count, shard) => count + shard.slotCount, 0);
      expect(slotCount).toBe(16_384);
      expect(shards.map((shard) => shard.address)).toContain(store.shardFor('a1'));
    });

    it('fails the row of a key of another type, and that row alone', async () => {
      const id = 'wrong-type';
      await store.bulkLoad({ fine: { n: 1 } });
      const client = await otherClient();
      onTestFinished(() => client.close());
      await client.call('SET', store.keyFor(id), 'not a hash');
      const { rows, failed } = await store.batchGetFeatures(['fine', id], ['n'], {
        onFailure: 'return',
      });
      expect(rows).toStrictEqual([{ n: '1' }, undefined]);
      expect(failed).toMatchObject([{ id, error: { code: 'WRONG_TYPE', retryable: false } }]);
      await expect(store.batchGetFeatures(['fine', id], ['n'])).rejects.toMatchObject({
        code: 'PARTIAL_BATCH',
        rows: [{ n: '1' }, undefined],
        failed: [{ id }],
      });
      await expect(store.updateStreaming(id, { n: 1 })).rejects.toMatchObject({
        code: 'WRONG_TYPE',
      });
      expect(await store.bulkLoad({ [id]: { n: 1 }, fine: { n: 2 } })).toMatchObject({
        loaded: 1,
        failed: [{ id, error: { code: 'WRONG_TYPE' } }],
      });
    });
  });
}
