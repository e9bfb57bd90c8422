/**
 * Primaries die in the middle of loads with `minReplicas`, and without: what was reported, and what
 * is there.
 */

import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, onTestFailed, onTestFinished } from 'vitest';
import { startLocalCluster, type LocalCluster } from '../../rig/local-cluster/local-cluster.ts';
import type { RedisNode } from '../../rig/local-cluster/redis-node.ts';
import { waitUntil } from '../../rig/local-cluster/wait-until.ts';
import { promotion, rejoin, replicated } from '../../rig/soak/failover.ts';
import { defaultLimits } from '../../src/cluster/limits.ts';
import { seededRandom } from '../../src/synthetic/seeded-random.ts';
import { FeatureStore, type LoadOptions } from '../../src/index.ts';
import { faultsSeed } from './seed.ts';

/** So large that the replica's share does not fit into the sockets on its way. */
const VALUE = 'x'.repeat(8_000);
const ROW_COUNT = 6_000;
const { bulkPaces, bytesPerChunk } = defaultLimits;
/**
 * More than a node can owe the store at a time: where it has as much for its replica alone, some of
 * it was answered.
 */
const LOST_BYTES = 1.25 * bulkPaces.alone.chunksInFlight * bytesPerChunk;
const random = seededRandom(faultsSeed);
let cluster: LocalCluster;

beforeAll(async () => {
  cluster = await startLocalCluster({ portFrom: 22_720, nodeTimeoutMs: 1_500 });
});
afterAll(() => cluster[Symbol.asyncDispose]());

interface Through {
  readonly loaded: number;
  /** Of those that were reported as loaded. */
  readonly missing: number;
  readonly failed: number;
}

/**
 * What passes between the freezing of the replica and the kill. Which rows are under way then is
 * the fault.
 */
type Meanwhile = (victim: RedisNode) => Promise<unknown>;

const aMoment: Meanwhile = () => pause(random.integer(200, 900));

/**
 * Until the sockets are full, and so much waits in the primary's memory that rows go down with it.
 */
const muchIsUnsent: Meanwhile = (victim) =>
  waitUntil(
    async () => {
      const [client] = String(await victim.call('CLIENT', 'LIST', 'TYPE', 'replica')).split('\n');
      return Number(/\bomem=(\d+)/u.exec(client ?? '')?.[1]) > LOST_BYTES;
    },
    { what: `port ${victim.port} has ${LOST_BYTES} bytes for its replica`, timeoutMs: 15_000 },
  );

/**
 * Loads; freezes the victim's replica on the way, kills the victim a little later, and reads all
 * rows.
 */
async function throughKill(
  round: number,
  options: LoadOptions,
  meanwhile: Meanwhile,
): Promise<Through> {
  onTestFailed(() => console.error(`FAULTS_SEED=${faultsSeed}`));
  await replicated(cluster);
  const store = await FeatureStore.connect({ nodes: cluster.urls, keyPrefix: `load${round}:` });
  onTestFinished(() => store.close());
  const primaries = await cluster.primaries();
  const victim = primaries[random.integer(0, primaries.length - 1)]!;
  const frozenAt = random.integer(ROW_COUNT / 5, ROW_COUNT / 3);
  let killAfterMs = 0;
  const ids = Array.from({ length: ROW_COUNT }, (_, n) => `row${n}`);
  let freeze: () => void = () => undefined;
  const frozen = new Promise<void>((resolve) => {
    freeze = resolve;
  });
  function* rows(): Generator<[string, { n: number; value: string }]> {
    for (const [n, id] of ids.entries()) {
      if (n === frozenAt) freeze();
      yield [id, { n, value: VALUE }];
    }
  }
  const [{ loaded, failed }] = await Promise.all([
    store.bulkLoad(rows(), { timeoutMs: 20_000, ...options }),
    promotion(cluster, victim.port, async (replica) => {
      await frozen;
      const frozenAtMs = performance.now();
      replica.signal('SIGSTOP');
      await meanwhile(victim);
      killAfterMs = Math.round(performance.now() - frozenAtMs);
      await cluster.kill(victim.port);
      replica.signal('SIGCONT');
    }),
  ]);
  const failedIds = new Set(failed.map(({ id }) => id));
  const found = await store.batchGetFeatures(ids, ['n']);
  const missing = ids.filter((id, n) => !failedIds.has(id) && found[n]?.['n'] !== String(n)).length;
  const at = `port ${victim.port} killed ${killAfterMs} ms after row ${frozenAt}`;
  const how = `FAULTS_SEED=${faultsSeed}: minReplicas ${options.minReplicas}, ${at}`;
  console.log(`${how}: ${loaded} loaded, ${missing} of them missing; ${failed.length} failed`);
  await rejoin(cluster, victim);
  return { loaded, missing, failed: failed.length };
}

it.each([1, 2])('nothing that was confirmed is missing afterwards, round %i', async (round) => {
  const { loaded, missing, failed } = await throughKill(round, { minReplicas: 1 }, aMoment);
  expect(missing).toBe(0);
  expect(loaded).toBeGreaterThan(ROW_COUNT / 2);
  expect(failed).toBeGreaterThan(100);
});

it('what only the primary had is missing: the same load without minReplicas', async () => {
  const { loaded, missing, failed } = await throughKill(3, { minReplicas: 0 }, muchIsUnsent);
  expect(missing).toBeGreaterThan(0);
  expect(loaded + failed).toBe(ROW_COUNT);
});
