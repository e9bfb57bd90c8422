/**
 * A cluster that lets nobody in without TLS, a certificate of its own authority, a user and a
 * password. It refuses any connection that lacks one of them, so what works shows that none does.
 */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ConnectionOptions } from 'node:tls';
import { Cluster } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startLocalCluster, type LocalCluster } from '../../rig/local-cluster/local-cluster.ts';
import type { RedisNode } from '../../rig/local-cluster/redis-node.ts';
import { findTlsServer } from '../../rig/redis-server/find-tls.ts';
import { promotion, rejoin } from '../../rig/soak/failover.ts';
import { FeatureStore, type FeatureStoreOptions } from '../../src/index.ts';
import { CALL_NAMES, endingOf, runCall, type Subject } from './life-calls.ts';
import { Authority, CertificateFiles, type KeyPair } from './secure-certificates.ts';
import { SecretWatch } from './secure-secrets.ts';

const USER = 'model';
const PASSWORD = 's€cret/p@ss w%rd"';
const ADMIN = { username: 'admin', password: 'admin-secret' };
const vip = ['v1', 'v2', 'v3'];
const ids = Array.from({ length: 300 }, (_, n) => `u${n}`);
const rows = ids.map((id, n) => [id, { n }] as const);
const expected = ids.map((_, n) => ({ n: String(n) }));

let authority: Authority;
let files: CertificateFiles;
let client: KeyPair;
let cluster: LocalCluster;
let tls: ConnectionOptions;
let watch: SecretWatch;
const opened: FeatureStore[] = [];

beforeAll(async () => {
  const { path: serverPath } = await findTlsServer();
  authority = await Authority.create('authority of a test');
  files = await CertificateFiles.write(authority, await authority.issue('node', '127.0.0.1'));
  client = await authority.issue('client', '127.0.0.1');
  tls = { ca: authority.cert, ...client };
  const quoted = PASSWORD.replaceAll('"', '\\"');
  cluster = await startLocalCluster({
    serverPath,
    portFrom: 22_660,
    nodeTimeoutMs: 1_500,
    connection: { tls, ...ADMIN },
    extraConfig: (port) => [
      ...files.configOf(port),
      'user default off',
      `user ${ADMIN.username} on >${ADMIN.password} ~* &* +@all`,
      `user ${USER} on ">${quoted}" resetchannels ~* +@all -@admin -@dangerous +cluster|slots +cluster|info +info`,
      `masteruser ${ADMIN.username}`,
      `masterauth ${ADMIN.password}`,
    ],
  });
});
afterAll(async () => {
  await Promise.all(opened.map((store) => store.close()));
  await cluster[Symbol.asyncDispose]();
  await files[Symbol.asyncDispose]();
});

beforeEach(() => {
  const [, keyLine = ''] = client.key.split(/\r?\n/);
  watch = new SecretWatch([PASSWORD, ADMIN.password, 'not-the-secret', keyLine]);
});
afterEach(() => expectNoSecret());

/** Not in anything that was looked at, nor in a server's log. */
async function expectNoSecret(): Promise<void> {
  watch[Symbol.dispose]();
  for (const node of cluster.nodes) {
    expect(await readFile(join(node.dir, 'redis.log'), 'utf8')).not.toContain(PASSWORD);
  }
  expect(watch.found).toStrictEqual([]);
}

type Way = readonly [name: string, options: () => FeatureStoreOptions];

const urlOf = (node: RedisNode, password = PASSWORD): string =>
  `rediss://${USER}:${encodeURIComponent(password)}@${node.host}:${node.port}`;
const plainUrls = (): string[] => cluster.nodes.map(({ host, port }) => `${host}:${port}`);

const WAYS: readonly Way[] = [
  ['URLs', () => ({ nodes: cluster.nodes.map((node) => urlOf(node)), redisOptions: { tls } })],
  [
    'redisOptions',
    () => ({ nodes: plainUrls(), redisOptions: { tls, username: USER, password: PASSWORD } }),
  ],
  [
    'a Cluster of the caller',
    () => ({
      redis: new Cluster(
        cluster.nodes.map(({ host, port }) => ({ host, port })),
        { redisOptions: { tls, username: USER, password: PASSWORD } },
      ),
    }),
  ],
];

async function connect(options: FeatureStoreOptions): Promise<FeatureStore> {
  const store = await FeatureStore.connect({ vipGroups: { vip }, ...options });
  opened.push(store);
  return store;
}

/** All that a store shows of itself. */
async function lookAt(store: FeatureStore): Promise<void> {
  watch.look('the store', store);
  watch.look('topology()', await store.topology({ refresh: true }));
  watch.look('stats()', store.stats());
  watch.look('a VIP group', store.vipGroup('vip'));
}

/** Log-ins that failed, and connections that were no TLS or had no certificate, over all nodes. */
async function refusedCount(): Promise<number> {
  const counts = cluster.running.map(async (node) => {
    const stats = String(await node.call('INFO', 'stats'));
    const denied = Number(/^acl_access_denied_auth:(\d+)/m.exec(stats)?.[1]);
    const log = await readFile(join(node.dir, 'redis.log'), 'utf8');
    return denied + [...log.matchAll(/Error accepting a client connection/g)].length;
  });
  return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
}

/** Who is connected, but for the test itself and the nodes: users and names. */
async function connectionsOf(node: RedisNode): Promise<{ user: string; name: string }[]> {
  const list = String(await node.call('CLIENT', 'LIST', 'TYPE', 'normal'));
  return [...list.matchAll(/ name=(\S*) .* user=(\S+)/g)]
    .map(([, name = '', user = '']) => ({ user, name }))
    .filter(({ user }) => user !== ADMIN.username);
}

describe.each(WAYS)('with credentials in %s', (_, optionsOf) => {
  let store: FeatureStore;
  let subject: Subject;
  let refusedBefore: number;
  let options: FeatureStoreOptions;

  beforeAll(async () => {
    refusedBefore = await refusedCount();
    options = optionsOf();
    store = await connect({ ...options, keyPrefix: 'secure:' });
    const disposable = await connect({ ...options, keyPrefix: 'disposable:' });
    subject = { store, disposable, id: 'u1', spareId: 'u2', ids };
  });
  afterAll(async () => {
    await store.reset();
    options.redis?.disconnect();
  });

  it('every call works, and every connection has TLS, the user and the password', async () => {
    expect(await store.bulkLoad(rows)).toMatchObject({ loaded: ids.length, failed: [] });
    expect(await store.batchGetFeatures(ids, ['n'])).toStrictEqual(expected);
    for (const name of CALL_NAMES) {
      const { codes, value } = await runCall(name, subject, {});
      expect([name, codes]).toStrictEqual([name, []]);
      watch.look(name, value);
    }
    await lookAt(store);
    const names = new Set<string>();
    for (const node of await cluster.primaries()) {
      const connections = await connectionsOf(node);
      expect(new Set(connections.map(({ user }) => user))).toStrictEqual(new Set([USER]));
      for (const { name } of connections) names.add(name);
    }
    for (const purpose of ['online', 'bulk']) {
      expect([...names].some((name) => name.endsWith(`:${purpose}`))).toBe(true);
    }
    expect(await refusedCount()).toBe(refusedBefore);
  });

  it('connections that were killed, and those to a new primary, are opened as the first ones', async () => {
    await store.bulkLoad(rows);
    for (const node of cluster.running) {
      await node.call('CLIENT', 'KILL', 'USER', USER, 'TYPE', 'normal');
    }
    expect(await store.batchGetFeatures(ids, ['n'])).toStrictEqual(expected);
    const [victim] = await cluster.primaries();
    await promotion(cluster, victim!.port, (replica) => replica.call('CLUSTER', 'FAILOVER'));
    expect(await store.batchGetFeatures(ids, ['n'])).toStrictEqual(expected);
    expect(await store.bulkLoad(rows)).toMatchObject({ loaded: ids.length, failed: [] });
    await lookAt(store);
    await rejoin(cluster, victim!);
    expect(watch.heardCount).toBeGreaterThan(0);
  });

  it('errors hold no secret', async () => {
    await store.bulkLoad(rows);
    const [victim] = await cluster.primaries();
    const fails = async (what: string, call: () => Promise<unknown>): Promise<void> => {
      const { error, failed } = await endingOf(call);
      expect(error !== undefined || (failed?.length ?? 0) > 0).toBe(true);
      watch.look(what, error ?? failed);
    };
    await victim!.call('ACL', 'SETUSER', USER, '-hmget', '-hset', '-scan');
    try {
      await fails('NOPERM of a read', () => store.batchGetFeatures(ids, ['n']));
      await fails('NOPERM of a load', () => store.bulkLoad(rows));
      await fails('NOPERM of a scan', () => store.countEntities());
    } finally {
      await victim!.call('ACL', 'SETUSER', USER, '+hmget', '+hset', '+scan');
    }
    victim!.signal('SIGSTOP');
    try {
      const limits = { timeoutMs: 200 };
      const endings = CALL_NAMES.map((name) => runCall(name, subject, limits));
      for (const { error, value } of await Promise.all(endings)) {
        watch.look('a call to a silent shard', error ?? value);
      }
    } finally {
      victim!.signal('SIGCONT');
    }
    await cluster.waitHealthy();
    await victim!.call('ACL', 'SETUSER', USER, 'off');
    await victim!.call('CLIENT', 'KILL', 'USER', USER, 'TYPE', 'normal');
    try {
      const limits = { timeoutMs: 1_000 };
      await fails('WRONGPASS of a read', () => store.batchGetFeatures(ids, ['n'], limits));
      await fails('WRONGPASS of a load', () => store.bulkLoad(rows, limits));
    } finally {
      await victim!.call('ACL', 'SETUSER', USER, 'on');
    }
    await lookAt(store);
    expect(await store.bulkLoad(rows)).toMatchObject({ loaded: ids.length, failed: [] });
    expect(await store.batchGetFeatures(ids, ['n'])).toStrictEqual(expected);
  });
});

describe('is refused, with a reason and without a secret,', () => {
  const credentials = { username: USER, password: PASSWORD };
  const optionsWith = (redisOptions: FeatureStoreOptions['redisOptions']): FeatureStoreOptions => ({
    nodes: plainUrls(),
    redisOptions: redisOptions ?? {},
    connectTimeoutMs: 3_000,
  });
  const cases: readonly [name: string, code: string, why: RegExp, Way[1]][] = [
    [
      'a wrong password',
      'ACCESS_DENIED',
      /WRONGPASS/,
      () => optionsWith({ tls, ...credentials, password: 'not-the-secret' }),
    ],
    [
      'a wrong password in a URL',
      'ACCESS_DENIED',
      /WRONGPASS/,
      () => ({ nodes: [urlOf(cluster.nodes[0]!, 'not-the-secret')], redisOptions: { tls } }),
    ],
    ['no password', 'ACCESS_DENIED', /NOAUTH/, () => optionsWith({ tls })],
    ['no TLS', 'CONNECT_FAILED', /and tls\.$/, () => optionsWith(credentials)],
    [
      'an authority that is not known',
      'CONNECT_FAILED',
      /self-signed certificate|unable to (get|verify)/,
      () => optionsWith({ tls: { ...client }, ...credentials }),
    ],
    [
      'no certificate of its own',
      'CONNECT_FAILED',
      /certificate required|and tls\.$/,
      () => optionsWith({ tls: { ca: authority.cert }, ...credentials }),
    ],
    [
      'a server whose certificate is for another name',
      'CONNECT_FAILED',
      /does not match certificate/,
      () => ({
        ...optionsWith({ tls, ...credentials }),
        nodes: cluster.nodes.map(({ port }) => `localhost:${port}`),
      }),
    ],
  ];

  it.each(cases)('%s', async (_, code, why, optionsOf) => {
    const { error, elapsedMs } = await endingOf(() => connect(optionsOf()));
    watch.look('the error of connect', error);
    expect(error).toMatchObject({ code, message: expect.stringMatching(why) });
    expect(elapsedMs).toBeLessThan(4_000);
  });
});

it('a secret would be seen', () => {
  const canary = 'canary/1';
  const places: readonly unknown[] = [
    canary,
    new Error('outside', { cause: new Error(`inside ${canary}`) }),
    { url: encodeURIComponent(canary) },
    Object.defineProperty({}, 'hidden', { value: [canary], enumerable: false }),
    new Map([['key', new Set([canary])]]),
    { [Symbol('name')]: canary },
  ];
  for (const place of places) {
    using look = new SecretWatch([canary]);
    look.look('here', place);
    expect(look.found).toStrictEqual(['here']);
  }
});
