/** What the store writes is plain Redis: redis-cli and another library read it as the docs say. */

import { execa } from 'execa';
import { createCluster } from 'redis';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { findRedisServer } from '../../rig/redis-server/find.ts';
import { FeatureStore } from '../../src/index.ts';

const keyPrefix = 'other-clients:';
const batch = { country_iso: 'US', tx_count_7d: 14, avg_amount_30d: 92.4, active: true };
const streaming = { tx_count_5m: 3, session_country: 'DE' };
const stored = {
  country_iso: 'US',
  tx_count_7d: '14',
  avg_amount_30d: '92.4',
  active: 'true',
  tx_count_5m: '3',
  session_country: 'DE',
};
const ids = ['u0001', 'u0002', 'u0003', 'u0007'];
let store: FeatureStore;

beforeAll(async () => {
  const nodes = inject('clusterNodes');
  store = await FeatureStore.connect({ nodes, keyPrefix, vipGroups: { vip: ['u0007'] } });
  await store.bulkLoad(ids.map((id) => [id, batch] as const));
  await store.updateStreamingBatch(ids.map((id) => [id, streaming] as const));
});
afterAll(async () => {
  await store.reset();
  await store.close();
});

const keys = ['u0001', 'u0002', 'u0003', '{vip}:u0007'].map((rest) => keyPrefix + rest);

it('is read by redis-cli', async () => {
  const { cliPath } = await findRedisServer();
  const { port } = new URL(inject('clusterNodes')[0] ?? '');
  const cli = async (...args: string[]): Promise<string[]> =>
    (await execa(cliPath ?? 'redis-cli', ['-c', '-p', port, ...args])).stdout.split('\n');
  for (const key of keys) {
    expect(await cli('HMGET', key, 'country_iso', 'tx_count_5m', 'nothing')).toStrictEqual([
      'US',
      '3',
      '',
    ]);
    const [keyTtl] = await cli('TTL', key);
    expect(Number(keyTtl)).toBeGreaterThan(86_000);
    const ttls = await cli('HTTL', key, 'FIELDS', '3', 'tx_count_5m', 'country_iso', 'nothing');
    expect(Number(ttls[0])).toBeGreaterThan(280);
    expect(ttls.slice(1)).toStrictEqual(['-1', '-2']);
  }
});

it('is read by node-redis', async () => {
  const cluster = createCluster({ rootNodes: inject('clusterNodes').map((url) => ({ url })) });
  await cluster.connect();
  try {
    for (const key of keys) {
      expect({ ...(await cluster.hGetAll(key)) }).toStrictEqual(stored);
      expect(await cluster.ttl(key)).toBeGreaterThan(86_000);
      const [streamingTtl, batchTtl] = (await cluster.hTTL(key, ['tx_count_5m', 'active'])) ?? [];
      expect(streamingTtl).toBeGreaterThan(280);
      expect(batchTtl).toBe(-1);
    }
  } finally {
    cluster.destroy();
  }
});
