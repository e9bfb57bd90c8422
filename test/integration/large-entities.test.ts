/** Calls whose answer is large cost in proportion to it, and not to its square. */

import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  startStandaloneServer,
  type StandaloneServer,
} from '../../rig/local-cluster/standalone-server.ts';
import { FeatureStore } from '../../src/index.ts';

const MANY = 40_000;
const FEW = 10_000;

let server: StandaloneServer;
let store: FeatureStore;

beforeAll(async () => {
  server = await startStandaloneServer({ portFrom: 21_900 });
  store = await FeatureStore.connect({ nodes: [server.url], timeoutMs: 60_000 });
  const redis = new Redis(server.url);
  for (const count of [FEW, MANY]) {
    for (let from = 0; from < count; from += 5_000) {
      const pairs = Array.from({ length: 5_000 }, (_, i) => [nameOf(from + i), `v${from + i}`]);
      await redis.hset(store.keyFor(`e${count}`), ...pairs.flat());
    }
  }
  redis.disconnect();
}, 60_000);
afterAll(async () => {
  await store.close();
  await server[Symbol.asyncDispose]();
});

function nameOf(n: number): string {
  return `feature_${String((n * 7_919) % 1_000_003).padStart(7, '0')}`;
}

/** The least of some runs: what else runs on the machine only adds to it. */
async function leastOf(measure: () => Promise<number>): Promise<number> {
  const measured: number[] = [];
  for (let run = 0; run < 5; run++) measured.push(await measure());
  return Math.min(...measured);
}

async function cpuMsOf(call: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await call();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

const calls = {
  inspect: async (count: number): Promise<void> => {
    const { fields } = await store.inspect(`e${count}`);
    expect(fields).toHaveLength(count);
    expect(fields[0]).toMatchObject({ name: nameOf(0), value: 'v0', ttlSeconds: -1 });
  },
  'getFeatures of all': async (count: number): Promise<void> => {
    const row = await store.getFeatures(`e${count}`);
    expect(row[nameOf(count - 1)]).toBe(`v${count - 1}`);
  },
};

it.each(Object.entries(calls))(
  '%s costs about four times as much for four times as many features',
  async (_, call) => {
    await call(FEW);
    const few = await leastOf(() => cpuMsOf(() => call(FEW)));
    const many = await leastOf(() => cpuMsOf(() => call(MANY)));
    expect(many / few).toBeLessThan(10); // 16, were it quadratic
  },
  60_000,
);

it('fieldTtlsSeconds of 10,000 names costs no more than four times as much as of 2,500', async () => {
  const ttlsOf = async (count: number): Promise<void> => {
    const names = Array.from({ length: count }, (__, n) => nameOf(n));
    const ttls = await store.fieldTtlsSeconds(`e${MANY}`, names);
    expect(Object.keys(ttls)).toHaveLength(count);
  };
  await ttlsOf(2_500);
  const few = await leastOf(() => cpuMsOf(() => ttlsOf(2_500)));
  const many = await leastOf(() => cpuMsOf(() => ttlsOf(10_000)));
  expect(many / few).toBeLessThan(10);
});
