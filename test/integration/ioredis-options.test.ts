/**
 * Every option of ioredis by the table: an obeyed one has its effect, a refused one is refused, any
 * other is harmless.
 */

import { readFileSync } from 'node:fs';
import { createServer, connect as openSocket, type AddressInfo, type Socket } from 'node:net';
import { AbstractConnector, Redis } from 'ioredis';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import {
  CLUSTER_OPTIONS,
  REDIS_OPTIONS,
  type Treatment,
} from '../../src/cluster/control/option-table.ts';
import type { RedisOptions } from '../../src/cluster/lanes/ioredis.ts';
import { FeatureStore, type FeatureStoreOptions } from '../../src/index.ts';

const keyPrefix = 'ioredis-options:';

const namesOf = (treatment: Treatment): string[] =>
  Object.entries(REDIS_OPTIONS)
    .filter(([, row]) => row.redisOptions === treatment)
    .map(([name]) => name);

function place(url: string): { host: string; port: number } {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port) };
}

/** A store that has written and read a row. */
async function tryOut(options: FeatureStoreOptions): Promise<FeatureStore> {
  const store = await FeatureStore.connect({ keyPrefix, connectTimeoutMs: 5_000, ...options });
  onTestFinished(() => store.close());
  await store.bulkLoad({ u1: { n: 1 }, u2: { n: 2 } });
  await store.updateStreaming('u1', { s: 1 });
  expect(await store.batchGetFeatures(['u1', 'u2'], ['n'])).toStrictEqual([{ n: '1' }, { n: '2' }]);
  return store;
}

const onServer = (redisOptions: object): Promise<FeatureStore> =>
  tryOut({ nodes: [inject('standaloneUrl')], redisOptions });

function admin(): Redis {
  const redis = new Redis(place(inject('standaloneUrl')));
  onTestFinished(() => redis.disconnect());
  return redis;
}

/** The lines of CLIENT LIST of the connections that a name begins. */
async function clients(name: string): Promise<string> {
  const list = String(await admin().call('CLIENT', 'LIST'));
  return list
    .split('\n')
    .filter((line) => line.includes(`name=${name}:online`))
    .join('\n');
}

/** What a connection is opened by, and what was set on its socket. */
function recorder(): { Connector: RedisOptions['Connector']; seen: unknown[][] } {
  const seen: unknown[][] = [];
  class Connector extends AbstractConnector {
    readonly #options: { host: string; port: number };
    constructor(options: unknown) {
      const given = options as { host: string; port: number; disconnectTimeout: number };
      super(given.disconnectTimeout);
      seen.push(['disconnectTimeout', given.disconnectTimeout]);
      this.#options = given;
    }
    override connect(): Promise<Socket> {
      const { host, port } = this.#options;
      const socket = openSocket({ host, port });
      const [keepAlive, noDelay] = [socket.setKeepAlive, socket.setNoDelay];
      socket.setKeepAlive = (...words) => (
        seen.push(['keepAlive', ...words]),
        keepAlive.apply(socket, words)
      );
      socket.setNoDelay = (...words) => (
        seen.push(['noDelay', ...words]),
        noDelay.apply(socket, words)
      );
      this.stream = socket;
      return Promise.resolve(socket);
    }
  }
  return { Connector, seen };
}

/** One that accepts and says nothing. */
async function silentServer(): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const refused = expect.objectContaining({ code: 'CONNECT_FAILED' });

const EFFECTS: Readonly<Record<string, () => Promise<void>>> = {
  async family() {
    const { port } = place(inject('standaloneUrl'));
    await tryOut({ nodes: [`localhost:${port}`], redisOptions: { family: 4 } });
    const nodes = [`localhost:${port}`]; // the server listens on 127.0.0.1 alone
    await expect(tryOut({ nodes, redisOptions: { family: 6 } })).rejects.toEqual(refused);
  },
  async tls() {
    await expect(onServer({ tls: {} })).rejects.toEqual(refused); // the server speaks none
  },
  async Connector() {
    const { Connector, seen } = recorder();
    await onServer({ Connector, anOptionOfItsOwn: 1 });
    expect(seen.length).toBeGreaterThan(0);
  },
  async connectTimeout() {
    const nodes = [await silentServer()];
    const connecting = FeatureStore.connect({
      nodes,
      connectTimeoutMs: 1_000,
      redisOptions: { tls: {}, connectTimeout: 50 },
    });
    await expect(connecting).rejects.toMatchObject({
      message: expect.stringContaining('ETIMEDOUT'),
    });
  },
  async disconnectTimeout() {
    const { Connector, seen } = recorder();
    await onServer({ Connector, disconnectTimeout: 1_234 });
    expect(seen).toContainEqual(['disconnectTimeout', 1_234]);
  },
  async keepAlive() {
    const { Connector, seen } = recorder();
    await onServer({ Connector, keepAlive: 4_321 });
    expect(seen).toContainEqual(['keepAlive', true, 4_321]);
  },
  async noDelay() {
    const [on, off] = [recorder(), recorder()];
    await onServer({ Connector: on.Connector, noDelay: true });
    await onServer({ Connector: off.Connector, noDelay: false });
    expect(on.seen).toContainEqual(['noDelay', true]);
    expect(off.seen).not.toContainEqual(['noDelay', true]);
  },
  async connectionName() {
    await onServer({ connectionName: 'named' });
    expect(await clients('named')).toContain('name=named:online');
  },
  async disableClientInfo() {
    await onServer({ connectionName: 'uninformed', disableClientInfo: true });
    expect(await clients('uninformed')).not.toContain('lib-name=ioredis');
  },
  async clientInfoTag() {
    await onServer({ connectionName: 'tagged', clientInfoTag: 'mine' });
    expect(await clients('tagged')).toContain('lib-name=ioredis(mine)');
  },
  async username() {
    await admin().call('ACL', 'SETUSER', 'optioned', 'on', '>pw', '~*', '&*', '+@all');
    await onServer({ username: 'optioned', password: 'pw', connectionName: 'user' });
    expect(await clients('user')).toContain('user=optioned');
  },
  async password() {
    await admin().call('ACL', 'SETUSER', 'optioned', 'on', '>pw', '~*', '&*', '+@all');
    const wrong = onServer({ username: 'optioned', password: 'wrong' });
    await expect(wrong).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
  },
  async db() {
    await onServer({ db: 5 });
    const redis = admin();
    expect(await redis.exists(`${keyPrefix}u1`)).toBe(0);
    await redis.select(5);
    expect(await redis.exists(`${keyPrefix}u1`)).toBe(1);
    await redis.del(`${keyPrefix}u1`, `${keyPrefix}u2`);
  },
  async protocol() {
    await onServer({ protocol: 2, connectionName: 'resp-two' });
    expect(await clients('resp-two')).toContain('resp=2');
    await onServer({ connectionName: 'resp-three' });
  },
};

describe('of redisOptions', () => {
  it('every obeyed one has a test of its effect', () => {
    expect(Object.keys(EFFECTS).sort()).toStrictEqual(namesOf('obeyed').sort());
  });

  it.each(namesOf('obeyed'))('%s has its effect', async (name) => {
    expect(REDIS_OPTIONS[name as keyof RedisOptions].redisOptions).toBe('obeyed');
    await EFFECTS[name]?.();
    const redis = admin();
    await redis.del(`${keyPrefix}u1`, `${keyPrefix}u2`);
  });

  it.each(namesOf('refused'))('%s is refused, and the message says why', async (name) => {
    const redisOptions: object = { [name]: name === 'port' ? 1 : 'x' };
    const { why } = REDIS_OPTIONS[name as keyof RedisOptions];
    await expect(onServer(redisOptions)).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: `redisOptions.${name} is not for here. ${why}`,
    });
  });

  const hostile: Readonly<Record<string, unknown>> = {
    retryStrategy: () => null,
    reconnectOnError: () => 2,
    scripts: { hmget: { lua: 'return 1', numberOfKeys: 1 } },
    himportFieldsets: [{ name: 'f', fields: ['a'] }],
    replyMapping: 'resp3',
    autoPipeliningIgnoredCommands: ['hmget'],
  };
  const numeric = /Timeout|Retr|Grace/;
  const valuesOf = (name: string): unknown[] => {
    if (Object.hasOwn(hostile, name)) return [hostile[name]];
    return numeric.test(name) ? [0, 1] : [true, false];
  };
  it.each(
    namesOf('overridden').flatMap((name) => valuesOf(name).map((value) => [name, value] as const)),
  )('%s may be %o, on a cluster and on one server', async (name, value) => {
    const redisOptions: object = { [name]: value };
    expect(await onServer(redisOptions)).toBeDefined();
    expect(await tryOut({ nodes: inject('clusterNodes'), redisOptions })).toBeDefined();
  });

  it('what ioredis does not know is refused', async () => {
    await expect(onServer({ usernme: 'x' })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: 'redisOptions.usernme is not an option of ioredis.',
    });
  });
});

it('docs/options.md shows every row of the tables', () => {
  const page = readFileSync(new URL('../../docs/options.md', import.meta.url), 'utf8');
  for (const [name, row] of Object.entries(REDIS_OPTIONS)) {
    expect(page).toContain(`| \`${name}\` | ${row.redisOptions} | ${row.redis} | ${row.why} |`);
  }
  for (const [name, row] of Object.entries(CLUSTER_OPTIONS)) {
    expect(page).toContain(`| \`${name}\` | ${row.redis} | ${row.why} |`);
  }
});
