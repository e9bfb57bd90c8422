/**
 * One of three shards is frozen or dead. With `onShardDown: 'fail-fast'` its rows fail at once, the
 * others are as quick as before, and it is back soon after its node is.
 */

import diagnostics from 'node:diagnostics_channel';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { startLocalCluster, type LocalCluster } from '../../rig/local-cluster/local-cluster.ts';
import type { RedisNode } from '../../rig/local-cluster/redis-node.ts';
import { waitUntil } from '../../rig/local-cluster/wait-until.ts';
import { FeatureStore, type FeatureStoreOptions, type ShardStateEvent } from '../../src/index.ts';
import { CALL_NAMES, runCall } from './life-calls.ts';

const TIMEOUT_MS = 50;
const CALLS = 400;
const AT_ONCE = 4;
/** Calls of each caller that may wait by their deadline before the shard is taken for down. */
const SLOW_CALLS = 8;
const ROUNDS = 3;
/** How long a shard whose node is back may fail rows. */
const BACK_MS = 100;
const ids = Array.from({ length: 300 }, (_, n) => `u${n}`);
const vip = ['v1', 'v2', 'v3'];
const expected = ids.map((_, n) => ({ n: String(n) }));
const read = { onFailure: 'return' } as const;

let cluster: LocalCluster;
let victim: RedisNode;
let address: string;

beforeAll(async () => {
  // What a killed server has acknowledged is there when it is back, and nobody replaces it.
  cluster = await startLocalCluster({
    portFrom: 22_340,
    replicasPerPrimary: 0,
    nodeTimeoutMs: 120_000,
    extraConfig: ['appendonly yes', 'appendfsync always'],
  });
  const store = await FeatureStore.connect({ nodes: cluster.urls, vipGroups: { vip } });
  victim = await cluster.primaryOfSlot(store.vipGroup('vip').slot);
  address = `${victim.host}:${victim.port}`;
  await store.bulkLoad([...ids, ...vip].map((id, n) => [id, { n }] as const));
  await store.close();
});
afterAll(() => cluster[Symbol.asyncDispose]());

async function connect(options: FeatureStoreOptions = {}): Promise<FeatureStore> {
  const store = await FeatureStore.connect({
    nodes: cluster.urls,
    timeoutMs: TIMEOUT_MS,
    onShardDown: 'fail-fast',
    warmUp: true,
    vipGroups: { vip },
    ...options,
  });
  onTestFinished(() => store.close());
  expect(await store.batchGetFeatures(ids, ['n'], { timeoutMs: 10_000 })).toStrictEqual(expected);
  return store;
}

/** States that are reported from now on. */
function hear(): ShardStateEvent[] {
  const heard: ShardStateEvent[] = [];
  const listen = (event: unknown): void => void heard.push(event as ShardStateEvent);
  diagnostics.subscribe('cluster-feature-store:shard-state', listen);
  onTestFinished(() => void diagnostics.unsubscribe('cluster-feature-store:shard-state', listen));
  return heard;
}

interface Measured {
  readonly p50Ms: number;
  /** Failed rows by the code of their error. */
  readonly codes: Record<string, number>;
}

/** Reads all ids again and again. Rows are right, or fail with an error of their shard. */
async function measure(store: FeatureStore, calls = CALLS): Promise<Measured> {
  const elapsed: number[] = [];
  const codes: Record<string, number> = {};
  let callsLeft = calls;
  let strayCount = 0;
  const callAgain = async (): Promise<void> => {
    while (callsLeft-- > 0) {
      const calledAtMs = performance.now();
      const { rows, failed } = await store.batchGetFeatures(ids, ['n'], read);
      elapsed.push(performance.now() - calledAtMs);
      // Without the costs of a matcher, which would be measured too.
      const errors = new Map(failed.map(({ id, error }) => [id, error] as const));
      for (const [n, id] of ids.entries()) {
        const [row, error] = [rows[n], errors.get(id)];
        const isRight = error === undefined ? row?.['n'] === String(n) : row === undefined;
        if (!isRight || error?.retryable === false) throw new Error(`${id}`, { cause: error });
        if (error === undefined) continue;
        if (error.shard === address) codes[error.code] = (codes[error.code] ?? 0) + 1;
        else if (error.code === 'TIMEOUT') strayCount++;
        else throw new Error(`${id} is of another shard`, { cause: error });
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, callAgain));
  // Rows of the other shards: on a busy machine a few may take longer than the deadline.
  expect(strayCount).toBeLessThanOrEqual((calls * ids.length) / 20);
  return { p50Ms: elapsed.toSorted((a, b) => a - b)[calls >> 1] ?? 0, codes };
}

/** Milliseconds from `sinceMs` until a call has all its rows; they are right. */
async function backAfter(store: FeatureStore, sinceMs: number): Promise<number> {
  await waitUntil(
    async () => {
      const { rows, failed } = await store.batchGetFeatures(ids, ['n'], read);
      const failedIds = new Set(failed.map(({ id }) => id));
      expect(rows).toStrictEqual(ids.map((id, n) => (failedIds.has(id) ? undefined : expected[n])));
      return failed.length === 0;
    },
    { what: 'every row is back', timeoutMs: 10_000, intervalMs: 1 },
  );
  return performance.now() - sinceMs;
}

interface Fault {
  readonly name: string;
  /** It ends with the test at the latest. */
  readonly begin: () => Promise<void>;
  /** Ends the fault. Gives the time at which the node could answer again. */
  readonly end: () => Promise<number>;
}

const FAULTS: readonly Fault[] = [
  {
    name: 'a node that is frozen',
    begin: async () => {
      onTestFinished(() => victim.signal('SIGCONT'));
      victim.signal('SIGSTOP');
    },
    end: async () => {
      victim.signal('SIGCONT');
      return performance.now();
    },
  },
  {
    name: 'a server that is killed, so that connections are refused, and started again',
    begin: async () => {
      onTestFinished(async () => {
        if (victim.pid === undefined) await cluster.restart(victim.port);
      });
      await cluster.kill(victim.port);
    },
    end: async () => {
      const starting = cluster.restart(victim.port);
      const answers = async (): Promise<boolean> =>
        String(await victim.call('CLUSTER', 'INFO')).includes('cluster_state:ok');
      await waitUntil(answers, { what: 'it has rejoined', timeoutMs: 20_000, intervalMs: 1 });
      const backAtMs = performance.now();
      await starting;
      return backAtMs;
    },
  },
];

describe.each(FAULTS)('$name', ({ begin, end }) => {
  it('its rows fail at once, calls are as quick as before, and it is back within 100 ms', async () => {
    const store = await connect();
    const heard = hear();
    const silent = ids.filter((id) => store.shardFor(id) === address).length;
    const ratios: number[] = [];
    const backMs: number[] = [];
    await measure(store);
    for (let round = 0; round < ROUNDS; round++) {
      const before = await measure(store);
      expect(Object.keys(before.codes)).not.toContain('SHARD_UNAVAILABLE');
      await begin();
      const during = await measure(store);
      ratios.push(during.p50Ms / before.p50Ms);
      const { TIMEOUT = 0, SHARD_UNAVAILABLE = 0, ...others } = during.codes;
      expect(others).toStrictEqual({});
      expect(TIMEOUT).toBeLessThanOrEqual(SLOW_CALLS * AT_ONCE * silent);
      expect(SHARD_UNAVAILABLE + TIMEOUT).toBe(CALLS * silent);
      expect(store.stats().shards[address]?.state).toBe('down');
      store.resetStats();
      expect(store.stats().shards[address]?.state).toBe('down');
      backMs.push(await backAfter(store, await end()));
      expect(store.stats().shards[address]?.state).toBe('up');
    }
    // The machine may be busy: the middle one, and the best.
    expect(ratios.toSorted((a, b) => a - b)[ROUNDS >> 1]).toBeLessThanOrEqual(2);
    expect(Math.min(...backMs)).toBeLessThanOrEqual(BACK_MS);
    const states = heard.map(({ shard, state }) => `${shard} ${state}`);
    const [down, up] = [`${address} down`, `${address} up`];
    expect(states).toStrictEqual(Array.from({ length: ROUNDS }, () => [down, up]).flat());
    for (const { state, downMs, error } of heard) {
      expect(downMs > 0).toBe(state === 'up');
      expect(error.message).toContain(address);
    }
  });

  it('every call about it fails at once, with what was seen and what to do', async () => {
    const store = await connect();
    await store.updateStreaming('u0', { s: 1 }, { timeoutMs: 10_000 });
    await begin();
    const isDown = async (): Promise<boolean> => {
      await store.batchGetFeatures(ids, ['n'], read);
      return store.stats().shards[address]?.state === 'down';
    };
    await waitUntil(isDown, { what: 'it is taken for down', timeoutMs: 10_000, intervalMs: 1 });
    const [id = '', spareId = ''] = ids.filter((one) => store.shardFor(one) === address);
    const subject = { store, disposable: store, id, spareId, ids };
    // Scans ask the nodes themselves, and no row.
    const scans = /scan|list|count|reset|everywhere/i;
    const timeoutMs = 5_000;
    const startedAtMs = performance.now();
    for (const name of CALL_NAMES.filter((one) => !scans.test(one))) {
      const { codes } = await runCall(name, subject, { timeoutMs });
      expect([name, codes]).toStrictEqual([name, ['SHARD_UNAVAILABLE']]);
    }
    expect(performance.now() - startedAtMs).toBeLessThan(timeoutMs);
    const failure = await store.getFeatures(id, ['n']).catch((error: unknown) => error);
    expect(failure).toMatchObject({
      code: 'SHARD_UNAVAILABLE',
      retryable: true,
      shard: address,
      cause: { name: 'FeatureStoreError', message: expect.stringContaining(address) },
      message: expect.stringMatching(/has been down for \d+ ms, .* Last seen: .* bring it back/),
    });
    await backAfter(store, await end());
  });

  it("with 'wait' every call takes its deadline, and no row fails with anything else", async () => {
    const store = await connect({ onShardDown: 'wait' });
    await begin();
    const { p50Ms, codes } = await measure(store, 20);
    expect(p50Ms).toBeGreaterThan(TIMEOUT_MS - 5);
    expect(Object.keys(codes)).toStrictEqual(['TIMEOUT']);
    expect(store.stats().shards[address]?.state).toBe('down');
    await backAfter(store, await end());
    expect(store.stats().shards[address]?.state).toBe('up');
  });
});

it('close ends the questions to a node that is down', async () => {
  const store = await connect();
  victim.signal('SIGSTOP');
  onTestFinished(() => victim.signal('SIGCONT'));
  await measure(store, 40);
  expect(store.stats().shards[address]?.state).toBe('down');
  await store.close();
  await expect.poll(() => socketsTo(victim.port), { timeout: 10_000 }).toBe(0);
  victim.signal('SIGCONT');
  const names = async (): Promise<string> => String(await victim.call('CLIENT', 'LIST'));
  await expect.poll(names, { timeout: 10_000 }).not.toContain('fstore');
});

/** Sockets of this process that lead to the port. */
function socketsTo(port: number): number {
  const handles = (process as unknown as { _getActiveHandles(): unknown[] })._getActiveHandles();
  return handles.filter((one) => one instanceof Object && Reflect.get(one, 'remotePort') === port)
    .length;
}
