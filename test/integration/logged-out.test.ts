/**
 * Connections that are logged out while they are open. A server of itself does so to a client that
 * says RESET, and closes it where its user is deleted; a proxy does so when a login has expired. So
 * a relay stands here between the store and real servers, and says RESET in the store's name.
 */

import { once } from 'node:events';
import { createConnection, createServer, type AddressInfo, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { startLocalCluster, type LocalCluster } from '../../rig/local-cluster/local-cluster.ts';
import type { RedisNode } from '../../rig/local-cluster/redis-node.ts';
import {
  startStandaloneServer,
  type StandaloneServer,
} from '../../rig/local-cluster/standalone-server.ts';
import { waitUntil } from '../../rig/local-cluster/wait-until.ts';
import { connect } from '../../src/cluster/control/connect.ts';
import { defaultLimits } from '../../src/cluster/limits.ts';
import { FeatureStore, type Credentials, type FeatureStoreOptions } from '../../src/index.ts';

const username = 'features';
const FIRST = 'first-secret';
const ADMIN = 'admin-secret';
const extraConfig = [`requirepass ${ADMIN}`, `user ${username} on >${FIRST} ~* &* +@all`];
const ids = Array.from({ length: 60 }, (_, n) => `u${n}`);
const rows = ids.map((id, n) => [id, { n }] as const);
const expected = ids.map((_, n) => ({ n: String(n) }));
const SAID = '+RESET\r\n';

/** Between clients and a node. Ends with the test. */
class Relay {
  readonly #links = new Set<{ readonly client: Socket; readonly server: Socket }>();
  readonly #node: RedisNode;
  readonly #listener = createServer((client) => this.#join(client));

  private constructor(node: RedisNode) {
    this.#node = node;
  }

  static async start(node: RedisNode): Promise<Relay> {
    const relay = new Relay(node);
    relay.#listener.listen(0, '127.0.0.1');
    await once(relay.#listener, 'listening');
    onTestFinished(async () => {
      for (const { client } of relay.#links) client.destroy();
      relay.#listener.close();
      await once(relay.#listener, 'close');
    });
    return relay;
  }

  get port(): number {
    return (this.#listener.address() as AddressInfo).port; // it listens
  }

  /** Logs out every connection; none may have something under way. Gives their number. */
  async logOut(): Promise<number> {
    const links = [...this.#links];
    await Promise.all(
      links.map(async ({ client, server }) => {
        server.unpipe(client);
        let said = '';
        const hear = (chunk: Buffer): void => void (said += chunk.toString('latin1'));
        server.on('data', hear).resume();
        server.write('*1\r\n$5\r\nRESET\r\n');
        await waitUntil(async () => said === SAID || server.destroyed, {
          what: SAID,
          timeoutMs: 5_000,
          intervalMs: 1,
        });
        server.off('data', hear);
        server.pipe(client);
      }),
    );
    return links.length;
  }

  #join(client: Socket): void {
    const server = createConnection(this.#node.port, this.#node.host);
    const link = { client, server };
    this.#links.add(link);
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.#links.delete(link);
        client.destroy();
        server.destroy();
      });
    }
    client.pipe(server).pipe(client);
  }
}

let cluster: LocalCluster;
let server: StandaloneServer;
beforeAll(async () => {
  const options = { extraConfig, connection: { password: ADMIN } };
  cluster = await startLocalCluster({ portFrom: 22_740, replicasPerPrimary: 0, ...options });
  server = await startStandaloneServer({ portFrom: 22_750, ...options });
});
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

type What = 'a cluster' | 'one server';

/** Relays to the nodes, and how a store reaches these by them alone. */
async function relayed(
  what: What,
): Promise<{ target: Pick<FeatureStoreOptions, 'nodes' | 'natMap'>; logOut(): Promise<number> }> {
  const nodes = what === 'a cluster' ? cluster.nodes : [server];
  const relays = await Promise.all(nodes.map((node) => Relay.start(node)));
  const natMap = Object.fromEntries(
    nodes.map(({ host, port }, n) => [`${host}:${port}`, { host, port: relays[n]?.port ?? 0 }]),
  );
  const urls = relays.map(({ port }) => `redis://127.0.0.1:${port}`);
  return {
    target: { nodes: urls, ...(what === 'a cluster' ? { natMap } : {}) },
    logOut: async () => {
      const counts = await Promise.all(relays.map((relay) => relay.logOut()));
      return counts.reduce((sum, count) => sum + count, 0);
    },
  };
}

/** With rows in it, and connections of several kinds. */
async function connectStore(options: FeatureStoreOptions): Promise<FeatureStore> {
  const store = await FeatureStore.connect(options);
  onTestFinished(() => store.close());
  await store.reset();
  await work(store);
  return store;
}

async function work(store: FeatureStore): Promise<void> {
  expect(await store.bulkLoad(rows)).toMatchObject({ loaded: ids.length, failed: [] });
  expect(await store.batchGetFeatures(ids, ['n'])).toStrictEqual(expected);
  await store.updateStreaming('u0', { s: 1 });
  expect(await store.countEntities()).toBe(ids.length);
}

const CALLS = [
  ['a single read', (store: FeatureStore) => store.getFeatures('u1', ['n']), { n: '1' }],
  ['a batch read', (store: FeatureStore) => store.batchGetFeatures(ids, ['n']), expected],
  ['a load', async (store: FeatureStore) => (await store.bulkLoad(rows)).failed, []],
  ['a streaming write', (store: FeatureStore) => store.updateStreaming('u2', { s: 1 }), 'written'],
  ['a scan', (store: FeatureStore) => store.countEntities(), ids.length],
] as const;

describe.each(['a cluster', 'one server'] as const)('on %s', (what) => {
  test.each(CALLS)('%s logs in anew by the credentials of the moment', async (_, call, answer) => {
    let calls = 0;
    const credentials = (): Credentials => {
      calls += 1;
      return { username, password: FIRST };
    };
    const { target, logOut } = await relayed(what);
    const store = await connectStore({ ...target, credentials });
    const before = calls;
    expect(await logOut()).toBeGreaterThanOrEqual(3);
    expect(await call(store)).toStrictEqual(answer);
    expect(calls).toBeGreaterThan(before);
    await work(store);
  });

  test('without credentials to ask for, the row fails at once', async () => {
    const { target, logOut } = await relayed(what);
    const redisOptions = { username, password: FIRST };
    const store = await connectStore({ ...target, redisOptions });
    await logOut();
    const startedAtMs = performance.now();
    for (const call of [() => store.getFeatures('u1', ['n']), () => store.countEntities()]) {
      await expect(call()).rejects.toMatchObject({
        code: 'ACCESS_DENIED',
        retryable: false,
        message: expect.stringContaining('NOAUTH'),
      });
    }
    expect(performance.now() - startedAtMs).toBeLessThan(2_000);
  });
});

test('a login that is refused is the error of the row', async () => {
  let password = FIRST;
  const { target, logOut } = await relayed('one server');
  const store = await connectStore({ ...target, credentials: () => ({ username, password }) });
  password = 'the-wrong-one';
  await logOut();
  await expect(store.getFeatures('u1', ['n'], { timeoutMs: 30_000 })).rejects.toMatchObject({
    code: 'ACCESS_DENIED',
    retryable: false,
    message: expect.stringContaining('WRONGPASS'),
  });
});

test('connections that tell the slot table log in anew, without a row that would', async () => {
  const { target, logOut } = await relayed('a cluster');
  const seeds = (target.nodes ?? []).map((url) => new URL(String(url)));
  const connection = await connect(
    { seeds: seeds.map(({ hostname: host, port }) => ({ host, port: +port, redisOptions: {} })) },
    {
      limits: defaultLimits,
      connectTimeoutMs: 5_000,
      natMap: target.natMap,
      warmUp: false,
      credentials: () => ({ username, password: FIRST }),
    },
  );
  onTestFinished(() => connection.close());
  await connection.refresh();
  await logOut();
  const { refreshes } = connection.counters.snapshot();
  await connection.refresh(); // which is refused, and has new connections made
  await connection.refresh();
  expect(connection.counters.snapshot().refreshes).toBeGreaterThan(refreshes);
});
