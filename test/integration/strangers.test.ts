/**
 * A node that answers for another cluster is not believed, and gets no rows: neither asked nor
 * written.
 */

import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import {
  LocalCluster,
  startLocalCluster,
  temporaryDir,
} from '../../rig/local-cluster/local-cluster.ts';
import { findRedisServer } from '../../rig/redis-server/find.ts';
import { FeatureStore } from '../../src/index.ts';

const ids = Array.from({ length: 200 }, (_, n) => `u${n}`);
const rows = ids.map((id, n) => [id, { n: String(n) }] as const);
const expected = rows.map(([, row]) => row);
const NODE_TIMEOUT_MS = 60_000;

async function connect(nodes: readonly string[], keyPrefix: string): Promise<FeatureStore> {
  const store = await FeatureStore.connect({ nodes: [...nodes], keyPrefix });
  onTestFinished(() => store.close());
  return store;
}

/** A cluster of one node, with an epoch over that of every other. */
async function startStranger(port: number): Promise<LocalCluster> {
  const { path: serverPath } = await findRedisServer();
  const stranger = LocalCluster.at([port], { serverPath, dataDir: temporaryDir('stranger') });
  onTestFinished(() => stranger[Symbol.asyncDispose]());
  await stranger.start();
  await stranger.nodes[0]?.call('CLUSTER', 'SET-CONFIG-EPOCH', 99);
  await stranger.nodes[0]?.call('CLUSTER', 'ADDSLOTSRANGE', 0, 16_383);
  return stranger;
}

describe('an address that was given to a node of another cluster', () => {
  let ours: LocalCluster;

  beforeAll(async () => {
    const extraConfig = ['appendonly yes'];
    const shape = { replicasPerPrimary: 0, nodeTimeoutMs: NODE_TIMEOUT_MS, extraConfig };
    ours = await startLocalCluster({ portFrom: 21_900, ...shape });
  });
  afterAll(() => ours[Symbol.asyncDispose]());

  it.each([
    ['used', true],
    ['idle', false],
  ])(
    'by a store that was %s: no row is absent for it, and none is written there',
    async (name, used) => {
      const loader = await connect(ours.urls, `given-${name}:`);
      await loader.bulkLoad(rows);
      const store = used ? loader : await connect(ours.urls, `given-${name}:`);
      const { shards } = await store.topology();
      const victim = ours.nodes[1]!;
      const port = victim.port;
      await victim.stop();
      const stranger = await startStranger(port);

      const address = `127.0.0.1:${port}`;
      const lost = ids.filter((id) => store.shardFor(id) === address);
      expect(lost.length).toBeGreaterThan(0);
      const limits = { timeoutMs: 1_000, onFailure: 'return' } as const;
      const read = await store.batchGetFeatures(ids, ['n'], limits);
      expect(read.failed.map(({ id }) => id)).toStrictEqual(lost);
      const isLost = (id: string): boolean => lost.includes(id);
      const right = expected.map((row, n) => (isLost(ids[n] ?? '') ? undefined : row));
      expect(read.rows).toStrictEqual(right);
      // The other nodes may have noticed too: then nobody owns the slots.
      const reason = /answers for another cluster|No node of the cluster owns the slot/;
      for (const { error } of read.failed) expect(error.message).toMatch(reason);
      const written = await store.bulkLoad(rows, { timeoutMs: 1_000 });
      expect(written.failed.map(({ id }) => id).toSorted()).toStrictEqual(lost.toSorted());
      const now = (await store.topology({ refresh: true })).shards.map((shard) => shard.address);
      expect(shards.map((shard) => shard.address)).toEqual(expect.arrayContaining(now));
      expect(now.length).toBeGreaterThanOrEqual(2);
      expect(await stranger.nodes[0]?.call('DBSIZE')).toBe(0);

      await stranger.stop();
      await victim.start();
      await ours.waitHealthy();
      expect(await store.batchGetFeatures(ids, ['n'])).toStrictEqual(expected);
    },
  );
});

it('a cluster that is made anew at the same addresses is believed', async () => {
  const shape = { replicasPerPrimary: 0, portFrom: 21_960 };
  const before = await startLocalCluster(shape);
  const store = await connect(before.urls, 'anew:');
  await store.bulkLoad(rows);
  await before[Symbol.asyncDispose]();
  const after = await startLocalCluster(shape);
  onTestFinished(() => after[Symbol.asyncDispose]());
  expect(after.urls).toStrictEqual(before.urls);
  expect(await store.batchGetFeatures(ids, ['n'])).toStrictEqual(ids.map(() => ({})));
  expect(await store.bulkLoad(rows)).toMatchObject({ loaded: ids.length, failed: [] });
  expect(await store.batchGetFeatures(ids, ['n'])).toStrictEqual(expected);
});
