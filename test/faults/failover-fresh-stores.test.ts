/**
 * Failovers that a store meets before it has written anything, and those of a primary that is
 * frozen, not dead.
 */

import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { startLocalCluster, type LocalCluster } from '../../rig/local-cluster/local-cluster.ts';
import type { RedisNode } from '../../rig/local-cluster/redis-node.ts';
import { promotion, rejoin, replicated } from '../../rig/soak/failover.ts';
import { FeatureStore } from '../../src/index.ts';

let cluster: LocalCluster;
const ids = Array.from({ length: 900 }, (_, n) => `own${n}`);
const expected = ids.map((_, n) => ({ n: String(n) }));
const HEALING_MS = 1_500;

beforeAll(async () => {
  cluster = await startLocalCluster({ portFrom: 22_300, nodeTimeoutMs: 1_500 });
  await using store = await FeatureStore.connect({ nodes: cluster.urls });
  await store.bulkLoad(ids.map((id, n) => [id, { n }] as const));
  await replicated(cluster);
});
afterAll(() => cluster[Symbol.asyncDispose]());

async function connect(): Promise<FeatureStore> {
  const store = await FeatureStore.connect({ nodes: cluster.urls });
  onTestFinished(() => store.close());
  return store;
}

async function victimOf(): Promise<RedisNode> {
  const [victim] = await cluster.primaries();
  return victim!;
}

it('writes streaming features through a failover, though it never wrote any before', async () => {
  const store = await connect();
  const victim = await victimOf();
  const dead = ids.find((id) => store.shardFor(id) === `127.0.0.1:${victim.port}`)!;
  let writing: Promise<unknown> | undefined;
  await promotion(cluster, victim.port, async () => {
    await cluster.kill(victim.port);
    writing = store.updateStreaming(dead, { s: 1 }, { timeoutMs: 20_000 });
    writing.catch(() => undefined); // awaited when the cluster is whole again
  });
  await rejoin(cluster, victim);
  await writing;
  expect(await store.getFeatures(dead, ['s'])).toStrictEqual({ s: '1' });
});

it('writes streaming features of healthy shards while one is silent', async () => {
  const store = await connect();
  const victim = await victimOf();
  const dead = ids.filter((id) => store.shardFor(id) === `127.0.0.1:${victim.port}`);
  victim.signal('SIGSTOP');
  try {
    const result = await store.updateStreamingBatch(
      ids.map((id) => [id, { s: 2 }] as const),
      { timeoutMs: 500 },
    );
    expect(result.loaded).toBe(ids.length - dead.length);
    expect(new Set(result.failed.map(({ id }) => id))).toStrictEqual(new Set(dead));
  } finally {
    victim.signal('SIGCONT');
    await cluster.waitHealthy();
  }
});

it('answers soon after a primary was replaced that is frozen, not dead', async () => {
  const [idle, working] = [await connect(), await connect()];
  await working.batchGetFeatures(ids, ['n']);
  await idle.batchGetFeatures(ids, ['n']);
  const victim = await victimOf();
  const now = (): number => performance.now();
  try {
    let waiting: Promise<number> | undefined;
    const taken = await promotion(cluster, victim.port, async () => {
      victim.signal('SIGSTOP');
      waiting = working.batchGetFeatures(ids, ['n']).then(now);
    });
    const idleRows = idle.batchGetFeatures(ids, ['n']);
    const healed = [await waiting!, await idleRows.then(now)].map((atMs) => atMs - taken.atMs);
    expect(await idleRows).toStrictEqual(expected);
    expect(Math.max(...healed)).toBeLessThan(HEALING_MS);
  } finally {
    victim.signal('SIGCONT');
    await rejoin(cluster, victim);
  }
});
