/**
 * Nothing grows over thousands of batches with faults, and nothing keeps a process once its store
 * is closed.
 */

import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { Cluster, Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { startLocalCluster, type LocalCluster } from '../../rig/local-cluster/local-cluster.ts';
import { SlotMover } from '../../rig/soak/slot-mover.ts';
import { sample, seededRandom } from '../../src/synthetic/seeded-random.ts';
import { FeatureStore } from '../../src/index.ts';
import type { Holding } from './leaks-child.ts';
import { faultsSeed } from './seed.ts';

const CHILD = fileURLToPath(new URL('./leaks-child.ts', import.meta.url));
const BATCHES = 2_000;
/** Windows of batches in which buffers and caches grow to their size. */
const WARM_UP_WINDOWS = 3;
const MAX_GROWTH_MB = 1.5;
/** Between two rounds of trouble: retries must get through. */
const REST_MS = 200;
/** ioredis gives a connection that it closes 2 s to end. */
const LINGERS_MS = 3_000;
/** A few on each of three nodes: lanes, ioredis's own, and one or two that are on their way out. */
const MAX_SOCKETS = 20;

let cluster: LocalCluster;

beforeAll(async () => {
  cluster = await startLocalCluster({
    portFrom: 22_640,
    replicasPerPrimary: 0,
    nodeTimeoutMs: 120_000,
  });
});
afterAll(() => cluster[Symbol.asyncDispose]());

interface ChildEnd {
  readonly said: readonly unknown[];
  readonly exitCode: number | undefined;
  readonly stderr: string;
  /** From its last word to its end. */
  readonly lingeredMs: number;
}

/** Runs the child until it ends by itself, which it must soon after its last word. */
async function runChild(work: string, batches = 0): Promise<ChildEnd> {
  const env = {
    LEAKS_WORK: work,
    LEAKS_NODES: cluster.urls.join(),
    LEAKS_BATCHES: String(batches),
    FAULTS_SEED: String(faultsSeed),
  };
  const child = execa(process.execPath, ['--import', 'tsx', CHILD], {
    env,
    reject: false,
    timeout: 120_000,
  });
  const said: unknown[] = [];
  let lastWordAtMs = performance.now();
  for await (const line of child) {
    said.push(JSON.parse(line));
    lastWordAtMs = performance.now();
  }
  const { exitCode, stderr } = await child;
  return { said, exitCode, stderr, lingeredMs: performance.now() - lastWordAtMs };
}

/** Slots move and connections are killed, until it is called off. */
async function makeTrouble(signal: AbortSignal): Promise<{ moved: number; kills: number }> {
  const random = seededRandom(faultsSeed);
  const trouble = { moved: 0, kills: 0 };
  await using mover = await SlotMover.open(cluster);
  while (!signal.aborted) {
    const slots = Array.from({ length: 30 }, () => random.integer(0, 16_383));
    const to = random.pick(mover.primaries as [(typeof mover.primaries)[0]]);
    trouble.moved += await mover.moveAll([...new Set(slots)], to, 4);
    const [victim] = sample(random, mover.primaries, 1);
    await victim?.client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    trouble.kills++;
    await pause(REST_MS);
  }
  return trouble;
}

function windowsOf({ said }: ChildEnd): Holding[] {
  return said.filter((word): word is Holding => typeof word === 'object');
}

/** From the least that was held after the warm-up's half to the least at the end. */
function growthMb(windows: readonly Holding[]): number {
  const least = (some: readonly Holding[]): number => Math.min(...some.map((one) => one.heapMb));
  const warm = windows.slice(WARM_UP_WINDOWS);
  return least(warm.slice(-3)) - least(warm.slice(0, 3));
}

it('grows by nothing over thousands of batches with faults, and ends', async () => {
  const over = new AbortController();
  const trouble = makeTrouble(over.signal);
  const end = await runChild('batches with faults', BATCHES).finally(() => over.abort());
  const made = await trouble;
  expect([end.exitCode, end.stderr, end.said.at(-1)]).toStrictEqual([0, '', 'done']);
  expect(end.lingeredMs).toBeLessThan(LINGERS_MS);
  const windows = windowsOf(end);
  const last = windows.at(-1);
  console.log(
    `seed ${faultsSeed}: ${JSON.stringify(made)}, failed ${JSON.stringify(last?.failures)},`,
    `heap ${windows.map(({ heapMb }) => heapMb.toFixed(2)).join(' ')} MB,`,
    `handles ${JSON.stringify(last?.handles)}`,
  );
  expect(last?.batches).toBe(BATCHES);
  // The faults were there.
  expect(made.kills).toBeGreaterThan(8);
  expect(last?.failures).toMatchObject({
    TIMEOUT: expect.any(Number),
    ABORTED: expect.any(Number),
  });
  expect(growthMb(windows)).toBeLessThan(MAX_GROWTH_MB);
  for (const { handles, signalListeners, socketListeners, processListeners } of windows) {
    expect(handles['TCPSocketWrap']).toBeLessThanOrEqual(MAX_SOCKETS);
    expect(handles['Timeout'] ?? 0).toBeLessThanOrEqual(MAX_SOCKETS);
    expect(signalListeners).toBe(0);
    expect(socketListeners).toBeLessThanOrEqual(windows[0]?.socketListeners ?? 0);
    expect(processListeners).toBe(windows[0]?.processListeners);
  }
});

it('would see a leak: rows that somebody keeps', async () => {
  const windows = windowsOf(await runChild('batches that are kept', BATCHES));
  expect(growthMb(windows)).toBeGreaterThan(2 * MAX_GROWTH_MB);
});

it.each([
  'a store that is closed',
  'a store that is closed while it works',
  'stores that could not be connected',
])('lets the process end: %s', async (work) => {
  const { said, exitCode, stderr, lingeredMs } = await runChild(work);
  expect([said, exitCode, stderr]).toStrictEqual([['done'], 0, '']);
  expect(lingeredMs).toBeLessThan(LINGERS_MS);
});

it('keeps the process while it is not closed', async () => {
  const { said, exitCode } = await runChild('a store that is not closed');
  expect([said, exitCode]).toStrictEqual([['done', 'kept alive'], 0]);
});

it.each([
  ['Cluster', () => new Cluster(cluster.nodes.map(({ host, port }) => ({ host, port })))],
  ['Redis', () => new Redis({ host: '127.0.0.1', port: cluster.nodes[0]!.port })],
] as const)('leaves no listener on a %s that was given', async (_, make) => {
  const redis = make();
  onTestFinished(() => redis.disconnect());
  await redis.ping();
  const listeners = (): Record<string, number> =>
    Object.fromEntries(redis.eventNames().map((name) => [String(name), redis.listenerCount(name)]));
  const before = listeners();
  for (let round = 0; round < 12; round++) {
    await using store = await FeatureStore.connect({ redis, keyPrefix: 'given:' });
    await store.bulkLoad({ u1: { n: round } });
  }
  expect(listeners()).toStrictEqual(before);
  expect(await redis.ping()).toBe('PONG');
});
