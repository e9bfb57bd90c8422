/**
 * What goes over which connection, as the servers see it: MONITOR gives every command with the
 * address it came from, CLIENT LIST the name of the connection at that address.
 */

import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { beforeEach, describe, expect, inject, it, onTestFinished } from 'vitest';
import { FeatureStore, type FeatureStoreOptions } from '../../src/index.ts';
import { CALL_NAMES, runCall } from '../faults/life-calls.ts';
import { waitUntil } from '../../rig/local-cluster/wait-until.ts';

/** What ioredis says when it opens a connection, and what goes with a command by key. */
const WITHOUT_KEY = new Set(['hello', 'auth', 'client', 'select', 'asking', 'multi', 'exec']);
/** Its key is after the number of keys, where COMMAND INFO does not look. */
const KEY_ELSEWHERE = 'evalsha';
/** To the record of VIP groups, which nothing waits for. */
const OF_RECORD = new Set(['get', 'set']);
const IDS = Array.from({ length: 500 }, (_, i) => `c${i}`);

interface Seen {
  readonly command: readonly string[];
  readonly source: string;
}

/** Watches servers, and says what the connections of that name have sent. */
class Watch {
  readonly #servers: readonly Redis[];
  readonly #seen: Seen[][];

  private constructor(servers: readonly Redis[], seen: Seen[][]) {
    this.#servers = servers;
    this.#seen = seen;
  }

  static async on(urls: readonly string[]): Promise<Watch> {
    const servers = urls.map((url) => new Redis(place(url)));
    const seen: Seen[][] = [];
    for (const server of servers) {
      const monitor = await server.monitor();
      const ofServer: Seen[] = [];
      seen.push(ofServer);
      monitor.on('monitor', (_, command: string[], source: string) => {
        ofServer.push({ command, source });
      });
      onTestFinished(() => {
        monitor.disconnect();
        server.disconnect();
      });
    }
    return new Watch(servers, seen);
  }

  /** The commands of the connection that is called so, on all servers. */
  async commandsOf(name: string): Promise<(readonly string[])[]> {
    const commands = this.#servers.map(async (server, at) => {
      const mark = randomUUID();
      await server.echo(mark);
      const ofServer = this.#seen[at] ?? [];
      await waitUntil(async () => ofServer.some(({ command }) => command[1] === mark), {
        what: 'MONITOR has given everything until now',
        timeoutMs: 10_000,
      });
      const list = String(await server.client('LIST'));
      const lines = list.split('\n').filter((line) => line.includes(` name=${name} `));
      const sources = new Set(lines.map((line) => /addr=(\S+)/.exec(line)?.[1]));
      return ofServer.filter(({ source }) => sources.has(source)).map(({ command }) => command);
    });
    return (await Promise.all(commands)).flat();
  }

  /** Names of commands that name no key. */
  async withoutKey(commands: readonly (readonly string[])[]): Promise<string[]> {
    const [server] = this.#servers;
    const names = [...new Set(commands.map(([name = '']) => name.toLowerCase()))];
    const infos = ((await server?.call('COMMAND', 'INFO', ...names)) ?? []) as unknown[][];
    const firstKeys = new Map(infos.map((info) => [String(info[0]), Number(info[3])]));
    return names.filter(
      (name) => firstKeys.get(name) === 0 && !WITHOUT_KEY.has(name) && name !== KEY_ELSEWHERE,
    );
  }
}

const kinds: Readonly<Record<string, () => FeatureStoreOptions>> = {
  'a cluster': () => ({ nodes: inject('clusterNodes') }),
  // With one connection of ioredis's own, lanes are asked for the slot table.
  'a cluster by one node of ioredis': () => {
    const redis = new Redis(place(inject('clusterNodes')[0] ?? ''));
    onTestFinished(() => redis.disconnect());
    return { redis };
  },
  'one server': () => ({ nodes: [inject('standaloneUrl')] }),
};

describe.each(Object.entries(kinds))('on %s', (kind, optionsOf) => {
  let watch: Watch;
  let name: string;
  let store: FeatureStore;
  let disposable: FeatureStore;

  beforeEach(async () => {
    name = `lanes-${randomUUID()}`;
    watch = await Watch.on(
      kind === 'one server' ? [inject('standaloneUrl')] : inject('clusterNodes'),
    );
    const options = withName(optionsOf(), name);
    store = await FeatureStore.connect({
      ...options,
      keyPrefix: `lanes:${randomUUID()}:`,
      vipGroups: { vip: ['v0', 'v1', 'v2'] },
    });
    disposable = await FeatureStore.connect({ ...options, keyPrefix: `lanes:${randomUUID()}:` });
    onTestFinished(async () => {
      await store.reset();
      for (const opened of [store, disposable]) await opened.close();
    });
    await store.bulkLoad(IDS.map((id, n) => [id, { n }] as const));
    await disposable.bulkLoad({ d: { n: 1 } });
  });

  it('commands without a key never come over the connections of reads and of bulk work', async () => {
    const subject = { store, disposable, id: 'c0', spareId: 'c1', ids: IDS };
    for (const call of CALL_NAMES) {
      const { codes } = await runCall(call, subject, {});
      expect([call, codes]).toStrictEqual([call, []]);
    }
    await store.topology({ refresh: true });
    for (const purpose of ['online', 'bulk']) {
      const commands = await watch.commandsOf(`${name}:${purpose}`);
      expect(commands.length).toBeGreaterThan(0);
      expect([purpose, await watch.withoutKey(commands)]).toStrictEqual([purpose, []]);
    }
    const control = await watch.commandsOf(`${name}:control`);
    const asked = await watch.withoutKey(control);
    expect(asked).toEqual(expect.arrayContaining(['scan', 'command']));
    const others = control
      .map(([word = '']) => word.toLowerCase())
      .filter((word) => !asked.includes(word) && !OF_RECORD.has(word));
    expect(others.filter((word) => !WITHOUT_KEY.has(word))).toStrictEqual([]);
  });

  it('a scan takes small pages beside online reads, and large ones alone', async () => {
    const pages = async (): Promise<number[]> => {
      const commands = await watch.commandsOf(`${name}:control`);
      const scans = commands.filter(([word]) => word?.toLowerCase() === 'scan');
      return scans.map((words) => Number(words.at(-1)));
    };
    expect(await store.countEntities()).toBe(IDS.length);
    expect(new Set(await pages())).toStrictEqual(new Set([1_000]));
    await store.getFeatures('c0', ['n']);
    expect(await store.countEntities()).toBe(IDS.length);
    expect(new Set(await pages())).toContain(32);
  });
});

function place(url: string): { readonly host: string; readonly port: number } {
  const { hostname: host, port } = new URL(url);
  return { host, port: Number(port) };
}

function withName(options: FeatureStoreOptions, connectionName: string): FeatureStoreOptions {
  const { redis } = options;
  if (redis === undefined) return { ...options, redisOptions: { connectionName } };
  if (redis instanceof Redis) redis.options.connectionName = connectionName;
  return options;
}
