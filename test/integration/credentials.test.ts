/** Credentials that change: asked at each login, renewed before they expire, and shown nowhere. */

import { inspect } from 'node:util';
import { setTimeout as delay } from 'node:timers/promises';
import { Cluster, Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { startLocalCluster, type LocalCluster } from '../../rig/local-cluster/local-cluster.ts';
import {
  startStandaloneServer,
  type StandaloneServer,
} from '../../rig/local-cluster/standalone-server.ts';
import { waitUntil } from '../../rig/local-cluster/wait-until.ts';
import {
  FeatureStore,
  FeatureStoreError,
  type Credentials,
  type FeatureStoreOptions,
} from '../../src/index.ts';

const username = 'features';
const keyPrefix = 'creds:';
const FIRST = 'first-secret';
const extraConfig = [`user ${username} on >${FIRST} ~* &* +@all`];
const ids = Array.from({ length: 60 }, (_, i) => `u${i}`);

function place(url: string): { host: string; port: number } {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port) };
}

/** The user's password on some servers, as an administrator changes it. */
class Rotation {
  password = FIRST;
  readonly #admins: readonly Redis[];
  #count = 0;

  constructor(urls: readonly string[]) {
    this.#admins = urls.map((url) => new Redis(place(url)));
    onTestFinished(() => this.#admins.forEach((admin) => admin.disconnect()));
  }

  async each(...words: [string, ...string[]]): Promise<unknown[]> {
    return Promise.all(this.#admins.map((admin) => admin.call(...words)));
  }

  /** The password alone is another one now; who is connected stays so. */
  async rotate(): Promise<void> {
    this.#count += 1;
    const next = `secret-${this.#count}`;
    await this.each('ACL', 'SETUSER', username, 'resetpass', `>${next}`);
    this.password = next;
  }

  kill(): Promise<unknown> {
    return this.each('CLIENT', 'KILL', 'USER', username);
  }

  async reset(): Promise<void> {
    await this.each('ACL', 'SETUSER', username, 'resetpass', `>${FIRST}`);
    this.password = FIRST;
  }

  /** Ids of the user's connections, on all servers. */
  async connectionIds(): Promise<string[]> {
    const lists = await this.each('CLIENT', 'LIST');
    return lists.flatMap((list, server) =>
      String(list)
        .split('\n')
        .filter((line) => line.includes(`user=${username} `) && line.includes('fstore:'))
        .map((line) => `${server}:${/id=(\d+)/.exec(line)?.[1]}`),
    );
  }

  async authCalls(): Promise<number> {
    const stats = await this.each('INFO', 'commandstats');
    const calls = stats.map((text) => /cmdstat_auth:calls=(\d+)/.exec(String(text))?.[1] ?? 0);
    return calls.reduce<number>((sum, count) => sum + Number(count), 0);
  }
}

/** Reads and writes without a pause, until it is stopped. */
function work(store: FeatureStore): { rounds: () => number; stop: () => Promise<void> } {
  let rounds = 0;
  const stopping = new AbortController();
  const loop = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      const [load, rows, single] = await Promise.all([
        store.bulkLoad(ids.map((id, n) => [id, { n }] as const)),
        store.batchGetFeatures(ids, ['n']),
        store.getFeatures('u1', ['n']),
        store.updateStreaming('u2', { s: rounds }),
      ]);
      expect(load).toMatchObject({ loaded: ids.length, failed: [] });
      expect(rows).toStrictEqual(ids.map((_, n) => ({ n: String(n) })));
      expect(single).toStrictEqual({ n: '1' });
      rounds += 1;
    }
  };
  const working = loop();
  working.catch(() => undefined);
  return {
    rounds: () => rounds,
    stop: async () => {
      stopping.abort();
      await working;
    },
  };
}

async function connected(options: FeatureStoreOptions): Promise<FeatureStore> {
  const store = await FeatureStore.connect({ keyPrefix, ...options });
  onTestFinished(() => store.close());
  await store.bulkLoad(ids.map((id, n) => [id, { n }] as const));
  return store;
}

let cluster: LocalCluster;
let server: StandaloneServer;
beforeAll(async () => {
  cluster = await startLocalCluster({ portFrom: 22_600, replicasPerPrimary: 0, extraConfig });
  server = await startStandaloneServer({ portFrom: 22_700, extraConfig });
});
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

describe.each([
  ['a cluster', () => cluster.urls],
  ['one server', () => [server.url]],
] as const)('on %s', (what, urlsOf) => {
  const rotation = async (): Promise<Rotation> => {
    const made = new Rotation(urlsOf());
    await made.reset();
    return made;
  };
  const own = (): Redis | Cluster =>
    what === 'a cluster'
      ? new Cluster(urlsOf().map(place), { redisOptions: { username, password: FIRST } })
      : new Redis({ ...place(urlsOf()[0] ?? ''), username, password: FIRST });

  it.each(['nodes', 'redis'] as const)(
    'passwords rotate and connections are killed under work, and no row fails: %s',
    async (by) => {
      const passwords = await rotation();
      const redis = by === 'redis' ? own() : undefined;
      redis?.on('error', () => undefined);
      onTestFinished(() => redis?.disconnect());
      const credentials = (): Credentials => ({ username, password: passwords.password });
      const target = redis ? { redis } : { nodes: urlsOf() };
      const store = await connected({ ...target, credentials });
      const load = work(store);
      for (let i = 0; i < 4; i += 1) {
        await passwords.rotate();
        await passwords.kill();
        const before = load.rounds();
        await waitUntil(async () => load.rounds() > before + 2, {
          what: 'work',
          timeoutMs: 20_000,
        });
      }
      await load.stop();
      expect(load.rounds()).toBeGreaterThan(8);
    },
  );

  it('open connections log in anew before the credentials expire', async () => {
    const passwords = await rotation();
    let calls = 0;
    const credentials = async (): Promise<Credentials> => {
      calls += 1;
      await delay(1);
      return { username, password: passwords.password, expiresAt: new Date(Date.now() + 1_500) };
    };
    const store = await connected({ nodes: urlsOf(), credentials, warmUp: true });
    const before = await passwords.connectionIds();
    const callsBefore = calls;
    const authBefore = await passwords.authCalls();
    const load = work(store);
    await passwords.rotate();
    await waitUntil(async () => calls >= callsBefore + 2, { what: 'calls', timeoutMs: 20_000 });
    await waitUntil(async () => (await passwords.authCalls()) >= authBefore + before.length, {
      what: 'AUTH',
      timeoutMs: 20_000,
    });
    await load.stop();
    expect(await passwords.connectionIds()).toStrictEqual(expect.arrayContaining(before));
  });

  it('one call serves all connections that are lost at once', async () => {
    const passwords = await rotation();
    let calls = 0;
    const credentials = async (): Promise<Credentials> => {
      calls += 1;
      await delay(100);
      return { username, password: passwords.password };
    };
    const store = await connected({ nodes: urlsOf(), credentials, warmUp: true });
    const count = (await passwords.connectionIds()).length;
    expect(count).toBeGreaterThanOrEqual(2);
    const before = calls;
    await passwords.kill();
    expect(await store.getFeatures('u1', ['n'])).toStrictEqual({ n: '1' });
    await waitUntil(async () => (await passwords.connectionIds()).length >= count, {
      what: 'connections',
      timeoutMs: 10_000,
    });
    expect(calls - before).toBeLessThan(count);
    expect(calls - before).toBeGreaterThanOrEqual(1);
  });

  it('a function that fails leaves the last good credentials in use', async () => {
    const passwords = await rotation();
    let isDown = false;
    const credentials = (): Credentials => {
      if (isDown) throw new Error('the token service is down');
      return { username, password: passwords.password };
    };
    const store = await connected({ nodes: urlsOf(), credentials });
    isDown = true;
    expect(await store.getFeatures('u1', ['n'])).toStrictEqual({ n: '1' });
    await passwords.kill();
    expect(await store.getFeatures('u1', ['n'])).toStrictEqual({ n: '1' });
  });

  it('wrong ones are reported as such, and shown nowhere', async () => {
    const passwords = await rotation();
    const store = await connected({
      nodes: urlsOf(),
      credentials: () => ({ username, password: passwords.password }),
    });
    expect(inspect(store, { depth: 20, showHidden: true })).not.toContain(FIRST);
    passwords.password = 'the-wrong-one';
    await passwords.kill();
    const error = await store
      .getFeatures('u1', ['n'], { timeoutMs: 15_000 })
      .catch((e: unknown) => e);
    expect(error).toMatchObject({
      code: 'ACCESS_DENIED',
      message: expect.stringContaining('WRONGPASS'),
    });
    expect(inspect(error, { depth: 20, showHidden: true })).not.toContain('the-wrong-one');
  });
});

describe('while connecting', () => {
  const failure = async (credentials: () => unknown): Promise<unknown> =>
    FeatureStore.connect({
      nodes: cluster.urls,
      connectTimeoutMs: 400,
      credentials: credentials as () => Credentials, // what the types would not allow
    }).catch((error: unknown) => error);

  it('a function that fails is asked again, and is the cause in the end', async () => {
    let calls = 0;
    const cause = new Error('no token');
    const error = await failure(() => {
      calls += 1;
      throw cause;
    });
    expect(error).toBeInstanceOf(FeatureStoreError);
    expect(error).toMatchObject({ code: 'CONNECT_FAILED', retryable: true, cause });
    expect(calls).toBeGreaterThan(1);
  });

  it('a function that fails at first is no hindrance', async () => {
    let calls = 0;
    const credentials = (): Promise<Credentials> => {
      calls += 1;
      if (calls < 3) return Promise.reject(new Error('not yet'));
      return Promise.resolve({ username, password: FIRST });
    };
    await new Rotation(cluster.urls).reset();
    await connected({ nodes: cluster.urls, credentials });
    expect(calls).toBeGreaterThanOrEqual(3);
  });

  it.each([
    [undefined],
    ['s3cret-text'],
    [{}],
    [{ password: '' }],
    [{ password: 5 }],
    [{ username: 5, password: 's3cret-text' }],
    [{ password: 's3cret-text', expiresAt: 'tomorrow' }],
    [{ password: 's3cret-text', expiresAt: new Date(Number.NaN) }],
    [{ password: 's3cret-text', expiresAt: 1_700_000_000 }],
  ])('%j is refused as nonsense, and not shown', async (given) => {
    const error = await failure(() => given);
    expect(error).toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringContaining('{ username?, password, expiresAt? }'),
    });
    expect(inspect(error)).not.toContain('s3cret-text');
  });

  it.each([
    [{ redisOptions: { password: 's3cret-text' } }],
    [{ redisOptions: { username: 'ann' } }],
    [{ nodes: ['redis://ann:s3cret-text@127.0.0.1:1'] }],
    [{ credentials: 's3cret-text' }],
  ])('a contradiction is refused', async (more) => {
    const options = { nodes: cluster.urls, credentials: () => ({ password: 'x' }), ...more };
    const error = await FeatureStore.connect(options as FeatureStoreOptions).catch(
      (e: unknown) => e,
    );
    expect(error).toMatchObject({ code: 'INVALID_OPTION' });
    expect(inspect(error)).not.toContain('s3cret-text');
  });
});
