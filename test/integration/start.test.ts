/**
 * A store may start before its servers, its cluster or their names: `connect` goes on trying for
 * connectTimeoutMs.
 */

import { spawn } from 'node:child_process';
import dns from 'node:dns';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Cluster, Redis } from 'ioredis';
import { expect, it, onTestFinished, vi } from 'vitest';
import { formCluster } from '../../rig/local-cluster/form-cluster.ts';
import { LocalCluster, temporaryDir } from '../../rig/local-cluster/local-cluster.ts';
import { findPortRun } from '../../rig/local-cluster/port-run.ts';
import { startStandaloneServer } from '../../rig/local-cluster/standalone-server.ts';
import { findRedisServer } from '../../rig/redis-server/find.ts';
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

it('waits for a name that appears later', async () => {
  const server = await startStandaloneServer({ portFrom: 23_390 });
  onTestFinished(() => server[Symbol.asyncDispose]());
  const name = 'later.test';
  let isKnown = false;
  let misses = 0;
  const { lookup } = dns;
  const own = (host: string, options: object, done: (...found: unknown[]) => void): void => {
    if (host !== name) return void Reflect.apply(lookup, dns, [host, options, done]);
    if (!isKnown) {
      misses++;
      done(Object.assign(new Error(`getaddrinfo ENOTFOUND ${name}`), { code: 'ENOTFOUND' }));
    } else if ('all' in options && options.all === true) {
      done(null, [{ address: '127.0.0.1', family: 4 }]);
    } else done(null, '127.0.0.1', 4);
  };
  const spy = vi.spyOn(dns, 'lookup').mockImplementation(own as typeof dns.lookup);
  onTestFinished(() => spy.mockRestore());
  const [store] = await connecting({ nodes: [`${name}:${new URL(server.url).port}`] });
  await expect.poll(() => misses, { timeout: 10_000 }).toBeGreaterThan(1);
  isKnown = true;
  await works(await store, 1);
});

it('waits for a server that is loading, and reports what it said', async () => {
  const loading = '-LOADING Redis is loading the dataset in memory\r\n';
  const server = await ScriptedServer.start(() => '*1\r\n+7\r\n');
  server.slots = loading;
  const options = { nodes: [server.url] };
  const [inVain] = await connecting({ ...options, connectTimeoutMs: 300 });
  await expect(inVain).rejects.toMatchObject({
    code: 'CONNECT_FAILED',
    message: expect.stringContaining('LOADING Redis is loading the dataset in memory'),
  });
  const before = server.connections.length;
  const [store] = await connecting(options);
  const attempts = (): number => server.connections.length - before;
  await expect.poll(attempts, { timeout: 10_000 }).toBeGreaterThan(1);
  server.slots = undefined;
  expect(await (await store)?.getFeatures('u1', ['f'])).toStrictEqual({ f: '7' });
});

it.each([
  ['fstore', '../../src/cli/main.ts', ['score', '--ids', 'u1']],
  ['the demo', '../../src/demo/main.ts', ['--port', '0']],
])('%s says on standard error what it waits for', async (_, path, flags) => {
  const port = await findPortRun(23_395, 1);
  const main = fileURLToPath(new URL(path, import.meta.url));
  const nodes = `redis://user:hidden@127.0.0.1:${port}`;
  const child = spawn(process.execPath, ['--import', 'tsx', main, ...flags, '--nodes', nodes], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = once(child, 'close');
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  let [out, err] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => void (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => void (err += text));
  const line = `waiting for 127.0.0.1:${port} (up to 10 s) ...\n`;
  await expect.poll(() => err, { timeout: 30_000 }).toBe(line);
  expect(out).toBe('');
  await ended;
  expect(child.exitCode).not.toBe(0);
  expect(err).toContain(`127.0.0.1:${port}: connect ECONNREFUSED`);
  expect(err).not.toContain('hidden');
});
