/** Slots move, thousands of them, while readers, bulk loads and streaming writes run. */

import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { startLocalCluster, type LocalCluster } from '../../rig/local-cluster/local-cluster.ts';
import { waitUntil } from '../../rig/local-cluster/wait-until.ts';
import { SlotMover } from '../../rig/soak/slot-mover.ts';
import { waysToMove } from '../../rig/soak/ways-to-move.ts';
import { sample, seededRandom } from '../../src/synthetic/seeded-random.ts';
import { FeatureStore } from '../../src/index.ts';
import { faultsSeed } from './seed.ts';
import { expectNothingFailed, startWorkload } from './workload.ts';

let cluster: LocalCluster;
const vip = Array.from({ length: 60 }, (_, n) => `v${n}`);
/** Key by key; about half a minute on two cores, which also do all the rest. */
const SLOTS_TO_MOVE = 3_000;
const SLOTS_AT_ONCE = 12;
const SLOTS_PER_WAVE = 600;
const SLOTS_PER_WAY = 1_000;

beforeAll(async () => {
  // No node must take another for dead because the machine is busy.
  cluster = await startLocalCluster({ portFrom: 22_100, nodeTimeoutMs: 20_000 });
});
afterAll(() => cluster[Symbol.asyncDispose]());

async function connect(keyPrefix: string): Promise<FeatureStore> {
  const store = await FeatureStore.connect({ nodes: cluster.urls, keyPrefix, vipGroups: { vip } });
  onTestFinished(async () => {
    await store.reset();
    await store.close();
  });
  return store;
}

function redirectsOf(stores: readonly FeatureStore[]): number {
  return stores
    .flatMap((store) => Object.values(store.stats().shards))
    .reduce((sum, { redirects }) => sum + redirects, 0);
}

it('is right while thousands of slots move key by key, several at once', async () => {
  const stores = [await connect('keys:'), await connect('keys:')] as const;
  const workload = await startWorkload({ stores, vipGroup: 'vip', entityCount: 5_000, restMs: 25 });
  const random = seededRandom(faultsSeed);
  const slots = [...new Set(workload.ids.map((id) => stores[0].slotFor(id)))];
  await using mover = await SlotMover.open(cluster);
  let movedCount = 0;
  for (let turn = 0; movedCount < SLOTS_TO_MOVE; turn++) {
    const to = mover.primaries[turn % mover.primaries.length]!;
    const wave = sample(random, slots, SLOTS_PER_WAVE);
    movedCount += await mover.moveAll(wave, to, SLOTS_AT_ONCE);
  }
  const tally = await workload.stop();
  console.log(`${movedCount} slots, ${tally.rows} rows, ${redirectsOf(stores)} redirects`);
  expectNothingFailed(tally);
  expect(redirectsOf(stores)).toBeGreaterThan(1_000);
});

it('is right while slots move by every way that the servers have', async () => {
  const stores = [await connect('ways:')] as const;
  const workload = await startWorkload({ stores, vipGroup: 'vip', entityCount: 3_000, restMs: 25 });
  const random = seededRandom(faultsSeed);
  const slots = [...new Set(workload.ids.map((id) => stores[0].slotFor(id)))];
  for (const way of await waysToMove(cluster)) {
    const startedAtMs = performance.now();
    const movedCount = await way.move(sample(random, slots, SLOTS_PER_WAY));
    console.log(`${way.name}: ${movedCount} in ${Math.round(performance.now() - startedAtMs)} ms`);
    expect(movedCount).toBeGreaterThan(SLOTS_PER_WAY / 2);
  }
  expectNothingFailed(await workload.stop());
});

it('reads and writes a group whose slot is half moved', async () => {
  const stores = [await connect('group:')] as const;
  const workload = await startWorkload({ stores, vipGroup: 'vip', entityCount: 500 });
  await using mover = await SlotMover.open(cluster);
  const { tally } = workload;
  const more = async (): Promise<void> => {
    const { rows, acknowledgedRows } = tally;
    await waitUntil(
      async () => tally.rows > rows + 20_000 && tally.acknowledgedRows > acknowledgedRows + 3_000,
      { what: 'the workload goes on', timeoutMs: 20_000 },
    );
  };
  // There and back, stopped with nothing moved, half of it, and all but the last step.
  for (let turn = 0; turn < 3; turn++) {
    const { slot } = stores[0].vipGroup('vip');
    const to = mover.primaries.find((primary) => primary !== mover.owners[slot])!;
    const move = await mover.begin(slot, to);
    await more();
    for (let n = 0; n < vip.length / 2; n++) expect(await mover.moveKey(move)).toBeDefined();
    await more();
    while ((await mover.moveKey(move)) !== undefined);
    await more();
    await mover.finish(move);
    await mover.settle();
  }
  expectNothingFailed(await workload.stop());
});

it('asks only the rows again that moved', async () => {
  const store = await connect('count:');
  const ids = Array.from({ length: 2_000 }, (_, n) => `e${n}`);
  await store.bulkLoad(ids.map((id, n) => [id, { n }] as const));
  await store.topology({ refresh: true });
  const expected = ids.map((_, n) => ({ n: String(n) }));
  await using mover = await SlotMover.open(cluster);
  const [to] = mover.primaries;
  const elsewhere = ids.map((id) => store.slotFor(id)).filter((slot) => mover.owners[slot] !== to);
  const slots = sample(seededRandom(faultsSeed), [...new Set(elsewhere)], 12);
  const moved = new Set(slots);
  const movedIds = ids.filter((id) => moved.has(store.slotFor(id)));
  expect(movedIds.length).toBeGreaterThanOrEqual(12);

  // Half moved: the rows whose keys are at the new owner already.
  const moves = await Promise.all(slots.map((slot) => mover.begin(slot, to!)));
  const keys = await Promise.all(moves.slice(0, 6).map((move) => mover.moveKey(move)));
  expect(keys).not.toContain(undefined);
  store.resetStats();
  expect(await store.batchGetFeatures(ids, ['n'])).toStrictEqual(expected);
  expect(redirectsOf([store])).toBe(keys.length);
  expect(commandsOf(store)).toBe(ids.length + keys.length);

  for (const move of moves) await mover.finish(move);
  await mover.settle();
  store.resetStats();
  expect(await store.batchGetFeatures(ids, ['n'])).toStrictEqual(expected);
  expect(redirectsOf([store])).toBe(movedIds.length);
  expect(commandsOf(store)).toBe(ids.length + movedIds.length);
  store.resetStats();
  expect(await store.batchGetFeatures(ids, ['n'])).toStrictEqual(expected);
  expect(redirectsOf([store])).toBe(0);
});

function commandsOf(store: FeatureStore): number {
  return Object.values(store.stats().shards).reduce((sum, { commands }) => sum + commands, 0);
}
