/** One shard is silent, in every way that a server or the path to it can be: the others are not. */

import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  it,
  onTestFinished,
} from 'vitest';
import { startLocalCluster, type LocalCluster } from '../../rig/local-cluster/local-cluster.ts';
import type { RedisNode } from '../../rig/local-cluster/redis-node.ts';
import { FeatureStore, type FeatureStoreOptions } from '../../src/index.ts';
import { CALL_NAMES, endingOf, forgottenCalls, runCall, type Subject } from './life-calls.ts';
import { OPEN, SILENT, SilenceProxy, type Path } from './silence-proxy.ts';
import { faultsSeed } from './seed.ts';
import { seededRandom } from '../../src/synthetic/seeded-random.ts';

const TIMEOUT_MS = 250;
/** How much later than its deadline a call may end on a busy machine. */
const SLACK_MS = 750;
const TRICKLING: Path = { kind: 'trickling', everyMs: 0 };
/** Batches over connections that are cut. */
const ROUNDS = 12;
const ids = Array.from({ length: 600 }, (_, n) => `u${n}`);
const vip = ['v1', 'v2', 'v3'];
const expected = ids.map((_, n) => ({ n: String(n) }));

let cluster: LocalCluster;
let victim: RedisNode;
let proxy: SilenceProxy;

beforeAll(async () => {
  // Nobody takes the silent node for dead: what is tried is the store's patience, not the
  // cluster's.
  cluster = await startLocalCluster({
    portFrom: 22_300,
    replicasPerPrimary: 0,
    nodeTimeoutMs: 120_000,
  });
  const store = await FeatureStore.connect({ nodes: cluster.urls, vipGroups: { vip } });
  victim = await cluster.primaryOfSlot(store.vipGroup('vip').slot);
  proxy = await SilenceProxy.start(victim.port);
  await store.bulkLoad([...ids, ...vip].map((id, n) => [id, { n }] as const));
  await store.close();
});
afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  await cluster[Symbol.asyncDispose]();
});

/** The victim is reached by the proxy. */
function options(more: FeatureStoreOptions = {}): FeatureStoreOptions {
  return {
    nodes: cluster.nodes.filter((node) => node !== victim).map(({ url }) => url),
    natMap: { [`127.0.0.1:${victim.port}`]: { host: '127.0.0.1', port: proxy.port } },
    vipGroups: { vip },
    ...more,
  };
}

const opened: FeatureStore[] = [];

async function connect(more: FeatureStoreOptions = {}): Promise<FeatureStore> {
  const store = await FeatureStore.connect(options(more));
  opened.push(store);
  return store;
}

afterAll(() => Promise.all(opened.map((store) => store.close())));

function idsOfVictim(store: FeatureStore): string[] {
  return ids.filter((id) => store.shardFor(id) === proxy.address);
}

async function subject(): Promise<Subject> {
  const [store, disposable] = [await connect(), await connect({ keyPrefix: 'disposable:' })];
  const [id = '', spareId = ''] = idsOfVictim(store);
  expect(store.shardFor(spareId)).toBe(proxy.address);
  return { store, disposable, id, spareId, ids };
}

/** Every row of every shard, twice: what comes late would be taken for one of them. */
async function expectAllRight(store: FeatureStore): Promise<void> {
  const there = (await store.inspect('u0')).exists;
  expect(there).toBe(true);
  const both = [store.batchGetFeatures(ids, ['n']), store.batchGetFeatures(ids, ['n'])];
  for (const rows of await Promise.all(both)) expect(rows).toStrictEqual(expected);
}

interface Silence {
  readonly name: string;
  readonly begin: () => void;
  readonly end: () => void;
}

const passOn = (): void => {
  proxy.path = OPEN;
};
const SILENCES: readonly Silence[] = [
  {
    name: 'a process that is stopped',
    begin: () => victim.signal('SIGSTOP'),
    end: () => victim.signal('SIGCONT'),
  },
  {
    name: 'a connection that accepts and never answers',
    begin: () => {
      proxy.path = SILENT;
    },
    end: passOn,
  },
  {
    name: 'answers that stop in the middle of a frame',
    begin: () => {
      proxy.path = { kind: 'stuck', afterBytes: 3 };
    },
    end: passOn,
  },
];

it('is tried with every call of the store', () => {
  expect(forgottenCalls()).toStrictEqual([]);
});

describe.each(SILENCES)('$name', ({ begin, end }) => {
  /** Has worked with every shard. */
  let warm: Subject;
  /** Has no connection for batches yet. */
  let fresh: Subject;

  beforeAll(async () => {
    warm = await subject();
    await warm.store.updateStreaming(warm.id, { w: 1 });
    await warm.disposable.updateStreaming(warm.id, { w: 1 });
  });
  beforeEach(async () => {
    fresh = await subject();
    await expectAllRight(warm.store);
    begin();
    onTestFinished(end);
  });
  // A hundred stores that stay open would all ask for the slot table through the proxy.
  afterEach(() => Promise.all([fresh.store.close(), fresh.disposable.close()]));

  it.each(CALL_NAMES)(
    '%s ends by its deadline, and what comes late reaches nobody',
    async (name) => {
      const silent = new Set(idsOfVictim(warm.store));
      const endings = await Promise.all(
        [warm, fresh].map((one) => runCall(name, one, { timeoutMs: TIMEOUT_MS })),
      );
      for (const { elapsedMs, codes } of endings) {
        expect(codes).toStrictEqual(['TIMEOUT']);
        expect(elapsedMs).toBeGreaterThan(TIMEOUT_MS - 10);
        expect(elapsedMs).toBeLessThan(TIMEOUT_MS + SLACK_MS);
      }
      end();
      // A row that was written or deleted too late is whole again before it is looked at.
      const { store, spareId } = warm;
      await store.bulkLoad([[spareId, { n: ids.indexOf(spareId) }]]);
      await expectAllRight(store);
      await expectAllRight(fresh.store);
      expect(silent.size).toBeGreaterThan(100);
    },
  );

  it('fails the rows of the silent shard, and delivers and writes those of the others', async () => {
    const silent = idsOfVictim(warm.store);
    for (const { store } of [warm, fresh]) {
      const limits = { timeoutMs: TIMEOUT_MS };
      const read = await endingOf(() => store.batchGetFeatures(ids, ['n'], limits));
      const load = await endingOf(() =>
        store.bulkLoad(
          ids.map((id) => [id, { w: 2 }]),
          limits,
        ),
      );
      for (const { failed, codes } of [read, load]) {
        expect(failed?.map(({ id }) => id)).toStrictEqual(silent);
        expect(codes).toStrictEqual(['TIMEOUT']);
      }
      expect(read.error).toMatchObject({
        rows: ids.map((id, n) => (silent.includes(id) ? undefined : { n: String(n) })),
      });
      expect(load.value).toMatchObject({ loaded: ids.length - silent.length });
    }
  });

  it('streaming features of the other shards are written, also by a store that has not yet asked what the silent one can', async () => {
    const silent = idsOfVictim(warm.store);
    const rows = ids.map((id) => [id, { w: 2 }] as const);
    for (const { store } of [warm, fresh]) {
      const { failed, value } = await endingOf(() =>
        store.updateStreamingBatch(rows, { timeoutMs: TIMEOUT_MS }),
      );
      expect(failed?.map(({ id }) => id)).toStrictEqual(silent);
      expect(value).toMatchObject({ loaded: ids.length - silent.length });
    }
  });

  it('is connected to in time', async () => {
    const startedAtMs = performance.now();
    const store = await connect({ connectTimeoutMs: 2_000 });
    expect(performance.now() - startedAtMs).toBeLessThan(3_000);
    const id = ids.find((one) => store.shardFor(one) !== proxy.address) ?? '';
    expect(await store.getFeatures(id, ['n'])).toStrictEqual(expected[ids.indexOf(id)]);
  });

  it('is left out where connections are opened beforehand', async () => {
    const store = await connect({ connectTimeoutMs: 2_000, warmUp: true });
    const id = ids.find((one) => store.shardFor(one) !== proxy.address) ?? '';
    expect(await store.getFeatures(id, ['n'])).toStrictEqual(expected[ids.indexOf(id)]);
  });

  it('is not enough as the only node that is named', async () => {
    const nodes = [`redis://${proxy.address}`];
    const { error, elapsedMs } = await endingOf(() => connect({ nodes, connectTimeoutMs: 500 }));
    expect(error).toMatchObject({
      code: 'CONNECT_FAILED',
      message: expect.stringContaining(proxy.address),
    });
    expect(elapsedMs).toBeLessThan(500 + SLACK_MS);
  });

  it('may be one of the nodes that are named', async () => {
    const nodes = [`redis://${proxy.address}`, ...(options().nodes ?? [])];
    const startedAtMs = performance.now();
    await Promise.all(Array.from({ length: 8 }, () => connect({ nodes, connectTimeoutMs: 2_000 })));
    expect(performance.now() - startedAtMs).toBeLessThan(3_000);
  });

  it('does not keep the slot table from being looked up', async () => {
    const startedAtMs = performance.now();
    const { shards } = await warm.store.topology({ refresh: true });
    expect(performance.now() - startedAtMs).toBeLessThan(3_000);
    expect(shards).toHaveLength(3);
  });
});

describe('a server that answers a byte at a time', () => {
  it('is understood in every call', async () => {
    const one = await subject();
    onTestFinished(passOn);
    const few = { ...one, ids: ids.slice(0, 30) };
    for (const path of [OPEN, TRICKLING]) {
      proxy.path = path;
      for (const name of CALL_NAMES) {
        const { codes, error } = await runCall(name, few, { timeoutMs: 10_000 });
        expect([name, codes, error]).toStrictEqual([name, [], undefined]);
      }
    }
    passOn();
    await one.store.bulkLoad([[one.spareId, { n: ids.indexOf(one.spareId) }]]);
    await expectAllRight(one.store);
  });

  it('is understood from its greeting on', async () => {
    const { store } = await subject();
    proxy.path = TRICKLING;
    onTestFinished(passOn);
    const [id = ''] = idsOfVictim(store);
    const row = await store.getFeatures(id, ['n'], { timeoutMs: 5_000 });
    expect(row).toStrictEqual(expected[ids.indexOf(id)]);
    expect(store.stats().shards[proxy.address]?.lostConnections).toBe(0);
  });

  it('gives the rows that came in time; the others fail, and reach nobody later', async () => {
    const { store } = await subject();
    await expectAllRight(store);
    proxy.path = { kind: 'trickling', everyMs: 1 };
    onTestFinished(passOn);
    const slow = idsOfVictim(store);
    const limits = { timeoutMs: 400, onFailure: 'return' } as const;
    const startedAtMs = performance.now();
    const { rows, failed } = await store.batchGetFeatures(ids, ['n'], limits);
    expect(performance.now() - startedAtMs).toBeLessThan(400 + SLACK_MS);
    const late = new Set(failed.map(({ id }) => id));
    expect(rows).toStrictEqual(ids.map((id, n) => (late.has(id) ? undefined : expected[n])));
    expect(failed.every(({ id, error }) => slow.includes(id) && error.code === 'TIMEOUT')).toBe(
      true,
    );
    expect(late.size).toBeGreaterThan(0);
    expect(late.size).toBeLessThan(slow.length);
    const next = store.batchGetFeatures(slow.slice(-5), ['n'], { timeoutMs: 20_000 });
    passOn();
    expect(await next).toStrictEqual(slow.slice(-5).map((id) => expected[ids.indexOf(id)]));
    await expectAllRight(store);
  });
});

describe('connections that end in the middle of a frame', () => {
  it('cost no row, wherever they are cut', async () => {
    const { store } = await subject();
    await expectAllRight(store);
    const random = seededRandom(faultsSeed);
    proxy.path = { kind: 'cut', afterBytes: () => random.integer(1, 4_000) };
    onTestFinished(passOn);
    const slow = idsOfVictim(store);
    for (let round = 1; round <= ROUNDS; round++) {
      const rows = await store.batchGetFeatures(ids, ['n']);
      expect(rows, `FAULTS_SEED=${faultsSeed}`).toStrictEqual(expected);
      const load = await store.bulkLoad(slow.map((id) => [id, { w: round }] as const));
      expect(load).toMatchObject({ loaded: slow.length, failed: [] });
    }
    const { [proxy.address]: counters } = store.stats().shards;
    expect(counters?.lostConnections).toBeGreaterThan(ROUNDS);
    passOn();
    const written = await store.batchGetFeatures(slow, ['w']);
    expect(written).toStrictEqual(slow.map(() => ({ w: String(ROUNDS) })));
  });
});
