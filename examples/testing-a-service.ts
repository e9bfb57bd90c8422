/**
 * A service that reads and writes features, and its tests: in memory, without a server.
 *
 *   npx tsx --test examples/testing-a-service.ts
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FeatureStoreError, type FeatureStore } from 'cluster-feature-store';
import { createTestStore } from 'cluster-feature-store/testing';

// The service. It is given its store, so a test can give it another one.

type Store = Pick<FeatureStore, 'batchGetFeatures' | 'updateStreaming'>;
const NAMES = ['risk_segment', 'tx_count_5m'];

/** A score per id; 0.5 where the features are not known in time. */
async function scoresOf(store: Store, ids: readonly string[]): Promise<number[]> {
  const options = { onFailure: 'return', timeoutMs: 50 } as const;
  const { rows } = await store.batchGetFeatures(ids, NAMES, options);
  return rows.map((row) => {
    if (row === undefined) return 0.5;
    const isBusy = Number(row['tx_count_5m'] ?? 0) > 10;
    return (row['risk_segment'] === 'high' ? 0.6 : 0.1) + (isBusy ? 0.3 : 0);
  });
}

/** Writes what a stream counted, and again where that may help. */
async function noteCount(store: Store, id: string, count: number): Promise<void> {
  for (let left = 3; ; left--) {
    try {
      await store.updateStreaming(id, { tx_count_5m: count });
      return;
    } catch (error) {
      const mayHelp = error instanceof FeatureStoreError && error.retryable;
      if (!mayHelp || left === 1) throw error;
    }
  }
}

// Its tests.

test('scores by batch and streaming features', async () => {
  const { store } = await createTestStore();
  await store.bulkLoad({ u1: { risk_segment: 'low' }, u2: { risk_segment: 'high' } });
  await noteCount(store, 'u1', 20);
  assert.deepEqual(await scoresOf(store, ['u1', 'u2', 'nobody']), [0.4, 0.6, 0.1]);
});

test('forgets what the stream said once it stops', async () => {
  const { store, clock } = await createTestStore();
  await store.bulkLoad({ u1: { risk_segment: 'low' } });
  await noteCount(store, 'u1', 20);
  clock.advanceSeconds(301); // streamingTtlSeconds is 300
  assert.deepEqual(await scoresOf(store, ['u1']), [0.1]);
});

test('scores the others when a shard is down', async () => {
  const { store, faults } = await createTestStore();
  await store.bulkLoad({ u1: { risk_segment: 'high' }, u3: { risk_segment: 'high' } });
  assert.equal(store.shardFor('u3'), 'memory:7002'); // and u1 is on memory:7001
  faults.failShard('memory:7002', 'TIMEOUT');
  assert.deepEqual(await scoresOf(store, ['u1', 'u3']), [0.6, 0.5]);
});

test('gives up on what is late', async () => {
  const { store, faults } = await createTestStore();
  await store.bulkLoad({ u1: { risk_segment: 'high' } });
  faults.delay({ ms: 5_000 }); // by real time: the 50 ms of the service pass
  assert.deepEqual(await scoresOf(store, ['u1']), [0.5]);
});

test('writes again when a reply is lost', async () => {
  const { store, faults } = await createTestStore();
  faults.failIds(['u1'], 'CONNECTION_LOST', { times: 2, applied: true });
  await noteCount(store, 'u1', 3);
  assert.deepEqual(await store.getFeatures('u1'), { tx_count_5m: '3' });
  faults.failAll('ACCESS_DENIED');
  await assert.rejects(noteCount(store, 'u1', 4), { code: 'ACCESS_DENIED' });
});
