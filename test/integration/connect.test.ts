import { Cluster, Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest';
import { startLocalCluster, type LocalCluster } from '../../rig/local-cluster/local-cluster.ts';
import { findPortRun } from '../../rig/local-cluster/port-run.ts';
import { FeatureStore, type FeatureStoreOptions } from '../../src/index.ts';
import { leastRights } from './least-rights.ts';

const keyPrefix = 'connect:';

/** Connects, and shows that the store works, on every shard. */
async function tryOut(options: FeatureStoreOptions): Promise<FeatureStore> {
  const store = await FeatureStore.connect({ keyPrefix, ...options });
  onTestFinished(() => store.close());
  const ids = Array.from({ length: 100 }, (_, i) => `u${i}`);
  const load = await store.bulkLoad(ids.map((id, n) => [id, { n }] as const));
  expect(load).toMatchObject({ loaded: 100, failed: [] });
  await store.updateStreaming('u1', { s: 1 });
  const rows = await store.batchGetFeatures(ids, ['n']);
  expect(rows).toStrictEqual(ids.map((_, n) => ({ n: String(n) })));
  expect(await store.inspect('u1')).toMatchObject({ exists: true });
  expect(await store.countEntities()).toBe(100);
  expect(await store.reset()).toBe(100);
  return store;
}

function place(url: string): { host: string; port: number } {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port) };
}

describe('nodes', () => {
  it('may name one node of the cluster, and one that is dead', async () => {
    const dead = await findPortRun(24_000, 1);
    const [alive = ''] = inject('clusterNodes');
    const store = await tryOut({ nodes: [`127.0.0.1:${dead}`, alive] });
    expect(await store.topology()).toMatchObject({ mode: 'cluster', shards: { length: 3 } });
  });

  it('may be a standalone server', async () => {
    const store = await tryOut({ nodes: [inject('standaloneUrl')] });
    expect(await store.topology()).toMatchObject({ mode: 'standalone', shards: { length: 1 } });
  });

  it('must not be several standalone servers', async () => {
    const nodes = [inject('standaloneUrl'), inject('standaloneUrl')];
    await expect(FeatureStore.connect({ nodes })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringContaining('names 2 servers'),
    });
  });

  it('that are all dead are named, each with its reason', async () => {
    const dead = await findPortRun(24_000, 2);
    const nodes = [`127.0.0.1:${dead}`, `127.0.0.1:${dead + 1}`];
    await expect(FeatureStore.connect({ nodes, connectTimeoutMs: 500 })).rejects.toMatchObject({
      code: 'CONNECT_FAILED',
      retryable: true,
      message: expect.stringMatching(new RegExp(`${dead}: .*ECONNREFUSED.*${dead + 1}: `)),
    });
  });
});

describe('warmUp', () => {
  it('opens the connections to every shard while connecting', async () => {
    const names = async (): Promise<string[]> => {
      const store = await FeatureStore.connect({ nodes: inject('clusterNodes') });
      onTestFinished(() => store.close());
      const { shards } = await store.topology();
      const lists = shards.map(async ({ address }) => {
        const redis = new Redis(place(`redis://${address}`));
        onTestFinished(() => redis.disconnect());
        return String(await redis.client('LIST')).match(/(?<=name=)warm:\w+/g) ?? [];
      });
      return (await Promise.all(lists)).flat().sort();
    };
    const options = { nodes: inject('clusterNodes'), redisOptions: { connectionName: 'warm' } };
    const cold = await FeatureStore.connect(options);
    const forBatches = (await names()).filter((name) => name !== 'warm:control');
    expect(forBatches).toStrictEqual([]);
    await cold.close();
    const warm = await FeatureStore.connect({ ...options, warmUp: true });
    onTestFinished(() => warm.close());
    const purposes = ['bulk', 'control', 'online'].map((purpose) => `warm:${purpose}`);
    expect(await names()).toStrictEqual(purposes.flatMap((name) => [name, name, name]));
  });
});

describe('a given ioredis object', () => {
  it('may be a Cluster, and stays open', async () => {
    const cluster = new Cluster(inject('clusterNodes').map(place));
    onTestFinished(() => cluster.disconnect());
    const store = await tryOut({ redis: cluster });
    await store.close();
    expect(await cluster.set('connect-given', '1', 'EX', 10)).toBe('OK');
  });

  it('may be a lazy Redis of a standalone server, and stays open', async () => {
    const redis = new Redis({ ...place(inject('standaloneUrl')), lazyConnect: true });
    onTestFinished(() => redis.disconnect());
    const store = await tryOut({ redis });
    await store.close();
    expect(await redis.ping()).toBe('PONG');
  });

  it('may be a Redis of one cluster node: the store finds the others', async () => {
    const redis = new Redis(place(inject('clusterNodes')[1] ?? ''));
    onTestFinished(() => redis.disconnect());
    const store = await tryOut({ redis });
    expect(await store.topology()).toMatchObject({ mode: 'cluster', shards: { length: 3 } });
  });

  it('keeps its database', async () => {
    const redis = new Redis({ ...place(inject('standaloneUrl')), db: 3 });
    onTestFinished(() => redis.disconnect());
    const store = await FeatureStore.connect({ redis, keyPrefix: 'db3:' });
    onTestFinished(() => store.close());
    await store.bulkLoad({ u1: { n: 1 } });
    expect(await redis.exists('db3:u1')).toBe(1);
    await store.reset();
  });

  it('is refused with a keyPrefix of its own', async () => {
    const redis = new Redis({ ...place(inject('standaloneUrl')), keyPrefix: 'twice:' });
    onTestFinished(() => redis.disconnect());
    await expect(FeatureStore.connect({ redis })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringContaining("'twice:'"),
    });
  });
});

describe('a cluster with users', () => {
  const secret = 'p@ss w%rd';
  let cluster: LocalCluster;

  beforeAll(async () => {
    const rights = (await leastRights()).replace('~fs:user:*', '~connect:*');
    cluster = await startLocalCluster({
      portFrom: 21_600,
      replicasPerPrimary: 0,
      extraConfig: [`user features on ">${secret}" ${rights}`],
    });
  });
  afterAll(() => cluster[Symbol.asyncDispose]());

  it('works for the user that docs/operations.md makes', async () => {
    const store = await tryOut({
      nodes: cluster.urls,
      redisOptions: { username: 'features', password: secret },
    });
    expect(await store.topology()).toMatchObject({ mode: 'cluster', shards: { length: 3 } });
  });

  it('takes the user and password from a URL', async () => {
    const { host, port } = place(cluster.urls[0] ?? '');
    const credentials = `features:${encodeURIComponent(secret)}`;
    const store = await tryOut({ nodes: [`redis://${credentials}@${host}:${port}`] });
    expect(await store.topology()).toMatchObject({ mode: 'cluster', shards: { length: 3 } });
  });

  it('refuses a wrong password, and does not tell it', async () => {
    const connecting = FeatureStore.connect({
      nodes: cluster.urls,
      redisOptions: { username: 'features', password: 'not-the-secret' },
    });
    await expect(connecting).rejects.toMatchObject({
      code: 'ACCESS_DENIED',
      message: expect.stringContaining('WRONGPASS'),
    });
    const error = await connecting.catch((caught: unknown) => caught);
    const { inspect } = await import('node:util');
    expect(inspect(error, { depth: 20 })).not.toContain('not-the-secret');
  });

  it('fails the rows of keys that the user may not touch, and says what to grant', async () => {
    const store = await FeatureStore.connect({
      nodes: cluster.urls,
      keyPrefix: 'elsewhere:',
      redisOptions: { username: 'features', password: secret },
    });
    onTestFinished(() => store.close());
    await expect(store.getFeatures('u1', ['n'])).rejects.toMatchObject({
      code: 'ACCESS_DENIED',
      message: expect.stringContaining('docs/operations.md'),
    });
  });
});
