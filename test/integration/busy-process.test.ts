/** The event loop is held past the deadline while the replies lie in the sockets: they count. */

import { beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import { nextTurn } from '../../src/runtime/slices.ts';
import { FeatureStore } from '../../src/index.ts';
import { keysOf } from './bulk-rows.ts';
import { ServerProbe } from './server-probe.ts';

const NAMES = ['f'];
const ids = keysOf(2_000);
const rows = ids.map((id) => [id, { f: id }] as const);
const options = { timeoutMs: 100 };
const HELD_MS = 150;

function hold(ms: number): void {
  const endAtMs = performance.now() + ms;
  while (performance.now() < endAtMs);
}

function commandsOf(store: FeatureStore): number {
  return Object.values(store.stats().shards).reduce((sum, { commands }) => sum + commands, 0);
}

/** Holds the loop once what the call begins with is on its way; at once where `turns` is 0. */
async function held<T>(call: Promise<T>, turns: number): Promise<T> {
  call.catch(() => undefined); // awaited below
  for (let turn = 0; turn < turns; turn++) await nextTurn();
  hold(HELD_MS);
  return call;
}

describe.each(['a cluster', 'one server'] as const)('%s', (kind) => {
  const keyPrefix = `busy-${kind.length}:`;
  const nodes = (): string[] =>
    kind === 'a cluster' ? [...inject('clusterNodes')] : [inject('standaloneUrl')];

  async function connect(): Promise<FeatureStore> {
    const store = await FeatureStore.connect({ nodes: nodes(), keyPrefix, warmUp: true });
    onTestFinished(() => store.close());
    // The servers are asked for their commands, and all lanes are open.
    await store.updateStreaming('u0', { s: 1 });
    await store.bulkLoad(rows.slice(0, 100), { minReplicas: kind === 'a cluster' ? 1 : 0 });
    return store;
  }

  beforeAll(async () => {
    await using store = await FeatureStore.connect({ nodes: nodes(), keyPrefix });
    await store.bulkLoad(rows);
  });

  test.each([0, 1])('single reads, held after %i turns: 10 of 10 are right', async (turns) => {
    const store = await connect();
    for (const id of ids.slice(0, 10)) {
      expect(await held(store.getFeatures(id, NAMES, options), turns)).toStrictEqual({ f: id });
    }
  });

  test.each([1, 10, 1_000, 2_000])('batches of %i ids', async (count) => {
    // No online reads before it, beside which bulk work would go in small steps.
    const store = await FeatureStore.connect({ nodes: nodes(), keyPrefix, warmUp: true });
    onTestFinished(() => store.close());
    const probe = await ServerProbe.start(nodes());
    const some = ids.slice(0, count);
    for (let round = 0; round < 3; round++) {
      const sentBefore = commandsOf(store);
      const read = store.batchGetFeatures(some, NAMES, options);
      read.catch(() => undefined); // awaited below
      // Commands are counted before they are written, which is at the end of the tick.
      do await nextTurn();
      while (commandsOf(store) < sentBefore + count);
      probe.holdUntilAnswered();
      expect(await held(read, 0)).toStrictEqual(some.map((f) => ({ f })));
    }
  });

  test('loads, with and without confirmation, and streaming writes', async () => {
    const store = await connect();
    // What goes at once beside online reads, which the streaming write above was.
    const some = rows.slice(0, 16);
    const load = await held(store.bulkLoad(some, options), 1);
    expect(load).toMatchObject({ loaded: some.length, failed: [] });
    const minReplicas = kind === 'a cluster' ? 1 : 0;
    const confirmed = await held(store.bulkLoad(some, { ...options, minReplicas }), 1);
    expect(confirmed).toMatchObject({ loaded: some.length, failed: [] });
    await held(store.updateStreaming('u1', { s: 1 }, options), 1);
  });

  test('a scan', async () => {
    const store = await connect();
    expect(await held(store.countEntities(options), 1)).toBeGreaterThanOrEqual(ids.length);
  });

  test('a signal acts at once, whatever lies in the sockets', async () => {
    const store = await connect();
    const caller = new AbortController();
    const read = store.getFeatures('u1', NAMES, { ...options, signal: caller.signal });
    read.catch(() => undefined); // awaited below
    hold(HELD_MS);
    caller.abort();
    await expect(read).rejects.toMatchObject({ code: 'ABORTED' });
  });
});
