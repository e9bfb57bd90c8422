/**
 * Connections that are cut while their nodes are well: by an idle timeout, a proxy, CLIENT KILL.
 * What was under way is sent again at once, and a node that cuts all that it accepts is not asked
 * in a hot loop.
 */

import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { startLocalCluster, type LocalCluster } from '../../rig/local-cluster/local-cluster.ts';
import {
  startStandaloneServer,
  type StandaloneServer,
} from '../../rig/local-cluster/standalone-server.ts';
import { nextTurn } from '../../src/runtime/slices.ts';
import {
  FeatureStore,
  FeatureStoreError,
  PartialBatchError,
  type CallOptions,
  type FeatureStoreOptions,
} from '../../src/index.ts';
import { keysOf } from '../integration/bulk-rows.ts';
import { ScriptedServer } from '../integration/scripted-server.ts';

const NAMES = ['f'];
const ids = keysOf(1_000);
const rowOf = (id: string): { f: string } => ({ f: id });

let cluster: LocalCluster;
let single: StandaloneServer;

beforeAll(async () => {
  cluster = await startLocalCluster({ portFrom: 23_500 });
  single = await startStandaloneServer({ portFrom: 23_520 });
});
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
  await single[Symbol.asyncDispose]();
});

describe.each(['a cluster', 'one server'] as const)('%s', (kind) => {
  const nodes = (): string[] => (kind === 'a cluster' ? [...cluster.urls] : [single.url]);

  async function connect(name: string): Promise<FeatureStore> {
    const options: FeatureStoreOptions = { nodes: nodes(), keyPrefix: 'cuts:', warmUp: true };
    const store = await FeatureStore.connect({
      ...options,
      redisOptions: { connectionName: name },
    });
    onTestFinished(() => store.close());
    return store;
  }

  beforeAll(async () => {
    await using store = await FeatureStore.connect({ nodes: nodes(), keyPrefix: 'cuts:' });
    await store.bulkLoad(ids.map((id) => [id, rowOf(id)] as const));
  });

  test('a read that meets a cut takes no more than 20 ms longer', async () => {
    const name = `cut-read-${kind.length}`;
    const store = await connect(name);
    const cutter = await Cutter.start(nodes(), name);
    const read = async (): Promise<number> => {
      const startedAtMs = performance.now();
      expect(await store.getFeatures('u1', NAMES)).toStrictEqual({ f: 'u1' });
      return performance.now() - startedAtMs;
    };
    const usualMs: number[] = [];
    const openingMs: number[] = [];
    const cutMs: number[] = [];
    for (let round = 0; round < 15; round++) {
      usualMs.push(await read());
      openingMs.push(await cutter.openAnew());
      const cut = cutter.cutAll();
      if (round % 3 === 0) await cut; // the store has mostly seen it by then
      if (round % 3 === 1) hold(10); // it has happened, unseen
      const opening = cutter.openAnew(); // in the same moment, on a machine that may be busy
      cutMs.push(await read());
      openingMs.push(await opening);
      await cut;
    }
    expect(cutter.cutCount).toBeGreaterThanOrEqual(15);
    // What it takes to open a connection just now is the machine's; the rest is ours.
    const slowestOpeningMs = Math.max(...openingMs);
    const extraMs = cutMs.map((ms) => ms - Math.max(...usualMs) - slowestOpeningMs);
    expect(Math.max(...extraMs)).toBeLessThanOrEqual(Math.max(20, 2 * slowestOpeningMs));
  });

  test('a thousand cuts under reads and writes with deadlines of 50 ms fail no row', async () => {
    const name = `cut-thousand-${kind.length}`;
    const store = await connect(name);
    const cutter = await Cutter.start(nodes(), name);
    await store.updateStreaming('u0', { s: 0 }); // asks the servers for their commands
    const ended = new AbortController();
    /** Calls that have ended, by worker. */
    const done: number[] = [];
    const repeat = async (work: () => Promise<void>, worker: number): Promise<void> => {
      done[worker] = 0;
      for (let count = 0; !ended.signal.aborted; count++) {
        await work();
        done[worker] = count + 1;
      }
    };
    // What a machine that is busy with other things takes to open a connection is not the store's
    // to keep.
    const openings = new Openings(cutter);
    for (let round = 0; round < 15; round++) await openings.next();
    const timeoutMs = (): number => Math.max(50, Math.ceil(10 * openings.slowestMs));
    const batch = ids.slice(0, 100);
    const works = [
      ...['u1', 'u2', 'u3', 'u4'].map((id) => async (options: CallOptions): Promise<void> => {
        expect(await store.getFeatures(id, NAMES, options)).toStrictEqual({ f: id });
      }),
      async (options: CallOptions): Promise<void> => {
        const rows = await store.batchGetFeatures(batch, NAMES, options);
        expect(rows).toStrictEqual(batch.map(rowOf));
      },
      async (options: CallOptions): Promise<void> => {
        await store.updateStreaming('u5', { s: 1 }, options);
      },
    ].map((call) => async (): Promise<void> => {
      const givenMs = timeoutMs();
      try {
        await call({ timeoutMs: givenMs });
      } catch (error) {
        if (!(error instanceof FeatureStoreError) || !isLate(error)) throw error;
        await openings.underWay;
        if (timeoutMs() === givenMs) throw error; // or the machine was as slow in that moment
      }
    });
    const working = Promise.all(works.map(repeat)).finally(() => ended.abort());
    working.catch(() => undefined); // awaited below
    const opening = (async (): Promise<void> => {
      while (!ended.signal.aborted) await openings.next();
    })();
    opening.catch(() => undefined); // awaited below
    while (cutter.cutCount < 1_000 && !ended.signal.aborted) {
      await cutter.cutOne();
      // The next cut meets other calls, or it would be one cut after the other under the same.
      const before = [...done];
      while (!ended.signal.aborted && done.some((count, worker) => count === before[worker])) {
        await nextTurn();
      }
    }
    ended.abort();
    await working;
    await opening;
    expect(cutter.cutCount).toBeGreaterThanOrEqual(1_000);
  });

  test('loads, confirmed loads, large reads and scans go on through cuts', async () => {
    const name = `cut-bulk-${kind.length}`;
    const store = await connect(name);
    const cutter = await Cutter.start(nodes(), name);
    const minReplicas = kind === 'a cluster' ? 1 : 0;
    const rows = ids.map((id) => [id, rowOf(id)] as const);
    const many = Array.from({ length: 5 }, () => ids).flat();
    const calls = [
      async () => expect((await store.bulkLoad(rows, { minReplicas })).failed).toStrictEqual([]),
      async () => expect((await store.bulkLoad(rows)).failed).toStrictEqual([]),
      async () => expect(await store.batchGetFeatures(many, NAMES)).toStrictEqual(many.map(rowOf)),
      async () => expect(await store.countEntities()).toBeGreaterThanOrEqual(ids.length),
    ];
    for (const call of calls) await call();
    const ended = new AbortController();
    /**
     * Each kind of call meets as many, and no more: on a busy machine no call would get through.
     */
    let wantedCount = 0;
    const work = (async (): Promise<void> => {
      for (const call of calls) {
        wantedCount = cutter.cutCount + 25;
        while (cutter.cutCount < wantedCount) await call();
      }
    })().finally(() => ended.abort());
    work.catch(() => undefined); // awaited below
    while (!ended.signal.aborted) {
      if (cutter.cutCount < wantedCount) await cutter.cutAll();
      await delay(5 + 25 * Math.random()); // enough for some of a load, and no rhythm
    }
    await work;
    expect(cutter.cutCount).toBeGreaterThanOrEqual(50);
  });
});

describe('a server that cuts', () => {
  test.each([
    // A row that is owed alone at each cut fails, rather than be asked for until the deadline.
    ['each request', (name: string) => name === 'HMGET', { code: 'CONNECTION_LOST' }],
    [
      'all that it accepts, once the store is connected',
      () => true,
      { code: 'TIMEOUT', cause: { code: 'CONNECTION_LOST' } },
    ],
  ])('%s is asked more and more seldom', async (_, isCut, failure) => {
    let isBad = false;
    const server = await ScriptedServer.start(([name = ''], { socket }) => {
      if (!isBad || !isCut(name)) return '*1\r\n$1\r\n7\r\n';
      socket.destroy();
      return undefined;
    });
    const store = await FeatureStore.connect({ nodes: [server.url], keyPrefix: 'cuts:' });
    onTestFinished(() => store.close());
    expect(await store.getFeatures('u1', NAMES)).toStrictEqual({ f: '7' });
    isBad = true;
    if (isCut('')) server.polite = false;
    const before = server.connections.length;
    const read = store.getFeatures('u1', NAMES, { timeoutMs: 1_500 });
    const cutting = isCut('') ? cutOnArrival(server) : undefined;
    await expect(read).rejects.toMatchObject(failure);
    const attempts = server.connections.length - before;
    isBad = false;
    server.polite = true;
    cutting?.();
    expect(attempts).toBeGreaterThan(3);
    expect(attempts).toBeLessThan(25);
    expect(await store.getFeatures('u1', NAMES)).toStrictEqual({ f: '7' });
  });
});

/** Closes every connection as soon as there is one; gives what ends that. */
function cutOnArrival(server: ScriptedServer): () => void {
  const ended = new AbortController();
  void (async (): Promise<void> => {
    while (!ended.signal.aborted) {
      for (const { socket } of server.connections) socket.destroy();
      await nextTurn();
    }
  })();
  return () => ended.abort();
}

function hold(ms: number): void {
  const endAtMs = performance.now() + ms;
  while (performance.now() < endAtMs);
}

/** Whether a deadline is all that the call met. */
function isLate(error: FeatureStoreError): boolean {
  if (!(error instanceof PartialBatchError)) return error.code === 'TIMEOUT';
  return error.failed.every((row) => row.error.code === 'TIMEOUT');
}

/** Connections that are opened one after the other: what that takes on this machine. */
class Openings {
  readonly #cutter: Cutter;
  slowestMs = 0;
  /** The one that is being opened. */
  underWay: Promise<void> = Promise.resolve();

  constructor(cutter: Cutter) {
    this.#cutter = cutter;
  }

  next(): Promise<void> {
    this.underWay = this.#cutter.openAnew().then((ms) => {
      this.slowestMs = Math.max(this.slowestMs, ms);
    });
    return this.underWay;
  }
}

/** Cuts the connections of the store whose connections have the name. */
class Cutter {
  readonly #admins: readonly Redis[];
  readonly #name: string;
  #turn = 0;
  cutCount = 0;

  private constructor(admins: readonly Redis[], name: string) {
    this.#admins = admins;
    this.#name = name;
  }

  static async start(urls: readonly string[], name: string): Promise<Cutter> {
    const admins = urls.map((url) => new Redis(url));
    onTestFinished(() => {
      for (const admin of admins) admin.disconnect();
    });
    await Promise.all(admins.map((admin) => admin.ping()));
    return new Cutter(admins, name);
  }

  /** How many ms it takes to open a connection and to be answered on it. */
  async openAnew(): Promise<number> {
    const startedAtMs = performance.now();
    const redis = this.#admins[0]?.duplicate();
    await redis?.ping();
    redis?.disconnect();
    return performance.now() - startedAtMs;
  }

  /** All on all nodes, at once. */
  async cutAll(): Promise<void> {
    await Promise.all(this.#admins.map(async (admin) => this.#cut(admin, await this.#ids(admin))));
  }

  /** One, node by node. */
  async cutOne(): Promise<void> {
    const admin = this.#admins[this.#turn++ % this.#admins.length];
    if (admin === undefined) return;
    const open = await this.#ids(admin);
    await this.#cut(admin, open.slice(this.#turn % Math.max(1, open.length)).slice(0, 1));
  }

  async #ids(admin: Redis): Promise<string[]> {
    const lines = String(await admin.call('CLIENT', 'LIST', 'TYPE', 'normal')).split('\n');
    return lines
      .filter((line) => line.includes(` name=${this.#name}:`))
      .map((line) => /^id=(\d+)/.exec(line)?.[1] ?? '');
  }

  async #cut(admin: Redis, clientIds: readonly string[]): Promise<void> {
    const kills = clientIds.map((id) => admin.call('CLIENT', 'KILL', 'ID', id));
    for (const killed of await Promise.all(kills)) this.cutCount += Number(killed);
  }
}
