/** A store may start before its servers, its cluster or their names: `connect` goes on trying for connectTimeoutMs. */

import { Cluster, Redis } from 'ioredis';
import { expect, it, onTestFinished } from 'vitest';
import { formCluster } from '../../scripts/local-cluster/form-cluster.ts';
import { LocalCluster, temporaryDir } from '../../scripts/local-cluster/local-cluster.ts';
import { findPortRun } from '../../scripts/local-cluster/port-run.ts';
import { startStandaloneServer } from '../../scripts/local-cluster/standalone-server.ts';
import { findRedisServer } from '../../scripts/redis-server/find.ts';
import { FeatureStore, type FeatureStoreOptions } from '../../src/index.ts';
import { ScriptedServer } from './scripted-server.ts';

const connectTimeoutMs = 20_000;

/** Servers that are not started yet. */
async function cluster(portFrom: number, count: number): Promise<LocalCluster> {
  const { path: serverPath } = await findRedisServer();
  const first = await findPortRun(portFrom, count);
  const ports = Array.from({ length: count }, (_, at) => first + at);
  const made = LocalCluster.at(ports, { serverPath, dataDir: temporaryDir('start') });
  onTestFinished(() => made[Symbol.asyncDispose]());
  return made;
}

/** Has begun to connect, and goes on. */
async function connecting(options: FeatureStoreOptions): Promise<Promise<FeatureStore>[]> {
  const store = FeatureStore.connect({ connectTimeoutMs, ...options });
  store.catch(() => undefined);
  onTestFinished(async () => void (await store.catch(() => undefined))?.close());
  return [store];
}

async function works(store: FeatureStore | undefined, shardCount: number): Promise<void> {
  expect((await store?.topology())?.shards).toHaveLength(shardCount);
  const ids = Array.from({ length: 50 }, (_, n) => `u${n}`);
  const load = await store?.bulkLoad(ids.map((id, n) => [id, { n }] as const));
  expect(load).toMatchObject({ loaded: 50, failed: [] });
}

it('waits for servers that start later, and for a cluster that is made after them', async () => {
  const servers = await cluster(23_300, 3);
  const [store] = await connecting({ nodes: servers.urls });
  const redis = new Redis({ port: servers.nodes[0]!.port, retryStrategy: null, lazyConnect: true });
  const nodes = servers.nodes.map(({ port }) => ({ host: '127.0.0.1', port }));
  const clusterObject = new Cluster(nodes, { lazyConnect: true });
  for (const given of [redis, clusterObject]) given.on('error', () => undefined);
  onTestFinished(() => [redis, clusterObject].forEach((given) => given.disconnect()));
  const [own] = await connecting({ redis });
  const [ownCluster] = await connecting({ redis: clusterObject, warmUp: true });
  await servers.start();
  const isEmpty = { timeout: 10_000 };
  await expect.poll(() => servers.nodes[0]!.call('CLUSTER', 'SLOTS'), isEmpty).toStrictEqual([]);
  await formCluster(servers.nodes, 3, 20_000);
  await works(await store, 3);
  await works(await own, 3);
  await works(await ownCluster, 3);
});

it('reports what each node said last, and how long it tried', async () => {
  const servers = await cluster(23_320, 1);
  await servers.start();
  const dead = await findPortRun(23_330, 1);
  const nodes = [
    `127.0.0.1:${dead}`,
    `127.0.0.1:${servers.nodes[0]!.port}`,
    'no-such.invalid:7000',
  ];
  const [store] = await connecting({ nodes, connectTimeoutMs: 700 });
  const error: unknown = await store?.catch((caught: unknown) => caught);
  expect(error).toMatchObject({ code: 'CONNECT_FAILED', retryable: true });
  const message = String(error);
  expect(message).toContain('connectTimeoutMs 700');
  expect(message).toContain(`127.0.0.1:${dead}: connect ECONNREFUSED`);
  expect(message).toMatch(/no node owns a slot: create the cluster first/);
  expect(message).toMatch(/no-such\.invalid:7000: .*(ENOTFOUND|EAI_AGAIN)/);
});

it('connects to the seed that comes, whatever the others do', async () => {
  const silent = await ScriptedServer.start(() => undefined);
  silent.polite = false;
  const dead = await findPortRun(23_340, 1);
  const port = await findPortRun(23_345, 1);
  const nodes = [silent.url, `127.0.0.1:${dead}`, `127.0.0.1:${port}`];
  const single = await connecting({ nodes: [`127.0.0.1:${port}`] });
  const several = await connecting({ nodes });
  const server = await startStandaloneServer({ portFrom: port });
  onTestFinished(() => server[Symbol.asyncDispose]());
  await works(await single[0], 1);
  await expect(several[0]).rejects.toThrow('not part of a cluster');
  const open = silent.connections.filter(({ socket }) => !socket.destroyed);
  await expect.poll(() => open.filter(({ socket }) => !socket.destroyed)).toStrictEqual([]);
});

it('an own object that could not be used is left as it was', async () => {
  const port = await findPortRun(23_350, 1);
  const redis = new Redis({ port, lazyConnect: true });
  redis.on('error', () => undefined);
  const [store] = await connecting({ redis, connectTimeoutMs: 300 });
  await expect(store).rejects.toMatchObject({
    code: 'CONNECT_FAILED',
    message: expect.stringContaining('ECONNREFUSED'),
  });
  const server = await startStandaloneServer({ portFrom: port });
  onTestFinished(() => server[Symbol.asyncDispose]());
  const { hostname, port: atPort } = new URL(server.url);
  expect([hostname, Number(atPort)]).toStrictEqual(['127.0.0.1', port]);
  await (await FeatureStore.connect({ nodes: [server.url] })).close();
  expect(redis.status).toBe('wait'); // only its options were used
});

it('is ended by its signal', async () => {
  const port = await findPortRun(23_360, 1);
  const stop = new AbortController();
  const store = FeatureStore.connect({ nodes: [`127.0.0.1:${port}`] }, { signal: stop.signal });
  stop.abort();
  await expect(store).rejects.toMatchObject({ code: 'ABORTED' });
});

it('nodes of several clusters are refused, each with its cluster', async () => {
  const [one, other] = [await cluster(23_370, 1), await cluster(23_380, 1)];
  for (const { nodes } of [one, other]) {
    await nodes[0]!.start();
    await nodes[0]!.call('CLUSTER', 'ADDSLOTSRANGE', 0, 16_383);
  }
  const nodes = [...one.urls, ...other.urls];
  const [store] = await connecting({ nodes });
  const [a, b] = [one, other].map((made) => `127.0.0.1:${made.nodes[0]!.port}`);
  await expect(store).rejects.toMatchObject({
    code: 'INVALID_OPTION',
    message: expect.stringMatching(new RegExp(`2 clusters: .*(${a} .*${b}|${b} .*${a})`)),
  });
});
