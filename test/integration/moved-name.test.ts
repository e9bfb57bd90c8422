/**
 * A name moves from one server to another, and the old one lives on as a replica: the primary
 * endpoint of a managed service, after a switch-over. The servers are real; the name is one that
 * only this process knows.
 */

import { spawn } from 'node:child_process';
import dns from 'node:dns';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test, vi } from 'vitest';
import { findRedisServer } from '../../rig/redis-server/find.ts';
import { waitUntil } from '../../rig/local-cluster/wait-until.ts';
import { FeatureStore } from '../../src/index.ts';
import { Connection } from '../../src/cluster/control/connection.ts';
import { defaultLimits } from '../../src/cluster/limits.ts';

const NAME = 'primary.test';
const OLD = '127.0.0.1';
const NEW = '127.0.0.2';
const NAMES = ['f'];
let nextPort = 21_960;

/** A server at the host; ends with the test. */
async function startServer(host: string, port: number): Promise<Redis> {
  const { path } = await findRedisServer();
  const dir = await mkdtemp(join(tmpdir(), 'moved-name-'));
  const delay = ['--repl-diskless-sync-delay', '0', '--save', '', '--dir', dir];
  const server = spawn(path, ['--port', `${port}`, '--bind', host, ...delay], { stdio: 'ignore' });
  const redis = new Redis({ host, port, retryStrategy: () => 20 });
  redis.on('error', () => undefined);
  onTestFinished(async () => {
    redis.disconnect();
    server.kill('SIGKILL');
    await rm(dir, { recursive: true, force: true });
  });
  const isReady = async (): Promise<boolean> => redis.status === 'ready';
  await waitUntil(isReady, { what: `${host}:${port} answers`, timeoutMs: 10_000, intervalMs: 10 });
  return redis;
}

/** Lets the name mean a host; gives what moves it. */
function giveName(): (host: string) => void {
  let current = OLD;
  const { lookup } = dns;
  const own = (name: string, options: object, done: (...found: unknown[]) => void): void => {
    if (name !== NAME) return void Reflect.apply(lookup, dns, [name, options, done]);
    const found = { address: current, family: 4 };
    if ('all' in options && options.all === true) done(null, [found]);
    else done(null, found.address, found.family);
  };
  const spy = vi.spyOn(dns, 'lookup').mockImplementation(own as typeof dns.lookup);
  onTestFinished(() => spy.mockRestore());
  return (host) => {
    current = host;
  };
}

async function startPair(): Promise<{
  port: number;
  old: Redis;
  fresh: Redis;
  switchOver(): Promise<void>;
}> {
  const port = nextPort++;
  const move = giveName();
  const old = await startServer(OLD, port);
  const fresh = await startServer(NEW, port);
  await fresh.call('REPLICAOF', OLD, port);
  const isSynced = async (): Promise<boolean> =>
    String(await fresh.info('replication')).includes('master_link_status:up');
  await waitUntil(isSynced, { what: 'the replica is synced', timeoutMs: 10_000, intervalMs: 20 });
  const switchOver = async (): Promise<void> => {
    await fresh.call('REPLICAOF', 'NO', 'ONE');
    await old.call('REPLICAOF', NEW, port);
    move(NEW);
  };
  return { port, old, fresh, switchOver };
}

test.each(['a URL', 'an ioredis object'] as const)(
  'writes and reads go where the name leads now: %s',
  async (way) => {
    const { port, switchOver } = await startPair();
    const options =
      way === 'a URL'
        ? { nodes: [`redis://${NAME}:${port}`] }
        : { redis: new Redis({ host: NAME, port, lazyConnect: true }) };
    onTestFinished(() => options.redis?.disconnect());
    const store = await FeatureStore.connect(options);
    onTestFinished(() => store.close());
    await store.bulkLoad({ u1: { f: 'old' } });
    expect(await store.getFeatures('u1', NAMES)).toStrictEqual({ f: 'old' });
    await switchOver();
    const load = await store.bulkLoad({ u1: { f: 'new' } }, { timeoutMs: 5_000 });
    expect(load).toMatchObject({ loaded: 1, failed: [] });
    // The lane of online reads has been left too.
    expect(await store.getFeatures('u1', NAMES)).toStrictEqual({ f: 'new' });
    await store.updateStreaming('u1', { s: 1 }, { timeoutMs: 5_000 });
  },
);

test('a primary that steps down while a write waits for its replicas is left at once', async () => {
  const { port, old, fresh, switchOver } = await startPair();
  const store = await FeatureStore.connect({ nodes: [`redis://${NAME}:${port}`] });
  onTestFinished(() => store.close());
  await store.bulkLoad({ u1: { f: 'old' } }, { minReplicas: 1 });
  expect(await store.getFeatures('u1', NAMES)).toStrictEqual({ f: 'old' });
  await fresh.call('REPLICAOF', 'NO', 'ONE'); // so nobody confirms
  const load = store.bulkLoad({ u1: { f: 'unconfirmed' } }, { minReplicas: 1 });
  const waits = async (): Promise<boolean> =>
    (await old.info('clients')).includes('blocked_clients:1');
  await waitUntil(waits, { what: 'WAIT waits', timeoutMs: 10_000, intervalMs: 5 });
  await switchOver();
  expect((await load).failed).toMatchObject([
    { id: 'u1', error: { code: 'NOT_REPLICATED', message: expect.stringContaining('UNBLOCKED') } },
  ]);
  // The lane of online reads has been left too: no write has met the replica since.
  expect(await store.getFeatures('u1', NAMES)).toStrictEqual({ f: 'old' });
  expect(String(await fresh.call('CLIENT', 'LIST'))).toContain('name=fstore:online');
});

test('who only reads follows the name when it is looked up again', async () => {
  const { port, switchOver } = await startPair();
  const limits = { ...defaultLimits, refreshIntervalMs: 50 };
  const underlay = {
    mode: 'standalone',
    options: () => ({ host: NAME, port }),
    credentials: undefined,
    own: undefined,
    natMap: undefined,
    seeds: [`${NAME}:${port}`],
  } as const;
  const connection = new Connection(underlay, limits);
  onTestFinished(() => connection.close());
  const address = `${NAME}:${port}`;
  await connection.warmUp();
  expect(connection.lane(address, 'online').remoteHost).toBe(OLD);
  await switchOver();
  const hasMoved = async (): Promise<boolean> => {
    const lane = connection.lane(address, 'online');
    await lane.open();
    return lane.remoteHost === NEW;
  };
  await waitUntil(hasMoved, { what: 'the lane follows', timeoutMs: 10_000, intervalMs: 10 });
});

test('a replica that stays one is not asked in a hot loop, and the error names it', async () => {
  const { port, old } = await startPair();
  const store = await FeatureStore.connect({ nodes: [`redis://${NAME}:${port}`] });
  onTestFinished(() => store.close());
  await store.bulkLoad({ u1: { f: 'old' } });
  await old.call('REPLICAOF', OLD, 1);
  const connectionsOf = async (): Promise<number> =>
    Number(/total_connections_received:(\d+)/.exec(await old.info('stats'))?.[1]);
  const before = await connectionsOf();
  const { failed } = await store.bulkLoad({ u1: { f: 'new' } }, { timeoutMs: 1_500 });
  expect(failed).toMatchObject([
    { id: 'u1', error: { code: 'TIMEOUT', cause: { code: 'SHARD_UNAVAILABLE' } } },
  ]);
  expect(failed[0]?.error.message).toContain('The node is a replica');
  expect((await connectionsOf()) - before).toBeLessThanOrEqual(10);
});
