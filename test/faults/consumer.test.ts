/**
 * At least once: a consumer that is killed at any moment, and starts again from the position that it
 * has committed last, leaves what one leaves that was never killed.
 */

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, it, onTestFailed, onTestFinished } from 'vitest';
import { startLocalCluster, type LocalCluster } from '../../rig/local-cluster/local-cluster.ts';
import { promotion, rejoin, replicated } from '../../rig/soak/failover.ts';
import { seededRandom } from '../../src/synthetic/seeded-random.ts';
import { FeatureStore } from '../../src/index.ts';
import type { LoggedEvent } from './consumer-child.ts';
import { faultsSeed } from './seed.ts';

const CHILD = fileURLToPath(new URL('./consumer-child.ts', import.meta.url));
const EVENT_COUNT = 5_000;
const ENTITIES_PER_KIND = 150;
const NAMES = ['a', 'b', 'c', 'd'];
/** Of a consumer, after it has committed for the first time. */
const MAX_LIFE_MS = 150;
/** A replica that comes back makes some of them end. */
const MAX_STARTS = 40;

let cluster: LocalCluster;
const random = seededRandom(faultsSeed);

beforeAll(async () => {
  cluster = await startLocalCluster({ portFrom: 22_380, nodeTimeoutMs: 1_500 });
});
afterAll(() => cluster[Symbol.asyncDispose]());

/**
 * Entities of events with times, which come in any order, and of events without, each with some of
 * the features, now and then to be deleted.
 */
function someEvents(): LoggedEvent[] {
  return Array.from({ length: EVENT_COUNT }, (_, offset) => {
    const names = NAMES.filter(() => random.next() < 0.5);
    const shared = names.map((name) => [name, random.next() < 0.2 ? null : `${name} ${offset}`]);
    // And one that no other event writes, so that each event that is missing is seen.
    const features = { ...Object.fromEntries(shared), [`only${offset}`]: 'there' };
    const n = random.integer(0, ENTITIES_PER_KIND - 1);
    if (random.next() < 0.5) return { offset, id: `plain${n}`, features };
    const eventTimeMs = 1_000 + offset + random.integer(-500, 500);
    return { offset, id: `timed${n}`, features, eventTimeMs };
  });
}

async function connect(keyPrefix: string): Promise<FeatureStore> {
  const store = await FeatureStore.connect({ nodes: cluster.urls, keyPrefix, timeoutMs: 30_000 });
  onTestFinished(async () => {
    await store.reset();
    await store.close();
  });
  return store;
}

/** Everything that the events may have written. */
async function stateOf(store: FeatureStore): Promise<unknown> {
  const ids = ['plain', 'timed'].flatMap((kind) =>
    Array.from({ length: ENTITIES_PER_KIND }, (_, n) => `${kind}${n}`),
  );
  const rows = await Promise.all(ids.map((id) => store.getFeatures(id)));
  const times = await store.batchGetFeatures(ids, ['@event_time']);
  return Object.fromEntries(ids.map((id, at) => [id, { ...rows[at], ...times[at] }]));
}

/** What one consumer leaves that nobody disturbs. */
async function undisturbed(events: readonly LoggedEvent[]): Promise<unknown> {
  const store = await connect('undisturbed:');
  const rows = events.map(({ id, features, eventTimeMs, offset }) => {
    const time = eventTimeMs === undefined ? {} : { eventTimeMs };
    return [id, features, { ...time, offset }] as const;
  });
  const { loaded, older, failed } = await store.updateStreamingBatch(rows);
  expect(older).toBeGreaterThan(EVENT_COUNT / 20);
  expect({ settled: loaded + older, failed }).toStrictEqual({ settled: EVENT_COUNT, failed: [] });
  return stateOf(store);
}

interface Log {
  /** Starts a consumer, kills it after so long, and gives what it has committed. */
  consume(killAfterMs?: number): Promise<{ isKilled: boolean; said: number[]; stderr: string }>;
  committed(): Promise<number>;
}

async function writeLog(
  events: readonly LoggedEvent[],
  keyPrefix: string,
  replicas: number,
): Promise<Log> {
  onTestFailed(() => console.error(`FAULTS_SEED=${faultsSeed}`));
  const folder = await mkdtemp(join(tmpdir(), 'consumer-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const [log, position] = [join(folder, 'log'), join(folder, 'position')];
  await writeFile(log, events.map((event) => `${JSON.stringify(event)}\n`).join(''));
  const env = {
    CONSUMER_NODES: cluster.urls.join(),
    CONSUMER_PREFIX: keyPrefix,
    CONSUMER_LOG: log,
    CONSUMER_POSITION: position,
    CONSUMER_REPLICAS: String(replicas),
  };
  const committed = async (): Promise<number> =>
    Number(await readFile(position, 'utf8').catch(() => '0'));
  return {
    committed,
    consume: async (killAfterMs) => {
      // One that is to be killed gets half of what is left, so that it has not ended by then.
      const left = EVENT_COUNT - (await committed());
      const holdAt = killAfterMs === undefined ? '' : String(EVENT_COUNT - Math.floor(left / 2));
      const child = execa(process.execPath, ['--import', 'tsx', CHILD], {
        env: { ...env, CONSUMER_HOLD_AT: holdAt },
        reject: false,
        timeout: 60_000,
      });
      const said: number[] = [];
      let isKilled = false;
      let killing: Promise<unknown> | undefined;
      const kill = async (afterMs: number): Promise<void> => {
        await pause(afterMs);
        isKilled = child.kill('SIGKILL');
      };
      for await (const line of child) {
        said.push(Number(line));
        if (killAfterMs !== undefined) killing ??= kill(killAfterMs);
      }
      await killing;
      const { stderr, signal } = await child;
      return { isKilled: isKilled && signal === 'SIGKILL', said, stderr };
    },
  };
}

it('leaves the same, however often it is killed', async () => {
  const events = someEvents();
  const expected = await undisturbed(events);
  const store = await connect('killed:');
  const log = await writeLog(events, 'killed:', 0);
  let committed = 0;
  const positions: number[] = [];
  for (let kills = 0; kills < 4; kills++) {
    const { isKilled, said, stderr } = await log.consume(random.integer(0, MAX_LIFE_MS));
    expect({ isKilled, stderr }).toStrictEqual({ isKilled: true, stderr: '' });
    // What it committed last it may not have said, and what it said it has committed.
    expect(said).toStrictEqual(said.toSorted((a, b) => a - b));
    expect(said[0]).toBeGreaterThan(committed);
    committed = await log.committed();
    expect(committed).toBeGreaterThanOrEqual(said.at(-1) ?? 0);
    positions.push(committed);
  }
  expect(committed).toBeLessThan(EVENT_COUNT);
  expect(await log.consume()).toMatchObject({ isKilled: false, stderr: '' });
  console.log(`killed at ${positions.join(', ')} of ${EVENT_COUNT}`);
  expect(await log.committed()).toBe(EVENT_COUNT);
  expect(await stateOf(store)).toStrictEqual(expected);
});

it('leaves the same when a primary is killed meanwhile, as what is committed is on a replica', async () => {
  const events = someEvents();
  const expected = await undisturbed(events);
  const store = await connect('both:');
  await replicated(cluster);
  const log = await writeLog(events, 'both:', 1);
  const [victim] = await cluster.primaries();
  if (victim === undefined) throw new Error('the cluster has no primary');
  let healing: Promise<void> | undefined;
  const strike = async (): Promise<void> => {
    await promotion(cluster, victim.port, () => cluster.kill(victim.port));
    await rejoin(cluster, victim);
  };
  let starts = 0;
  for (; (await log.committed()) < EVENT_COUNT && starts < MAX_STARTS; starts++) {
    const consumer = log.consume(starts < 3 ? random.integer(0, MAX_LIFE_MS) : undefined);
    // The first one has committed something, and is dead.
    if (starts === 1) healing = strike();
    await consumer;
    if (starts > 3) await healing;
  }
  await healing;
  console.log(`${starts} starts`);
  expect(await log.committed()).toBe(EVENT_COUNT);
  expect(await stateOf(store)).toStrictEqual(expected);
});
