/**
 * Servers that refuse: the error belongs to the rows it concerns, has a code, and says what to do.
 */

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { onTestFinished } from 'vitest';
import { startLocalCluster, type LocalCluster } from '../../rig/local-cluster/local-cluster.ts';
import type { RedisNode } from '../../rig/local-cluster/redis-node.ts';
import { startStandaloneServer } from '../../rig/local-cluster/standalone-server.ts';
import { waitUntil } from '../../rig/local-cluster/wait-until.ts';
import { FeatureStore, type ErrorCode, type FeatureStoreOptions } from '../../src/index.ts';
import { knowsCommand } from '../knows-command.ts';
import { endingOf, type Ending } from './life-calls.ts';

const USER = 'model';
const PASSWORD = 'refusals-secret';
const ids = Array.from({ length: 300 }, (_, n) => `u${n}`);
const rows = ids.map((id, n) => [id, { n }] as const);
const expected = ids.map((_, n) => ({ n: String(n) }));

let cluster: LocalCluster;
let victim: RedisNode;
let store: FeatureStore;
/** The ids that the victim serves. */
let concerned: string[];

function useCluster(portFrom: number, extraConfig: readonly string[] = []): void {
  beforeAll(async () => {
    const shape = { replicasPerPrimary: 0, nodeTimeoutMs: 120_000 };
    cluster = await startLocalCluster({ portFrom, ...shape, extraConfig });
    victim = cluster.nodes[1]!;
  });
  afterAll(() => cluster[Symbol.asyncDispose]());
  beforeEach(async () => {
    store = await connect();
    concerned = ids.filter((id) => store.shardFor(id) === `127.0.0.1:${victim.port}`);
    expect(concerned.length).toBeGreaterThan(50);
    expect(await store.bulkLoad(rows)).toMatchObject({ failed: [] });
    await store.updateStreaming('u0', { s: 0 });
  });
  afterEach(async () => {
    await store.reset();
    await store.close();
  });
}

async function connect(options: FeatureStoreOptions = {}): Promise<FeatureStore> {
  return FeatureStore.connect({ nodes: cluster.urls, keyPrefix: 'refusals:', ...options });
}

/** Of a store that stays open until the test has ended. */
async function connectAs(username: string, password: string): Promise<FeatureStore> {
  const other = await connect({ redisOptions: { username, password } });
  onTestFinished(() => other.close());
  return other;
}

/** Exactly these ids failed, with this code, and the message says `advice`. */
function expectRefused(
  { failed, elapsedMs }: Ending,
  failedIds: readonly string[],
  code: ErrorCode,
  advice: RegExp,
): void {
  expect(failed?.map(({ id }) => id)).toStrictEqual(failedIds);
  for (const { error } of failed ?? []) {
    expect(error).toMatchObject({ code, message: expect.stringMatching(advice) });
  }
  expect(elapsedMs).toBeLessThan(2_000);
}

/** The rows that a batch read gave, failed ones undefined. */
function rowsOf({ error, value }: Ending): unknown {
  return error !== undefined && 'rows' in error ? error.rows : value;
}

function expectedBut(failedIds: readonly string[]): unknown[] {
  const failed = new Set(failedIds);
  return expected.map((row, n) => (failed.has(ids[n] ?? '') ? undefined : row));
}

const read = (from = store): Promise<Ending> => endingOf(() => from.batchGetFeatures(ids, ['n']));
const load = (into = store): Promise<Ending> => endingOf(() => into.bulkLoad(rows));
const stream = (into = store): Promise<Ending> =>
  endingOf(() => into.updateStreamingBatch(ids.map((id) => [id, { s: 1 }] as const)));

describe.each([
  ['with HSETEX', 22_400, []],
  ['without HSETEX', 22_420, ['rename-command HSETEX ""']],
] as const)('a node at maxmemory, %s', (_, portFrom, extraConfig) => {
  useCluster(portFrom, extraConfig);

  it('refuses writes, each row by itself, and serves reads', async () => {
    await victim.call('CONFIG', 'SET', 'maxmemory-policy', 'noeviction', 'maxmemory', '1');
    onTestFinished(() => victim.call('CONFIG', 'SET', 'maxmemory', '0').then(() => undefined));
    const advice = /OOM .*raise it, add shards/;
    expectRefused(await load(), concerned, 'OUT_OF_MEMORY', advice);
    expectRefused(await stream(), concerned, 'OUT_OF_MEMORY', advice);
    const [id = ''] = concerned;
    for (const call of [
      () => store.updateStreaming(id, { s: 2 }),
      () => store.updateBatchFeature(id, 'n', 1),
    ]) {
      await expect(call()).rejects.toMatchObject({ code: 'OUT_OF_MEMORY', retryable: true });
    }
    expect(rowsOf(await read())).toStrictEqual(expected);
    await victim.call('CONFIG', 'SET', 'maxmemory', '0');
    expect(await store.bulkLoad(rows)).toMatchObject({ loaded: ids.length, failed: [] });
  });
});

describe('a key of another type', () => {
  useCluster(22_440);

  it('fails its own row in every call', async () => {
    const id = concerned[3] ?? '';
    await victim.call('DEL', store.keyFor(id));
    await victim.call('SET', store.keyFor(id), 'a string');
    const advice = /WRONGTYPE .*not a hash: give the store a key prefix of its own/;
    const ending = await read();
    expectRefused(ending, [id], 'WRONG_TYPE', advice);
    expect(rowsOf(ending)).toStrictEqual(expectedBut([id]));
    expectRefused(await load(), [id], 'WRONG_TYPE', advice);
    expectRefused(await stream(), [id], 'WRONG_TYPE', advice);
    for (const call of [
      () => store.getFeatures(id, ['n']),
      () => store.getFeatures(id),
      () => store.inspect(id),
      () => store.fieldTtlsSeconds(id, ['n']),
      () => store.updateStreaming(id, { s: 1 }),
      () => store.updateBatchFeature(id, 'n', 1),
    ]) {
      await expect(call()).rejects.toMatchObject({ code: 'WRONG_TYPE', retryable: false });
    }
    expect(await store.deleteEntity(id)).toBe(true);
    expect(await store.bulkLoad(rows)).toMatchObject({ failed: [] });
    expect(rowsOf(await read())).toStrictEqual(expected);
  });
});

describe('a node with too few replicas', () => {
  useCluster(22_450);

  it('makes its writes wait until the deadline, and takes them when it has enough', async () => {
    const setLeast = (count: string): Promise<unknown> =>
      victim.call('CONFIG', 'SET', 'min-replicas-to-write', count);
    await setLeast('1');
    onTestFinished(() => setLeast('0').then(() => undefined));
    const ending = await endingOf(() => store.bulkLoad(rows, { timeoutMs: 300 }));
    expectRefused(ending, concerned, 'TIMEOUT', /timeoutMs 300; last seen: .*NOREPLICAS/);
    expect(rowsOf(await read())).toStrictEqual(expected);
    const patient = [load(), stream()];
    await setLeast('0');
    for (const { value } of await Promise.all(patient)) {
      expect(value).toMatchObject({ loaded: ids.length, failed: [] });
    }
  });
});

describe('credentials and rights', () => {
  useCluster(22_460);

  /** On one node or all; the store's user has what `rules` leave. */
  async function setUser(nodes: readonly RedisNode[], ...rules: string[]): Promise<void> {
    for (const node of nodes) await node.call('ACL', 'SETUSER', USER, ...rules);
  }

  interface Admin extends AsyncDisposable {
    config(...words: string[]): Promise<unknown>;
    /** Closes every other connection to the node. */
    killOthers(): Promise<unknown>;
  }

  /**
   * On a connection that stays logged in whatever becomes of the password; it wants none in the
   * end.
   */
  async function adminOf(node: RedisNode): Promise<Admin> {
    const client = node.client();
    await client.ping();
    return {
      config: (...words) => client.call('CONFIG', words),
      killOthers: () => client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes'),
      [Symbol.asyncDispose]: async () => {
        await client.call('CONFIG', 'SET', 'requirepass', '');
        client.disconnect();
      },
    };
  }

  beforeEach(() => setUser(cluster.nodes, 'reset', 'on', `>${PASSWORD}`, '~*', '+@all'));

  it('a node that wants a password now refuses its rows, until it does not', async () => {
    expect((await read()).codes).toStrictEqual([]);
    await using admin = await adminOf(victim);
    await admin.config('SET', 'requirepass', 'new-secret');
    await admin.killOthers();
    const advice = /NOAUTH .*Set redisOptions.username and redisOptions.password/;
    for (const attempt of [read, load, stream]) {
      expectRefused(await attempt(), concerned, 'ACCESS_DENIED', advice);
    }
    expect(rowsOf(await read())).toStrictEqual(expectedBut(concerned));
    await admin.config('SET', 'requirepass', '');
    expect(rowsOf(await read())).toStrictEqual(expected);
  });

  it('a password that is not valid any more fails the rows of that node', async () => {
    const secure = await connectAs(USER, PASSWORD);
    expect((await read(secure)).codes).toStrictEqual([]);
    await using admin = await adminOf(victim);
    await setUser([victim], 'resetpass', '>another-secret');
    await admin.killOthers();
    const ending = await read(secure);
    expectRefused(ending, concerned, 'ACCESS_DENIED', /WRONGPASS .*Set redisOptions.username/);
    expect(rowsOf(ending)).toStrictEqual(expectedBut(concerned));
    await setUser([victim], `>${PASSWORD}`);
    expect(rowsOf(await read(secure))).toStrictEqual(expected);
  });

  it.each([
    ['hmget', read],
    ['hset', load],
    ['expire', load],
    ['hsetex', stream],
  ])('a user without %s on one node fails the rows of that node', async (name, attempt) => {
    const isMissing = name === 'hsetex' && !(await knowsCommand(victim, name));
    const command = isMissing ? 'hexpire' : name;
    const secure = await connectAs(USER, PASSWORD);
    expect((await attempt(secure)).codes).toStrictEqual([]);
    await setUser([victim], `-${command}`);
    const advice = new RegExp(`NOPERM .*'${command}'.*docs/operations.md`, 'i');
    expectRefused(await attempt(secure), concerned, 'ACCESS_DENIED', advice);
    await setUser([victim], `+${command}`);
    expect((await attempt(secure)).codes).toStrictEqual([]);
  });

  it.each([
    ['scan', (secure: FeatureStore) => secure.countEntities()],
    ['ttl', (secure: FeatureStore) => secure.keyTtlSeconds(concerned[0] ?? '')],
    ['httl', (secure: FeatureStore) => secure.inspect(concerned[0] ?? '')],
    ['del', (secure: FeatureStore) => secure.deleteEntity(concerned[0] ?? '')],
  ] as const)('a user without %s gets an error that says so', async (command, call) => {
    const secure = await connectAs(USER, PASSWORD);
    await setUser([victim], `-${command}`);
    await expect(call(secure)).rejects.toMatchObject({
      code: 'ACCESS_DENIED',
      retryable: false,
      message: expect.stringMatching(new RegExp(`${victim.port} refuses: 'NOPERM .*Grant`)),
    });
  });

  it('a user who may not touch some keys fails these rows, also beside others of the same node', async () => {
    await setUser(cluster.nodes, 'resetkeys', '~refusals:u1*');
    const secure = await connectAs(USER, PASSWORD);
    const forbidden = ids.filter((id) => !id.startsWith('u1'));
    const advice = /NOPERM .*Grant the user this command or key pattern/;
    const ending = await read(secure);
    expectRefused(ending, forbidden, 'ACCESS_DENIED', advice);
    expect(rowsOf(ending)).toStrictEqual(expectedBut(forbidden));
    for (const attempt of [load, stream]) {
      expectRefused(await attempt(secure), forbidden, 'ACCESS_DENIED', advice);
    }
  });
});

describe('a server without field TTLs', () => {
  const without = ['HSETEX', 'HEXPIRE', 'HTTL'].map((name) => `rename-command ${name} ""`);

  it('keeps batch features, and refuses streaming ones at once', async () => {
    await using server = await startStandaloneServer({ portFrom: 22_480, extraConfig: without });
    await using old = await FeatureStore.connect({ nodes: server.urls });
    expect(await old.bulkLoad(rows)).toMatchObject({ loaded: ids.length, failed: [] });
    expect(rowsOf(await read(old))).toStrictEqual(expected);
    expect(await old.inspect('u7')).toMatchObject({
      fields: [{ name: 'n', value: '7', ttlSeconds: -1 }],
    });
    const refusal = {
      code: 'UNSUPPORTED_SERVER',
      retryable: false,
      message: expect.stringMatching(/no field TTLs; .* need Redis 7.4 or Valkey 9.0/),
    };
    await expect(old.updateStreaming('u1', { s: 1 })).rejects.toMatchObject(refusal);
    await expect(old.updateStreamingBatch({ u1: { s: 1 } })).rejects.toMatchObject(refusal);
    expect(await old.getFeatures('u1')).toStrictEqual({ n: '1' });
  });

  it('refuses the rows of one old node among new ones, and only these', async () => {
    await using mixed = await startLocalCluster({
      portFrom: 22_484,
      replicasPerPrimary: 0,
      extraConfig: (port) => (port % 2 === 0 ? without : []),
    });
    await using its = await FeatureStore.connect({ nodes: mixed.urls });
    const old = ids.filter((id) => Number(its.shardFor(id)?.split(':')[1]) % 2 === 0);
    expect(old.length).toBeGreaterThan(50);
    expectRefused(await stream(its), old, 'UNSUPPORTED_SERVER', /Redis 7.4 or Valkey 9.0/);
    const id = ids.find((one) => !old.includes(one)) ?? '';
    await its.updateStreaming(id, { s: 2 });
    expect(await its.getFeatures(id, ['s'])).toStrictEqual({ s: '2' });
  });
});

describe('a server that is loading after a restart', () => {
  useCluster(22_500);

  /** Restarts it with what it holds, which takes a few seconds. In between it answers. */
  async function restartSlowly(node: RedisNode, keyCount: number): Promise<void> {
    await node.call('CONFIG', 'SET', 'rdbcompression', 'no');
    await node.call('SAVE');
    const extraConfig = [
      `key-load-delay ${Math.round(2_500_000 / keyCount)}`,
      'loading-process-events-interval-bytes 1024',
    ];
    await node.restart({ extraConfig });
    expect(await isLoading(node)).toBe(true);
  }

  async function isLoading(node: RedisNode): Promise<boolean> {
    return /^loading:1/m.test(String(await node.call('INFO', 'persistence')));
  }

  /** With a kilobyte for each entity, so that the server looks up from its work after each. */
  const rowsWithPad = rows.map(([id, row]) => [id, { ...row, pad: 'x'.repeat(1_024) }] as const);

  async function expectWaitedFor(node: RedisNode, its: FeatureStore): Promise<void> {
    expect(await isLoading(node)).toBe(true);
    const all = [read(its), load(its), stream(its)] as const;
    const [patientRead, patientLoad, patientStream] = await Promise.all(all);
    expect(rowsOf(patientRead)).toStrictEqual(expected);
    for (const { value } of [patientLoad, patientStream]) {
      expect(value).toMatchObject({ loaded: ids.length, failed: [] });
    }
    expect(await its.countEntities()).toBe(ids.length);
    expect(await isLoading(node)).toBe(false);
  }

  it('is waited for within the deadline; a shorter one fails its rows', async () => {
    await store.bulkLoad(rowsWithPad);
    await restartSlowly(victim, concerned.length);
    await using fresh = await connect();
    const limits = { timeoutMs: 300 };
    const hasty = await endingOf(() => fresh.batchGetFeatures(ids, ['n'], limits));
    // A node of a cluster says first that the cluster is not there yet.
    const advice = /timeoutMs 300; last seen: .* answers '(CLUSTERDOWN|LOADING) /;
    expectRefused(hasty, concerned, 'TIMEOUT', advice);
    expect(hasty.failed?.[0]?.error).toMatchObject({ cause: { code: 'SHARD_UNAVAILABLE' } });
    expect(rowsOf(hasty)).toStrictEqual(expectedBut(concerned));
    await expectWaitedFor(victim, store);
  });

  it('is waited for where it is the only one', async () => {
    await using server = await startStandaloneServer({ portFrom: 22_510 });
    await using its = await FeatureStore.connect({ nodes: server.urls });
    await its.bulkLoad(rowsWithPad);
    await its.updateStreaming('u0', { s: 0 });
    await restartSlowly(server, ids.length);
    await using fresh = await FeatureStore.connect({ nodes: server.urls });
    const limits = { timeoutMs: 300 };
    const hasty = await endingOf(() => fresh.batchGetFeatures(ids, ['n'], limits));
    expectRefused(hasty, ids, 'TIMEOUT', /timeoutMs 300; last seen: .* answers 'LOADING /);
    expect(hasty.failed?.[0]?.error).toMatchObject({ cause: { code: 'SHARD_UNAVAILABLE' } });
    await expectWaitedFor(server, its);
  });
});

describe('a replica that writes reach', () => {
  it('is READONLY: the write waits for a primary until its deadline', async () => {
    await using primary = await startStandaloneServer({ portFrom: 22_520 });
    await using replica = await startStandaloneServer({ portFrom: 22_530 });
    await using reader = await FeatureStore.connect({ nodes: replica.urls });
    expect(await reader.bulkLoad(rows)).toMatchObject({ failed: [] });
    await reader.updateStreaming('u0', { s: 0 });
    await replica.call('REPLICAOF', primary.host, primary.port);
    await waitUntil(
      async () => /link_status:up/.test(String(await replica.call('INFO', 'replication'))),
      { what: 'the replica follows', timeoutMs: 10_000 },
    );
    const limits = { timeoutMs: 200 };
    const hasty = await endingOf(() => reader.bulkLoad(rows, limits));
    expectRefused(hasty, ids, 'TIMEOUT', /last seen: .*READONLY/);
    expect(hasty.failed?.[0]?.error).toMatchObject({ cause: { code: 'SHARD_UNAVAILABLE' } });
    await expect(reader.updateStreaming('u0', { s: 1 }, limits)).rejects.toMatchObject({
      code: 'TIMEOUT',
      message: expect.stringContaining('READONLY'),
    });
    // What it replicates is read, as it is: nothing.
    expect(await reader.getFeatures('u0', ['n'])).toStrictEqual({});
    const patient = reader.bulkLoad(rows);
    await replica.call('REPLICAOF', 'NO', 'ONE');
    expect(await patient).toMatchObject({ loaded: ids.length, failed: [] });
    expect(rowsOf(await read(reader))).toStrictEqual(expected);
  });
});
