/**
 * Large calls are done in slices: they hold the event loop as long as smaller ones do, and no
 * longer.
 */

import { performance, PerformanceObserver, type PerformanceEntry } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  startStandaloneServer,
  type StandaloneServer,
} from '../../rig/local-cluster/standalone-server.ts';
import { FeatureStore } from '../../src/index.ts';

const NAMES = Array.from({ length: 10_000 }, (_, n) => `feature_${n}`);
const ROW = Object.fromEntries(NAMES.map((name, n) => [name, n]));

let server: StandaloneServer;
let store: FeatureStore;

beforeAll(async () => {
  server = await startStandaloneServer({ portFrom: 21_950 });
  store = await FeatureStore.connect({ nodes: [server.url], timeoutMs: 60_000 });
  const redis = new Redis(server.url);
  for (const count of [20_000, 100_000]) {
    for (let from = 0; from < count; from += 5_000) {
      const pairs = Array.from({ length: 5_000 }, (_, i) => [`f${from + i}`, `v${from + i}`]);
      await redis.hset(store.keyFor(`e${count}`), ...pairs.flat());
    }
  }
  redis.disconnect();
  await store.bulkLoad(Array.from({ length: 20 }, (_, n) => [`wide${n}`, ROW]));
}, 60_000);
afterAll(async () => {
  await store.close();
  await server[Symbol.asyncDispose]();
});

interface Hold {
  readonly startMs: number;
  readonly endMs: number;
  readonly cpuMs: number;
}

/** Each turn of the event loop while `call` runs. */
async function holdsOf(call: () => Promise<unknown>): Promise<Hold[]> {
  const holds: Hold[] = [];
  const cpuMs = (): number => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1_000;
  };
  let last = { atMs: performance.now(), cpuMs: cpuMs() };
  let isRunning = true;
  const tick = (): void => {
    const now = { atMs: performance.now(), cpuMs: cpuMs() };
    holds.push({ startMs: last.atMs, endMs: now.atMs, cpuMs: now.cpuMs - last.cpuMs });
    last = now;
    if (isRunning) setImmediate(tick);
  };
  setImmediate(tick);
  await call();
  await new Promise((resolve) => setImmediate(resolve));
  isRunning = false;
  return holds;
}

/**
 * The longest turn, without what V8 collected in it: how long that takes is a matter of the heap.
 * By the processor's time or the clock's, whichever is less: other processes take from both.
 */
async function longestHoldMs(call: () => Promise<unknown>): Promise<number> {
  const collections: PerformanceEntry[] = [];
  const observer = new PerformanceObserver((list) => collections.push(...list.getEntries()));
  observer.observe({ entryTypes: ['gc'] });
  const holds = await holdsOf(call);
  await delay(1); // entries come a turn later
  observer.disconnect();
  const lengths = holds.map(({ startMs, endMs, cpuMs }) => {
    const inside = collections.map(({ startTime, duration }) =>
      Math.max(0, Math.min(endMs, startTime + duration) - Math.max(startMs, startTime)),
    );
    return Math.min(cpuMs, endMs - startMs - inside.reduce((sum, ms) => sum + ms, 0));
  });
  return Math.max(...lengths);
}

/** The least of some runs: what else runs on the machine only adds to it. */
async function leastHoldMs(call: () => Promise<unknown>): Promise<number> {
  const measured: number[] = [];
  for (let run = 0; run < 5; run++) measured.push(await longestHoldMs(call));
  return Math.min(...measured);
}

const ids = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, n) => `${prefix}${n}`);

/** What is done few times and many; many is at least five times as much. */
const calls: Record<string, (size: 'few' | 'many') => Promise<unknown>> = {
  inspect: (size) => store.inspect(size === 'few' ? 'e20000' : 'e100000'),
  'getFeatures of all': (size) => store.getFeatures(size === 'few' ? 'e20000' : 'e100000'),
  'a batch of 10,000 names': (size) =>
    store.batchGetFeatures(ids('wide', size === 'few' ? 4 : 20), NAMES),
  'an online batch of 1,000 names': (size) =>
    store.batchGetFeatures(ids('wide', size === 'few' ? 20 : 100), NAMES.slice(0, 1_000)),
  'a load of rows of 10,000 features': (size) =>
    store.bulkLoad(ids('load', size === 'few' ? 4 : 60).map((id) => [id, ROW])),
};

it.each(Object.entries(calls))(
  '%s: many times as much holds the event loop no longer',
  async (_, call) => {
    await call('few');
    await call('many');
    const [few, many] = [
      await leastHoldMs(() => call('few')),
      await leastHoldMs(() => call('many')),
    ];
    expect(many / few).toBeLessThan(3); // 5, were it done in one piece
  },
  60_000,
);

it('a million rows that fail hold it for less than it takes to make an object of each', async () => {
  const unknown = ids('u', 1_000_000);
  const fail = async (): Promise<void> => {
    const late = { timeoutMs: 1, onFailure: 'return' } as const;
    const { failed } = await store.batchGetFeatures(unknown, ['a'], late);
    expect(failed.length).toBeGreaterThan(100_000);
  };
  const makeObjects = async (): Promise<void> => {
    expect(unknown.map((id) => ({ id, error: undefined }))).toHaveLength(unknown.length);
  };
  await fail();
  const [hold, objects] = [await leastHoldMs(fail), await leastHoldMs(makeObjects)];
  expect(hold / objects).toBeLessThan(1);
}, 60_000);
