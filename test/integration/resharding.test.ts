import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { startLocalCluster, type LocalCluster } from '../../rig/local-cluster/local-cluster.ts';
import { FeatureStore } from '../../src/index.ts';
import { SlotMover } from '../../rig/soak/slot-mover.ts';

let cluster: LocalCluster;
let mover: SlotMover;

beforeAll(async () => {
  cluster = await startLocalCluster({ portFrom: 21_400, replicasPerPrimary: 0 });
  mover = await SlotMover.open(cluster);
});
afterAll(async () => {
  await mover[Symbol.asyncDispose]();
  await cluster[Symbol.asyncDispose]();
});

async function connect(keyPrefix: string, vip: string[] = []): Promise<FeatureStore> {
  const store = await FeatureStore.connect({
    nodes: cluster.urls,
    keyPrefix,
    vipGroups: { vip },
    vipGroupsRecord: 'ignore', // one group is larger than the writer's
  });
  onTestFinished(() => store.close());
  return store;
}

function idsOf(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `u${i}`);
}

function redirectsOf(store: FeatureStore): number {
  return Object.values(store.stats().shards).reduce((sum, shard) => sum + shard.redirects, 0);
}

it('reads a half-moved slot whole, and asks only the moved rows again', async () => {
  const ids = idsOf(60);
  const store = await connect('half:', ids);
  await store.bulkLoad(ids.map((id, n) => [id, { n }] as const));
  await store.updateStreamingBatch(ids.map((id) => [id, { s: 1 }] as const));
  const move = await mover.begin(store.vipGroup('vip').slot);
  const moved = await mover.moveKeys(move, 25);
  expect(moved).toHaveLength(25);

  store.resetStats();
  const rows = await store.vipGroup('vip').batchGetFeatures(['n', 's', 'absent']);
  expect(rows).toStrictEqual(ids.map((_, n) => ({ n: String(n), s: '1' })));
  expect(redirectsOf(store)).toBe(25);
  expect(store.stats().readsTotal).toBe(60);

  // An absent entity of a migrating slot is asked for at both, and is absent.
  const absent = await connect('half:', [...ids, 'never']);
  expect(await absent.getFeatures('never', ['n'])).toStrictEqual({});
  await mover.finish(move);
  expect(await store.vipGroup('vip').batchGetFeatures(['n'])).toStrictEqual(
    ids.map((_, n) => ({ n: String(n) })),
  );
  expect(store.vipGroup('vip').shard()).toBe(`127.0.0.1:${move.to.port}`);
});

it('writes to a half-moved slot: moved, unmoved and new entities, with both TTLs', async () => {
  const ids = idsOf(40);
  const store = await connect('write:', ids);
  const old = ids.slice(0, 30);
  await store.bulkLoad(
    old.map((id) => [id, { n: 0 }] as const),
    { ttlSeconds: 9_999 },
  );
  const move = await mover.begin(store.vipGroup('vip').slot);
  await mover.moveKeys(move, 10);

  const loaded = await store.bulkLoad(
    ids.map((id, n) => [id, { n }] as const),
    { ttlSeconds: 500 },
  );
  expect(loaded).toMatchObject({ loaded: 40, failed: [] });
  const streamed = await store.updateStreamingBatch(ids.map((id, n) => [id, { s: n }] as const));
  expect(streamed).toMatchObject({ loaded: 40, failed: [] });
  await mover.finish(move);

  const rows = await store.batchGetFeatures(ids, ['n', 's']);
  expect(rows).toStrictEqual(ids.map((_, n) => ({ n: String(n), s: String(n) })));
  for (const id of ids) {
    const keyTtl = await store.keyTtlSeconds(id);
    expect(keyTtl).toBeGreaterThan(490);
    expect(keyTtl).toBeLessThanOrEqual(500);
    expect((await store.fieldTtlsSeconds(id, ['s']))['s']).toBeGreaterThan(290);
  }
});

it('is right all the while slots move, with readers, loads and streaming writes running', async () => {
  const store = await connect('busy:');
  const ids = idsOf(1_000);
  const acknowledged = new Map(ids.map((id) => [id, 0]));
  await store.bulkLoad(ids.map((id) => [id, { n: 0 }] as const));
  const control = new AbortController();
  const wrong: string[] = [];

  const reader = async (): Promise<void> => {
    while (!control.signal.aborted) {
      const floor = new Map(acknowledged);
      const rows = await store.batchGetFeatures(ids, ['n']);
      for (const [index, id] of ids.entries()) {
        const n = Number(rows[index]?.['n'] ?? Number.NaN);
        if (!(n >= (floor.get(id) ?? 0))) wrong.push(`${id}: ${n}, acknowledged ${floor.get(id)}`);
      }
    }
  };
  const writer = async (
    begin: number,
    write: 'bulkLoad' | 'updateStreamingBatch',
  ): Promise<void> => {
    const mine = ids.filter((_, index) => index % 2 === begin);
    for (let n = 1; !control.signal.aborted; n++) {
      const { failed } = await store[write](mine.map((id) => [id, { n }] as const));
      wrong.push(...failed.map(({ id, error }) => `${id}: ${error.message}`));
      for (const id of mine) acknowledged.set(id, n);
    }
  };
  const work = Promise.all([reader(), writer(0, 'bulkLoad'), writer(1, 'updateStreamingBatch')]);

  const slots = [...new Set(ids.map((id) => store.slotFor(id)))].slice(0, 40);
  for (const to of mover.primaries) {
    const toIt = slots.filter((slot) => mover.nextOwnerOf(slot) === to);
    expect(await mover.moveAll(toIt, to, 2)).toBe(toIt.length);
  }
  control.abort();
  await work;
  expect(wrong).toStrictEqual([]);
  expect(redirectsOf(store)).toBeGreaterThan(0);
  const rows = await store.batchGetFeatures(ids, ['n']);
  expect(rows).toStrictEqual(ids.map((id) => ({ n: String(acknowledged.get(id)) })));
});

it('learns moved slots one by one, and the whole table once', async () => {
  const ids = idsOf(50);
  const store = await connect('learn:', ids);
  await store.bulkLoad(ids.map((id, n) => [id, { n }] as const));
  const move = await mover.begin(store.vipGroup('vip').slot);
  await mover.finish(move);
  store.resetStats();
  await store.vipGroup('vip').batchGetFeatures(['n']);
  expect(redirectsOf(store)).toBe(50);
  await store.vipGroup('vip').batchGetFeatures(['n']);
  expect(redirectsOf(store)).toBe(50);
  await expect.poll(() => store.stats().refreshes).toBe(1);
});
