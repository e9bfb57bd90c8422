/**
 * Nodes join, leave, restart and change their addresses, while a store works or while it is idle.
 */

import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { startLocalCluster, type LocalCluster } from '../../rig/local-cluster/local-cluster.ts';
import { findPortRun } from '../../rig/local-cluster/port-run.ts';
import type { RedisNode } from '../../rig/local-cluster/redis-node.ts';
import { waitUntil } from '../../rig/local-cluster/wait-until.ts';
import { promotion, rejoin } from '../../rig/soak/failover.ts';
import { SlotMover } from '../../rig/soak/slot-mover.ts';
import type { Tally } from '../../rig/soak/tally.ts';
import { sample, seededRandom } from '../../src/synthetic/seeded-random.ts';
import { FeatureStore, type FeatureStoreOptions } from '../../src/index.ts';
import { faultsSeed } from './seed.ts';
import { expectNothingFailed, startWorkload } from './workload.ts';

const SLOTS_MOVED = 300;
const SLOTS_AT_ONCE = 8;
const vip = Array.from({ length: 40 }, (_, n) => `v${n}`);
const ids = Array.from({ length: 600 }, (_, n) => `u${n}`);
const rows = ids.map((id, n) => [id, { n: String(n) }] as const);
const expected = rows.map(([, row]) => row);

async function connect(options: FeatureStoreOptions): Promise<FeatureStore> {
  const store = await FeatureStore.connect({ vipGroups: { vip }, ...options });
  onTestFinished(() => store.close());
  return store;
}

async function goesOn(tally: Tally): Promise<void> {
  const { rows: before, acknowledgedRows } = tally;
  await waitUntil(
    async () => tally.rows > before + 5_000 && tally.acknowledgedRows > acknowledgedRows + 500,
    { what: 'the workload goes on', timeoutMs: 30_000 },
  );
}

async function addressesOf(store: FeatureStore): Promise<string[]> {
  const { shards } = await store.topology({ refresh: true });
  return shards.flatMap(({ address, replicas }) => [address, ...replicas]).toSorted();
}

describe('a cluster without replicas', () => {
  let cluster: LocalCluster;

  beforeAll(async () => {
    // What was acknowledged is there again after a restart; a primary without slots stays one.
    const extraConfig = ['appendonly yes', 'cluster-allow-replica-migration no'];
    cluster = await startLocalCluster({ portFrom: 22_540, replicasPerPrimary: 0, extraConfig });
  });
  afterAll(() => cluster[Symbol.asyncDispose]());

  it('may be joined by a node, which takes slots, and gives them back, and leaves', async () => {
    const stores = [await connect({ nodes: cluster.urls, keyPrefix: 'join:' })] as const;
    const [store] = stores;
    const workload = await startWorkload({ stores, vipGroup: 'vip', restMs: 10 });
    const node = await cluster.addNode();
    const address = `127.0.0.1:${node.port}`;
    await using mover = await SlotMover.open(cluster);
    const joined = mover.primaries.find(({ port }) => port === node.port)!;
    const used = [...new Set(workload.ids.map((id) => store.slotFor(id)))];
    const slots = sample(seededRandom(faultsSeed), used, SLOTS_MOVED);
    const owners = new Map(slots.map((slot) => [slot, mover.owners[slot]!]));
    await mover.moveAll(slots, joined, SLOTS_AT_ONCE);
    expect(await addressesOf(store)).toContain(address);
    const pipelines = (): number => store.stats().shards[address]?.pipelines ?? 0;
    const before = pipelines();
    await goesOn(workload.tally);
    expect(pipelines()).toBeGreaterThan(before);

    for (const owner of new Set(owners.values())) {
      const its = slots.filter((slot) => owners.get(slot) === owner);
      await mover.moveAll(its, owner, SLOTS_AT_ONCE);
    }
    const id = await cluster.idOf(node.port);
    const others = cluster.running.filter((other) => other !== node);
    await Promise.all(others.map((other) => other.call('CLUSTER', 'FORGET', id)));
    await node.stop();
    expect(await addressesOf(store)).not.toContain(address);
    await goesOn(workload.tally);
    expectNothingFailed(await workload.stop());
  });

  it('may restart nodes while a store is idle, on the same ports and on others', async () => {
    const store = await connect({ nodes: cluster.urls, keyPrefix: 'idle:' });
    await store.bulkLoad(rows);
    await store.updateStreaming('u0', { s: 1 });
    const [first, second, third] = await cluster.primaries();
    const free = await findPortRun(22_560, 2);
    const rightAgain = async (): Promise<void> => {
      await cluster.waitHealthy();
      const limits = { timeoutMs: 2_000 };
      expect(await store.batchGetFeatures(ids, ['n'], limits)).toStrictEqual(expected);
    };

    await cluster.restart(first!.port);
    expect(await store.batchGetFeatures(ids, ['n'])).toStrictEqual(expected); // at once

    await cluster.restart(second!.port, { port: free });
    await rightAgain();
    expect(await addressesOf(store)).toContain(`127.0.0.1:${free}`);

    // Another one answers where the first one did.
    const { port } = first!;
    await cluster.restart(port, { port: free + 1 });
    await cluster.waitHealthy();
    await cluster.restart(third!.port, { port });
    await rightAgain();
    expect(await store.bulkLoad(rows)).toMatchObject({ loaded: ids.length, failed: [] });
    expect(await store.countEntities()).toBe(ids.length);
    expect(await store.reset()).toBe(ids.length);
  });

  it('may restart a node elsewhere, and a store that stays idle hears of it', async () => {
    const store = await connect({ nodes: cluster.urls, keyPrefix: 'hears:' });
    await store.bulkLoad(rows);
    const [node] = await cluster.primaries();
    const port = await findPortRun(22_570, 1);
    await cluster.restart(node!.port, { port }); // the lost connection shows it, but not where the node will be
    const known = async (): Promise<string[]> =>
      (await store.topology()).shards.map(({ address }) => address);
    await expect.poll(known, { timeout: 7_000 }).toContain(`127.0.0.1:${port}`);
    await cluster.waitHealthy();
    expect(await store.batchGetFeatures(ids, ['n'])).toStrictEqual(expected);
  });
});

describe('a cluster with replicas', () => {
  let cluster: LocalCluster;

  beforeAll(async () => {
    cluster = await startLocalCluster({ portFrom: 22_580, nodeTimeoutMs: 1_500 });
  });
  afterAll(() => cluster[Symbol.asyncDispose]());

  /** Its shard's replica takes over first, so that no write is lost. */
  async function stepDown(node: RedisNode): Promise<void> {
    if (!(await cluster.primaries()).includes(node)) return;
    await promotion(cluster, node.port, (replica) => replica.call('CLUSTER', 'FAILOVER'));
    await rejoin(cluster, node);
  }

  it('may change all its addresses, one by one, those that the store was given too', async () => {
    const ports = cluster.nodes.map(({ port }) => port);
    const first = await findPortRun(22_600, ports.length);
    const newPorts = ports.map((_, index) => first + index);
    const [seed = ''] = cluster.urls;
    const named = cluster.nodes[1]!;
    const redis = new Redis({ host: named.host, port: named.port });
    redis.on('error', () => undefined);
    onTestFinished(() => redis.disconnect());
    const natMap = Object.fromEntries(
      [...ports, ...newPorts].map((port) => [`127.0.0.1:${port}`, { host: 'localhost', port }]),
    );
    const stores = [
      await connect({ nodes: [seed], keyPrefix: 'rolling:' }),
      await connect({ nodes: [seed], natMap, keyPrefix: 'rolling:' }),
      await connect({ redis, keyPrefix: 'rolling:' }),
    ] as const;
    const idle = await connect({ nodes: [seed], keyPrefix: 'idle:' });
    await idle.bulkLoad(rows);

    const workload = await startWorkload({ stores, vipGroup: 'vip', restMs: 15 });
    for (const [index, node] of cluster.nodes.entries()) {
      await stepDown(node);
      await cluster.restart(node.port, { port: newPorts[index]! });
      await rejoin(cluster, node);
      await goesOn(workload.tally);
    }
    for (const [index, host] of ['127.0.0.1', 'localhost', '127.0.0.1'].entries()) {
      const addresses = newPorts.map((port) => `${host}:${port}`);
      await expect
        .poll(() => addressesOf(stores[index]!), { timeout: 10_000 })
        .toStrictEqual(addresses);
    }
    expect(await idle.batchGetFeatures(ids, ['n'], { timeoutMs: 5_000 })).toStrictEqual(expected);

    // The nodes that were named are long gone: what changes now is heard of all the same.
    for (const node of await cluster.primaries()) await stepDown(node);
    await goesOn(workload.tally);
    expectNothingFailed(await workload.stop());
  });
});
