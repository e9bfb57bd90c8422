/**
 * An ioredis object of the caller's, in any state and with any options; and the number of a
 * database.
 */

import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { startLocalCluster } from '../../rig/local-cluster/local-cluster.ts';
import { findRedisServer } from '../../rig/redis-server/find.ts';
import { FeatureStore, type FeatureStoreOptions } from '../../src/index.ts';

const keyPrefix = 'own-redis:';

function place(url: string): { host: string; port: number } {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port) };
}

async function tryOut(options: FeatureStoreOptions): Promise<FeatureStore> {
  const store = await FeatureStore.connect({ keyPrefix, connectTimeoutMs: 5_000, ...options });
  onTestFinished(() => store.close());
  await store.bulkLoad({ u1: { n: 1 }, u2: { n: 2 } });
  expect(await store.batchGetFeatures(['u1', 'u2'], ['n'])).toStrictEqual([{ n: '1' }, { n: '2' }]);
  return store;
}

function server(options: RedisOptions = {}): Redis {
  const redis = new Redis({
    ...options,
    ...place(inject('standaloneUrl')),
    replyMapping: 'legacy',
  });
  redis.on('error', () => undefined);
  onTestFinished(() => redis.disconnect());
  return redis;
}

const ended = (redis: Redis): Promise<void> =>
  new Promise((resolve) => {
    redis.once('end', () => resolve());
    redis.disconnect();
  });

const STATES: Readonly<Record<string, () => Promise<Redis> | Redis>> = {
  wait: () => server({ lazyConnect: true }),
  connecting: () => server(),
  'connecting, without an offline queue': () => server({ enableOfflineQueue: false }),
  'waiting, without an offline queue': () =>
    server({ enableOfflineQueue: false, lazyConnect: true }),
  ready: async () => {
    const redis = server();
    await redis.ping();
    return redis;
  },
  reconnecting: async () => {
    const redis = server({ retryStrategy: () => 60_000 });
    await redis.ping();
    redis.disconnect(true);
    await new Promise<void>((resolve) => redis.once('reconnecting', () => resolve()));
    return redis;
  },
  end: async () => {
    const redis = server();
    await redis.ping();
    await ended(redis);
    return redis;
  },
  'subscribed, under RESP2': async () => {
    const redis = server({ protocol: 2 });
    await redis.subscribe('own-redis');
    return redis;
  },
  autopipelining: () => server({ enableAutoPipelining: true, maxRetriesPerRequest: 0 }),
};

describe('a given Redis', () => {
  it.each(Object.keys(STATES))('may be in the state %s', async (state) => {
    const redis = await STATES[state]?.();
    const store = await tryOut(redis ? { redis } : {});
    expect(await store.topology()).toMatchObject({ mode: 'standalone' });
  });

  it('is stood on in the database that SELECT has chosen', async () => {
    const redis = server();
    await redis.select(6);
    await tryOut({ redis });
    expect(await redis.exists(`${keyPrefix}u1`)).toBe(1);
    await redis.del(`${keyPrefix}u1`, `${keyPrefix}u2`);
  });

  it('has its errors reported as ours', async () => {
    const redis = new Redis({ port: 1, host: '127.0.0.1', lazyConnect: true });
    onTestFinished(() => redis.disconnect());
    await expect(FeatureStore.connect({ redis, connectTimeoutMs: 300 })).rejects.toMatchObject({
      name: 'FeatureStoreError',
      code: 'CONNECT_FAILED',
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });
});

describe('a given Cluster', () => {
  it.each([
    [{ lazyConnect: true }],
    [{ enableOfflineQueue: false }],
    [{ scaleReads: 'slave' as const }],
    [{ enableAutoPipelining: true, maxRedirections: 0 }],
    [{ redisOptions: { maxRetriesPerRequest: 0, commandTimeout: 5_000 } }],
  ])('may be made with %o', async (options) => {
    const redis = new Cluster(inject('clusterNodes').map(place), options);
    redis.on('error', () => undefined);
    onTestFinished(() => redis.disconnect());
    const store = await tryOut({ redis });
    expect(await store.topology()).toMatchObject({ mode: 'cluster', shards: { length: 3 } });
  });
});

describe('the number of a database', () => {
  it('that a server does not have is refused', async () => {
    const connecting = tryOut({ nodes: [`${inject('standaloneUrl')}/9999`] });
    await expect(connecting).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringContaining('no database 9999'),
    });
  });

  it.each([
    [['h:1', 'redis://h:2/1'], {}],
    [['redis://h:1/1', 'redis://h:2/2'], {}],
    [['redis://h:1/1'], { db: 2 }],
    [['redis://h:1/0'], { db: 2 }],
    [['redis://h:1'], { db: -1 }],
    [['redis://h:1'], { db: 1.5 }],
  ])('%j with redisOptions %j is refused', async (nodes, redisOptions) => {
    await expect(FeatureStore.connect({ nodes, redisOptions })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
    });
  });

  // Valkey 9 has databases in a cluster, and npm run test:matrix runs this on it; Redis has none.
  it('is obeyed on a cluster that has databases, and refused on any other', async () => {
    const isValkey = (await findRedisServer()).flavour === 'valkey';
    await using cluster = await startLocalCluster({
      portFrom: 22_900,
      replicasPerPrimary: 0,
      extraConfig: isValkey ? ['cluster-databases 4'] : [],
    });
    const tooFar = FeatureStore.connect({ nodes: cluster.urls, redisOptions: { db: 7 } });
    await expect(tooFar).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    const outcome = await tryOut({ nodes: cluster.urls, redisOptions: { db: 3 } }).then(
      (store) => store.reset(),
      (error: unknown) => error,
    );
    const refusal = expect.objectContaining({
      code: 'INVALID_OPTION',
      message: expect.stringContaining('no database 3'),
    });
    const due: unknown = isValkey ? 2 : refusal;
    expect(outcome).toEqual(due);
    const redis = new Cluster(cluster.urls.map(place), { redisOptions: { db: 3 } });
    redis.on('error', () => undefined);
    onTestFinished(() => redis.disconnect());
    const own = await tryOut({ redis }).then(
      (store) => store.reset(),
      (error: unknown) => error,
    );
    expect(own).toEqual(due);
  });
});
