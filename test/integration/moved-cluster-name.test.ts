/**
 * A cluster that knows its nodes by host names, and a name that moves: to the node that took over,
 * while the old one lives on as its replica, or with a node that restarts at another address. The
 * servers are real; the names are known to this process alone.
 */

import dns from 'node:dns';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Cluster } from 'ioredis';
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { findRedisServer } from '../../rig/redis-server/find.ts';
import { formCluster, viewOf } from '../../rig/local-cluster/form-cluster.ts';
import { onFreePorts, temporaryDir } from '../../rig/local-cluster/local-cluster.ts';
import { itself } from '../../rig/local-cluster/node-view.ts';
import { RedisNode } from '../../rig/local-cluster/redis-node.ts';
import { clusterConfig } from '../../rig/local-cluster/server-config.ts';
import { waitUntil } from '../../rig/local-cluster/wait-until.ts';
import { FeatureStore } from '../../src/index.ts';

const PRIMARIES = ['a.test', 'b.test', 'c.test'] as const;
const [NAME] = PRIMARIES;
const REPLICA = 'r.test';
const [HERE, THERE, ELSEWHERE] = ['127.0.0.1', '127.0.0.2', '127.0.0.3'] as const;
const keyPrefix = 'moved:';
const ids = Array.from({ length: 60 }, (_, n) => `u${n}`);

/** What `workOn` gives. */
const DONE = { failed: [], stored: ['new', '1'], rows: ids.map(() => ({ f: 'new' })) };

type Way = 'nodes' | 'an ioredis Cluster';

interface Nodes {
  /** At first the primary that NAME means; the fresh one is its replica. */
  readonly old: RedisNode;
  readonly fresh: RedisNode;
  readonly others: readonly RedisNode[];
  /** In the order of PRIMARIES, and then the fresh one. */
  readonly all: readonly RedisNode[];
}

/** The host that each name means now. */
let hosts: Map<string, string>;
beforeEach(() => {
  hosts = new Map([...PRIMARIES.map((name) => [name, HERE] as const), [REPLICA, THERE]]);
  const { lookup } = dns;
  const own = (name: string, options: object, done: (...found: unknown[]) => void): void => {
    const address = hosts.get(name);
    if (address === undefined) return void Reflect.apply(lookup, dns, [name, options, done]);
    if ('all' in options && options.all === true) done(null, [{ address, family: 4 }]);
    else done(null, address, 4);
  };
  const spy = vi.spyOn(dns, 'lookup').mockImplementation(own as typeof dns.lookup);
  onTestFinished(() => spy.mockRestore());
});

function placeAt(host: string): string[] {
  return [`bind ${host}`, `cluster-announce-ip ${host}`];
}

/** Three primaries at one host, and at another a replica of the first, at the same port. */
async function startNodes(): Promise<Nodes> {
  const { path: serverPath } = await findRedisServer();
  const dir = temporaryDir('moved-cluster-name');
  const nodes = await onFreePorts({ portFrom: 21_970 }, PRIMARIES.length, async (first) => {
    const make = (name: string, host: string, port: number): RedisNode =>
      new RedisNode({
        serverPath,
        host,
        port,
        dir: join(dir, name),
        config: () => [
          ...clusterConfig({ nodeTimeoutMs: 10_000, requireFullCoverage: false }),
          ...placeAt(host),
          'cluster-preferred-endpoint-type hostname',
          `cluster-announce-hostname ${name}`,
        ],
      });
    const others = PRIMARIES.slice(1).map((name, n) => make(name, HERE, first + 1 + n));
    const made = {
      old: make(NAME, HERE, first),
      fresh: make(REPLICA, THERE, first),
      others,
      all: [] as readonly RedisNode[],
    };
    made.all = [made.old, ...others, made.fresh];
    onTestFinished(async () => {
      await Promise.all(made.all.map((node) => node.stop()));
      await rm(dir, { recursive: true, force: true });
    });
    await Promise.all(made.all.map((node) => node.start()));
    return made;
  });
  await formCluster(nodes.all, PRIMARIES.length, 30_000);
  await allKnow(nodes.all, nodes.old, NAME);
  await allKnow(nodes.all, nodes.fresh, REPLICA);
  return nodes;
}

/** Until all of them call the node by this name. */
async function allKnow(nodes: readonly RedisNode[], node: RedisNode, name: string): Promise<void> {
  const id = String(await node.call('CLUSTER', 'MYID'));
  const line = new RegExp(`^${id} [^ ]+,${name}[ ,]`, 'm');
  const doAll = async (): Promise<boolean> => {
    const heard = await Promise.all(nodes.map((one) => one.call('CLUSTER', 'NODES')));
    return heard.every((text) => line.test(String(text)));
  };
  await waitUntil(doAll, { what: `all call ${node.host} ${name}`, timeoutMs: 15_000 });
}

/** With rows in it, and connections to every primary. */
async function connect(nodes: Nodes, way: Way): Promise<FeatureStore> {
  const urls = PRIMARIES.map((name, n) => `redis://${name}:${nodes.all[n]?.port}`);
  const own = {
    dnsLookup: (name: string, done: (_: null, found: string) => void) => done(null, name),
  };
  const redis = way === 'nodes' ? undefined : new Cluster(urls, own);
  redis?.on('error', () => undefined);
  onTestFinished(() => redis?.disconnect());
  const store = await FeatureStore.connect({ ...(redis ? { redis } : { nodes: urls }), keyPrefix });
  onTestFinished(() => store.close());
  expect(await store.bulkLoad(rowsOf('old'))).toMatchObject({ failed: [] });
  await store.batchGetFeatures(ids, ['f']);
  return store;
}

function rowsOf(f: string): (readonly [string, { f: string }])[] {
  return ids.map((id) => [id, { f }] as const);
}

/** The replica is the primary, and the old primary its replica. */
async function takeOver({ old, fresh }: Nodes): Promise<void> {
  await fresh.call('CLUSTER', 'FAILOVER');
  const isReplica = async (): Promise<boolean> => itself(await viewOf(old))?.role === 'replica';
  await waitUntil(isReplica, { what: 'the old primary is a replica', timeoutMs: 15_000 });
}

/** The cluster calls the new primary by the old one's name. */
async function rename({ old, fresh, others }: Nodes): Promise<void> {
  const nameOf = (node: RedisNode, name: string): Promise<unknown> =>
    node.call('CONFIG', 'SET', 'cluster-announce-hostname', name);
  await nameOf(fresh, NAME);
  await nameOf(old, REPLICA);
  await allKnow([fresh, ...others], fresh, NAME);
}

/** It is alone in a cluster of its own, without slots, and unknown to the others. */
async function expel({ old, fresh, others }: Nodes): Promise<void> {
  const id = String(await old.call('CLUSTER', 'MYID'));
  for (const node of [fresh, ...others]) await node.call('CLUSTER', 'FORGET', id);
  await old.call('CLUSTER', 'RESET');
}

test('rows go where the name leads now, and the old primary is in no hot loop', async () => {
  const nodes = await startNodes();
  const store = await connect(nodes, 'nodes');
  const moved = ids.filter((id) => store.shardFor(id)?.startsWith(NAME));
  await takeOver(nodes);
  await rename(nodes);
  await allKnow([nodes.old], nodes.fresh, NAME);
  const client = nodes.old.client();
  onTestFinished(() => client.disconnect());
  const connectionsOf = async (): Promise<number> =>
    Number(/total_connections_received:(\d+)/.exec(await client.info('stats'))?.[1]);
  const before = await connectionsOf();
  const { failed } = await store.bulkLoad(rowsOf('early'), { timeoutMs: 1_500 });
  expect((await connectionsOf()) - before).toBeLessThanOrEqual(10);
  expect(failed.map(({ id }) => id)).toStrictEqual(moved);
  expect(failed[0]?.error).toMatchObject({
    code: 'TIMEOUT',
    cause: { code: 'TOO_MANY_REDIRECTS' },
  });
  hosts.set(NAME, THERE).set(REPLICA, HERE);
  expect(await workOn(store, nodes.fresh)).toStrictEqual(DONE);
});

test('a given Cluster: rows go where the name leads; the old primary has left', async () => {
  const nodes = await startNodes();
  const store = await connect(nodes, 'an ioredis Cluster');
  await takeOver(nodes);
  await rename(nodes);
  await expel(nodes);
  hosts.set(NAME, THERE);
  expect(await workOn(store, nodes.fresh)).toStrictEqual(DONE);
});

test('rows go to a node that restarts at another address', async () => {
  const nodes = await startNodes();
  const store = await connect(nodes, 'nodes');
  hosts.set(NAME, ELSEWHERE);
  await nodes.old.restart({ host: ELSEWHERE, extraConfig: placeAt(ELSEWHERE) });
  // It refuses rows for two seconds after its start (redis 8.0, CLUSTER_WRITABLE_DELAY).
  expect(await workOn(store, nodes.old, 15_000)).toStrictEqual(DONE);
});

/** Reads and writes every row, and gives what the node has of a row that belongs to NAME. */
async function workOn(store: FeatureStore, node: RedisNode, timeoutMs = 5_000): Promise<object> {
  const limits = { timeoutMs };
  await store.batchGetFeatures(ids, ['f'], limits);
  const { failed } = await store.bulkLoad(rowsOf('new'), limits);
  const id = ids.find((one) => store.shardFor(one)?.startsWith(NAME)) ?? '';
  await store.updateStreaming(id, { s: 1 }, limits);
  const stored = await node.call('HMGET', store.keyFor(id), 'f', 's');
  return { failed, stored, rows: await store.batchGetFeatures(ids, ['f'], limits) };
}
