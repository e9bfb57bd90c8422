import { afterEach, beforeEach, expect, it } from 'vitest';
import { startLocalCluster, type LocalCluster } from '../../rig/local-cluster/local-cluster.ts';
import { replicated } from '../../rig/soak/failover.ts';
import { FeatureStore } from '../../src/index.ts';

let cluster: LocalCluster;
let store: FeatureStore;
const ids = Array.from({ length: 3_000 }, (_, i) => `u${i}`);
const expected = ids.map((_, n) => ({ n: String(n) }));

beforeEach(async () => {
  cluster = await startLocalCluster({ portFrom: 21_500, nodeTimeoutMs: 1_500 });
  store = await FeatureStore.connect({ nodes: cluster.urls });
  await store.bulkLoad(ids.map((id, n) => [id, { n }] as const));
});
afterEach(async () => {
  await store.close();
  await cluster[Symbol.asyncDispose]();
});

/** Which ids the primary on this port serves. */
function servedBy(port: number): string[] {
  return ids.filter((id) => store.shardFor(id) === `127.0.0.1:${port}`);
}

it('reads right through the failover of a killed primary when the deadline outlasts it', async () => {
  const [victim] = await cluster.primaries();
  const port = victim?.port ?? 0;
  // Acknowledged writes are asynchronous to replicas: let them arrive before the primary dies.
  await replicated(cluster);
  await cluster.kill(port);
  const rows = await store.batchGetFeatures(ids, ['n'], { timeoutMs: 30_000 });
  expect(rows).toStrictEqual(expected);
  expect(await store.bulkLoad(ids.map((id, n) => [id, { n }] as const))).toMatchObject({
    loaded: ids.length,
    failed: [],
  });
  expect((await store.topology()).shards.map(({ address }) => address)).not.toContain(
    `127.0.0.1:${port}`,
  );
});

it('lists and counts through a failover: the new primary is scanned in place of the dead one', async () => {
  const [victim] = await cluster.primaries();
  await replicated(cluster);
  await cluster.kill(victim?.port ?? 0);
  const listed = await store.listEntityIds(10_000, { timeoutMs: 20_000 });
  expect(listed).toStrictEqual(ids.toSorted());
  expect(await store.countEntities()).toBe(ids.length);
});

it('names exactly the ids of the dead shard when the deadline is shorter', async () => {
  const [, victim] = await cluster.primaries();
  const port = victim?.port ?? 0;
  const dead = new Set(servedBy(port));
  expect(dead.size).toBeGreaterThan(500);
  await cluster.kill(port);
  const startedAtMs = performance.now();
  const { rows, failed } = await store.batchGetFeatures(ids, ['n'], {
    timeoutMs: 400,
    onFailure: 'return',
  });
  expect(performance.now() - startedAtMs).toBeLessThan(1_400);
  expect(new Set(failed.map(({ id }) => id))).toStrictEqual(dead);
  expect(failed[0]?.error).toMatchObject({ code: 'TIMEOUT', retryable: true });
  expect(rows).toStrictEqual(expected.map((row, i) => (dead.has(ids[i] ?? '') ? undefined : row)));
});

it('ends by its deadline when a primary is silent, and is right when it speaks again', async () => {
  const [, , victim] = await cluster.primaries();
  const port = victim?.port ?? 0;
  const silent = new Set(servedBy(port));
  cluster.signal(port, 'SIGSTOP');
  try {
    const { failed } = await store.batchGetFeatures(ids, ['n'], {
      timeoutMs: 300,
      onFailure: 'return',
    });
    expect(new Set(failed.map(({ id }) => id))).toStrictEqual(silent);
  } finally {
    cluster.signal(port, 'SIGCONT');
  }
  expect(await store.batchGetFeatures(ids, ['n'])).toStrictEqual(expected);
});

it('rejects what is under way when it is closed, and what comes after', async () => {
  const [victim] = await cluster.primaries();
  cluster.signal(victim?.port ?? 0, 'SIGSTOP');
  const reading = store.batchGetFeatures(ids, ['n']);
  const loading = store.bulkLoad(ids.map((id) => [id, { n: 1 }] as const));
  await store.close();
  await Promise.all([
    expect(reading).rejects.toMatchObject({ code: 'CLOSED' }),
    expect(loading).rejects.toMatchObject({ code: 'PARTIAL_LOAD', cause: { code: 'CLOSED' } }),
  ]);
  await expect(store.getFeatures('u1', ['n'])).rejects.toMatchObject({ code: 'CLOSED' });
  await expect(store.countEntities()).rejects.toMatchObject({ code: 'CLOSED' });
});

it('stops a call whose signal fires, and says how far a load came', async () => {
  const [victim] = await cluster.primaries();
  cluster.signal(victim?.port ?? 0, 'SIGSTOP');
  const control = new AbortController();
  const reading = store.batchGetFeatures(ids, ['n'], { signal: control.signal });
  const loading = store.bulkLoad(
    ids.map((id) => [id, { n: 1 }] as const),
    {
      signal: control.signal,
    },
  );
  const reason = new Error('enough');
  control.abort(reason);
  await Promise.all([
    expect(reading).rejects.toMatchObject({ code: 'ABORTED', cause: reason }),
    expect(loading).rejects.toMatchObject({ code: 'PARTIAL_LOAD', cause: { code: 'ABORTED' } }),
  ]);
});
