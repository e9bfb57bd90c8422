/**
 * A process of its own that uses a store as `LEAKS_WORK` says, says on stdout what it holds, a
 * JSON line each time, and never ends itself: it ends when nothing is left that keeps it.
 */

import { getEventListeners, type EventEmitter } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { processUse } from '../../rig/soak/process-use.ts';
import { sample, seededRandom, type Random } from '../../src/synthetic/seeded-random.ts';
import { FeatureStore, FeatureStoreError, type CallOptions } from '../../src/index.ts';

/** What the process holds between two batches. */
export interface Holding {
  readonly batches: number;
  readonly failures: Readonly<Record<string, number>>;
  readonly heapMb: number;
  readonly handles: Readonly<Record<string, number>>;
  /** Of the signal that all calls share. */
  readonly signalListeners: number;
  /** The most that one socket has. */
  readonly socketListeners: number;
  readonly processListeners: number;
}

const BATCHES = Number(process.env['LEAKS_BATCHES']);
const BATCHES_PER_WINDOW = 200;
const CALLERS = 4;
const nodes = (process.env['LEAKS_NODES'] ?? '').split(',');
const seed = Number(process.env['FAULTS_SEED']);
const ids = Array.from({ length: 2_000 }, (_, n) => `u${n}`);
const rows = ids.map((id, n) => [id, { n }] as const);
const kept: unknown[] = [];

const WORK: Readonly<Record<string, () => Promise<void>>> = {
  'batches with faults': () => batchesWithFaults(false),
  'batches that are kept': () => batchesWithFaults(true),
  'a store that is closed': async () => {
    const store = await FeatureStore.connect({ nodes });
    await store.bulkLoad(rows);
    await store.updateStreaming('u1', { s: 1 });
    for await (const _ of store.streamFeatures(ids, ['n'], { chunkSize: 100 })) break;
    await store.close();
  },
  'a store that is closed while it works': async () => {
    const store = await FeatureStore.connect({ nodes });
    const calls = [store.bulkLoad(rows), store.countEntities(), store.batchGetFeatures(ids, ['n'])];
    await store.close();
    await Promise.allSettled(calls);
  },
  'stores that could not be connected': async () => {
    const refused = [
      FeatureStore.connect({ nodes: ['127.0.0.1:1'] }),
      FeatureStore.connect({ nodes, redisOptions: { password: 'wrong', username: 'nobody' } }),
    ];
    for (const { status } of await Promise.allSettled(refused)) {
      if (status === 'fulfilled') throw new Error('it was connected');
    }
  },
  'a store that is not closed': async () => {
    const store = await FeatureStore.connect({ nodes });
    await store.getFeatures('u1', ['n']);
    // Fires only where something else keeps the process.
    setTimeout(() => {
      console.log('"kept alive"');
      void store.close();
    }, 500).unref();
  },
};

async function batchesWithFaults(keep: boolean): Promise<void> {
  const store = await FeatureStore.connect({ nodes, timeoutMs: 20_000 });
  await store.bulkLoad(rows);
  const shared = new AbortController().signal;
  const failures: Record<string, number> = {};
  let batches = 0;
  const work = async (random: Random, end: number): Promise<void> => {
    while (batches < end) {
      batches++;
      try {
        const result = await oneBatch(store, random, shared);
        if (keep) kept.push(result);
      } catch (error) {
        if (!(error instanceof FeatureStoreError)) throw error;
        const code = error.cause instanceof FeatureStoreError ? error.cause.code : error.code;
        failures[code] = (failures[code] ?? 0) + 1;
      }
    }
  };
  const callers = Array.from({ length: CALLERS }, (_, n) => seededRandom(seed + n));
  for (let end = BATCHES_PER_WINDOW; end <= BATCHES; end += BATCHES_PER_WINDOW) {
    await Promise.all(callers.map((random) => work(random, end)));
    await store.batchGetFeatures(ids, ['n']); // after it nothing is under way
    console.log(JSON.stringify(holding(batches, failures, shared)));
  }
  await store.close();
}

/** One call in three ends before its time. */
async function oneBatch(
  store: FeatureStore,
  random: Random,
  shared: AbortSignal,
): Promise<unknown> {
  const some = sample(random, ids, random.integer(1, 300));
  const options = random.weighted<() => CallOptions>([
    [() => ({ signal: shared }), 4],
    [() => ({ signal: shared, timeoutMs: random.integer(1, 4) }), 1],
    [() => ({ signal: AbortSignal.timeout(random.integer(0, 4)) }), 1],
  ])();
  const name = `x${random.integer(0, 1_000_000_000)}`;
  const call = random.weighted<() => Promise<unknown>>([
    [() => store.batchGetFeatures(some, ['n', 's', name], options), 6],
    [() => store.getFeatures(some[0] ?? '', ['n'], options), 2],
    [() => store.bulkLoad(some.map((id) => [id, { n: name }] as const).values(), options), 2],
    [
      () =>
        store.updateStreamingBatch(
          some.map((id) => [id, { s: name }]),
          options,
        ),
      2,
    ],
    [() => firstChunk(store, some, options), 1],
  ]);
  return call();
}

async function firstChunk(
  store: FeatureStore,
  some: readonly string[],
  options: CallOptions,
): Promise<unknown> {
  for await (const chunk of store.streamFeatures(some, ['n'], { ...options, chunkSize: 20 })) {
    return chunk;
  }
  return undefined;
}

function holding(
  batches: number,
  failures: Readonly<Record<string, number>>,
  shared: AbortSignal,
): Holding {
  const { heapMb, handles } = processUse();
  const active: unknown = Reflect.get(process, '_getActiveHandles').call(process);
  const emitters = (Array.isArray(active) ? active : []) as EventEmitter[];
  return {
    batches,
    failures,
    heapMb,
    handles,
    signalListeners: getEventListeners(shared, 'abort').length,
    socketListeners: Math.max(...emitters.map(listenersOf)),
    processListeners: listenersOf(process),
  };
}

function listenersOf(emitter: EventEmitter): number {
  return emitter.eventNames().reduce((count, name) => count + emitter.listenerCount(name), 0);
}

const work = WORK[process.env['LEAKS_WORK'] ?? ''];
if (work === undefined) throw new Error('LEAKS_WORK names no work');
await work();
await pause(0);
console.log('"done"');
