/**
 * A service has an ioredis Cluster already, for its sessions, and gives it to the store.
 *
 * The store takes the nodes and options of the Cluster (TLS, password, natMap) and opens
 * connections of its own with them. So there are two things to close. The store never closes the
 * Cluster: the service does, after the store.
 */

import { FeatureStore } from 'cluster-feature-store';
import { Cluster } from 'ioredis';

const redis = new Cluster(['redis://127.0.0.1:7000'], {
  redisOptions: { connectionName: 'shop', commandTimeout: 1_000 },
});
redis.on('error', (error) => console.error(`The Cluster of the shop: ${error.message}`));

/** What the service does while both are open. */
async function serve(): Promise<void> {
  // Throws CONNECT_FAILED after connectTimeoutMs, so the lines below never wait for a dead cluster.
  await using store = await FeatureStore.connect({
    redis,
    keyPrefix: 'shop:features:', // no other key of the shop begins with it
    connectTimeoutMs: 5_000,
  });
  await store.bulkLoad({ u0001: { risk_segment: 'low', tx_count_7d: 14 } });

  // The sessions go over the connections of the Cluster, the features over those of the store.
  await redis.set('shop:session:s1', 'u0001', 'EX', 3_600);
  const userId = await redis.get('shop:session:s1');
  if (userId === null) throw new Error('The session has ended.');
  console.log(await store.getFeatures(userId, ['risk_segment'], { timeoutMs: 1_000 }));
  // { risk_segment: 'low' }
} // Here the store is closed, also after an error.

try {
  await serve();
  console.log({ cluster: redis.status, user: await redis.get('shop:session:s1') });
  // { cluster: 'ready', user: 'u0001' }
} finally {
  // Not quit(): it waits for a reply of every node, and a node may be silent.
  redis.disconnect();
}
