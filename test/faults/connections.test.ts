/**
 * Connections are cut under the store, again and again, while every node is fine: nothing may be
 * lost at all.
 */

import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { startLocalCluster, type LocalCluster } from '../../rig/local-cluster/local-cluster.ts';
import { killConnections } from '../../rig/soak/faults.ts';
import { seededRandom } from '../../src/synthetic/seeded-random.ts';
import { FeatureStore } from '../../src/index.ts';
import { faultsSeed } from './seed.ts';
import { expectNothingFailed, startWorkload } from './workload.ts';

let cluster: LocalCluster;

beforeAll(async () => {
  cluster = await startLocalCluster({ portFrom: 22_500, replicasPerPrimary: 0 });
});
afterAll(() => cluster[Symbol.asyncDispose]());

it('is right, and loses nothing, while its connections are killed', async () => {
  const store = await FeatureStore.connect({ nodes: cluster.urls });
  onTestFinished(() => store.close());
  const workload = await startWorkload({ stores: [store], entityCount: 1_000, restMs: 1 });
  const random = seededRandom(faultsSeed);
  const lostConnections = (): number =>
    Object.values(store.stats().shards).reduce((sum, shard) => sum + shard.lostConnections, 0);
  const endAtMs = performance.now() + 60_000;
  while (lostConnections() < 400 && performance.now() < endAtMs) {
    await killConnections({ cluster, random });
  }
  const tally = await workload.stop();
  expectNothingFailed(tally);
  expect(lostConnections()).toBeGreaterThanOrEqual(400);
});
