/** What happened on the way is reported on diagnostics channels, and counted the same in `stats()`. */

import diagnostics from 'node:diagnostics_channel';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest';
import { startLocalCluster, type LocalCluster } from '../../rig/local-cluster/local-cluster.ts';
import type { RedisNode } from '../../rig/local-cluster/redis-node.ts';
import { waitUntil } from '../../rig/local-cluster/wait-until.ts';
import {
  FeatureStore,
  type ConnectionLostEvent,
  type RefreshEvent,
  type RowsEvent,
} from '../../src/index.ts';
import { ScriptedServer } from './scripted-server.ts';
import { SlotMover } from '../../rig/soak/slot-mover.ts';

const ROWS_KINDS = ['redirect', 'retry', 'timeout', 'failure'] as const;
const KINDS = [...ROWS_KINDS, 'connection-lost', 'refresh'] as const;
const channelOf = (kind: string): string => `cluster-feature-store:${kind}`;
const root = fileURLToPath(new URL('../..', import.meta.url));
const vip = Array.from({ length: 60 }, (_, n) => `v${n}`);
const ids = Array.from({ length: 300 }, (_, n) => `u${n}`);

interface Heard extends Record<(typeof ROWS_KINDS)[number], RowsEvent[]> {
  readonly 'connection-lost': ConnectionLostEvent[];
  readonly refresh: RefreshEvent[];
}

let cluster: LocalCluster;
let victim: RedisNode;
let address: string;
let keyPrefixCount = 0;

beforeAll(async () => {
  // Nobody takes a silent node for dead.
  const shape = { replicasPerPrimary: 0, nodeTimeoutMs: 120_000 };
  cluster = await startLocalCluster({ portFrom: 21_800, ...shape });
  victim = cluster.nodes[1]!;
  address = `${victim.host}:${victim.port}`;
});
afterAll(() => cluster[Symbol.asyncDispose]());

/** With rows in it, and connections that are open. */
async function connect(vipMembers: readonly string[] = [], group = 'vip'): Promise<FeatureStore> {
  const store = await FeatureStore.connect({
    nodes: cluster.urls,
    keyPrefix: `told${keyPrefixCount++}:`,
    vipGroups: { [group]: vipMembers },
    warmUp: true,
  });
  onTestFinished(() => store.close());
  await store.bulkLoad([...ids, ...vipMembers].map((id, n) => [id, { n }] as const));
  store.resetStats();
  return store;
}

/** Everything that is reported from now on until the test ends. */
function hear(): Heard {
  const heard: Heard = {
    redirect: [],
    retry: [],
    timeout: [],
    failure: [],
    'connection-lost': [],
    refresh: [],
  };
  for (const kind of KINDS) {
    const listen = (event: unknown): void => void heard[kind].push(event as never);
    diagnostics.subscribe(channelOf(kind), listen);
    onTestFinished(() => void diagnostics.unsubscribe(channelOf(kind), listen));
  }
  return heard;
}

function rowCount(events: readonly RowsEvent[]): number {
  return events.reduce((sum, event) => sum + event.rowCount, 0);
}

/** Rows by slot, as `events` tell. */
function bySlot(events: readonly RowsEvent[]): Record<number, number> {
  const counts: Record<number, number> = {};
  for (const { slot, rowCount: count } of events) counts[slot] = (counts[slot] ?? 0) + count;
  return counts;
}

function slotsOf(store: FeatureStore, some: readonly string[]): Record<number, number> {
  return bySlot(
    some.map((id) => ({ shard: address, slot: store.slotFor(id), rowCount: 1, attempt: 1 })),
  );
}

/** The counters of every shard are the sums of what was told about it. */
function expectSameCounts(store: FeatureStore, heard: Heard): void {
  const of = (kind: (typeof ROWS_KINDS)[number], shard: string): number =>
    rowCount(heard[kind].filter((event) => (event.shard ?? 'no owner') === shard));
  const { shards, refreshes } = store.stats();
  expect(heard.refresh).toHaveLength(refreshes);
  const told = KINDS.slice(0, 5).flatMap((kind) =>
    heard[kind as 'redirect'].map(({ shard }) => shard ?? 'no owner'),
  );
  for (const shard of new Set([...Object.keys(shards), ...told])) {
    expect([shard, shards[shard]]).toMatchObject([
      shard,
      {
        redirects: of('redirect', shard),
        retries: of('retry', shard),
        timeouts: of('timeout', shard),
        failedRows: of('failure', shard),
        lostConnections: heard['connection-lost'].filter((lost) => lost.shard === shard).length,
      },
    ]);
  }
}

it('redirect: which shard sent how many rows of which slot where, ASK and MOVED', async () => {
  await using mover = await SlotMover.open(cluster);
  const store = await connect(vip);
  const heard = hear();
  const { slot } = store.vipGroup('vip');
  const move = await mover.begin(slot);
  await mover.moveKeys(move, 25);
  const [from, to] = [move.from, move.to].map(({ host, port }) => `${host}:${port}`);
  await store.vipGroup('vip').batchGetFeatures(['n']);
  expect(heard.redirect).toStrictEqual([{ shard: from, slot, rowCount: 25, attempt: 1, to }]);
  expect(heard.refresh).toStrictEqual([]);

  // And on, before the store has heard of it: MOVED to the next, which ASKs the one after it.
  await mover.finish(move);
  await mover.settle();
  const further = await mover.begin(slot);
  await mover.moveKeys(further, 10);
  const last = `${further.to.host}:${further.to.port}`;
  heard.redirect.length = 0;
  store.resetStats();
  await store.vipGroup('vip').batchGetFeatures(['n']);
  expect(heard.redirect).toStrictEqual([
    { shard: from, slot, rowCount: 60, attempt: 1, to },
    { shard: to, slot, rowCount: 10, attempt: 2, to: last },
  ]);
  await expect.poll(() => heard.refresh.length).toBe(1);
  expectSameCounts(store, heard);
  await mover.finish(further);
});

it('single reads and writes: a redirect each for those that moved, and one request more', async () => {
  await using mover = await SlotMover.open(cluster);
  const store = await connect(vip, 'singles');
  const heard = hear();
  const { slot } = store.vipGroup('singles');
  const move = await mover.begin(slot);
  await mover.moveKeys(move, 25);
  const [from, to] = [move.from, move.to].map(({ host, port }) => `${host}:${port}`);
  const asked = { shard: from, slot, rowCount: 1, attempt: 1, to };
  const pipelines = (): number =>
    Object.values(store.stats().shards).reduce((sum, shard) => sum + shard.pipelines, 0);

  const rows = await Promise.all(vip.map((id) => store.getFeatures(id, ['n'])));
  expect(rows).toStrictEqual(vip.map((_, n) => ({ n: String(ids.length + n) })));
  expect(heard.redirect).toStrictEqual(Array.from({ length: 25 }, () => asked));
  expect(pipelines()).toBe(vip.length + 25);

  await Promise.all(vip.map((id) => store.updateBatchFeature(id, 'n', 'new')));
  expect(heard.redirect).toHaveLength(50);
  expect(pipelines()).toBe(2 * (vip.length + 25));
  expect(await store.vipGroup('singles').batchGetFeatures(['n'])).toStrictEqual(
    vip.map(() => ({ n: 'new' })),
  );
  expectSameCounts(store, heard);
  await mover.finish(move);
});

it('retry and connection-lost: a connection that closes under a read, twice', async () => {
  let cuts = 2;
  const server = await ScriptedServer.start(([name], { socket }) => {
    if (name !== 'HMGET') return '+OK\r\n';
    if (cuts === 0) return '*1\r\n$1\r\n7\r\n';
    cuts--;
    socket.destroy();
    return undefined;
  });
  const store = await FeatureStore.connect({ nodes: [server.url] });
  onTestFinished(() => store.close());
  const heard = hear();
  expect(await store.getFeatures('u1', ['n'])).toStrictEqual({ n: '7' });
  const shard = server.url.slice('redis://'.length);
  const error = expect.objectContaining({ code: 'CONNECTION_LOST' });
  const slot = store.slotFor('u1');
  expect(heard['connection-lost'].slice(0, 1)).toStrictEqual([{ shard, attempt: 1, error }]);
  expect(heard['connection-lost'].length).toBeGreaterThanOrEqual(2);
  // A reconnection that is backed off is one more of the same.
  expect(heard['connection-lost']).toStrictEqual(
    heard['connection-lost'].map((_, n) => ({ shard, attempt: n + 1, error })),
  );
  expect(heard.retry).toStrictEqual(
    heard['connection-lost'].map((_, n) => ({ shard, slot, rowCount: 1, attempt: n + 1, error })),
  );
  expect([heard.redirect, heard.timeout, heard.failure]).toStrictEqual([[], [], []]);
  expectSameCounts(store, heard);
});

it('timeout and failure: the rows of a silent shard, slot by slot', async () => {
  const store = await connect();
  const silent = ids.filter((id) => store.shardFor(id) === address);
  const heard = hear();
  victim.signal('SIGSTOP');
  onTestFinished(() => victim.signal('SIGCONT'));
  const options = { timeoutMs: 250, onFailure: 'return' } as const;
  const { failed } = await store.batchGetFeatures(ids, ['n'], options);
  expect(failed).toHaveLength(silent.length);
  const error = expect.objectContaining({ code: 'TIMEOUT' });
  for (const kind of ['timeout', 'failure'] as const) {
    expect(bySlot(heard[kind])).toStrictEqual(slotsOf(store, silent));
    for (const event of heard[kind]) {
      expect(event).toMatchObject({ shard: address, attempt: 1, error });
    }
  }
  expect([heard.redirect, heard.retry, heard['connection-lost']]).toStrictEqual([[], [], []]);
  expectSameCounts(store, heard);
});

it('failure without a timeout: a key of another type', async () => {
  const store = await connect();
  const id = ids.find((one) => store.shardFor(one) === address) ?? '';
  await victim.call('DEL', store.keyFor(id));
  await victim.call('SET', store.keyFor(id), 'a string');
  const heard = hear();
  await expect(store.getFeatures(id, ['n'])).rejects.toMatchObject({ code: 'WRONG_TYPE' });
  const error = expect.objectContaining({ code: 'WRONG_TYPE' });
  const slot = store.slotFor(id);
  expect(heard.failure).toStrictEqual([{ shard: address, slot, rowCount: 1, attempt: 1, error }]);
  expect([heard.timeout, heard.retry]).toStrictEqual([[], []]);
  expectSameCounts(store, heard);
});

it('a killed primary: lost, tried again, given up', async () => {
  const store = await connect();
  const dead = ids.filter((id) => store.shardFor(id) === address);
  const heard = hear();
  victim.signal('SIGSTOP');
  const options = { timeoutMs: 1_500, onFailure: 'return' } as const;
  const reading = store.batchGetFeatures(ids, ['n'], options);
  const isSent = async (): Promise<boolean> => (store.stats().shards[address]?.pipelines ?? 0) > 0;
  await waitUntil(isSent, { what: 'the rows are sent', timeoutMs: 1_000, intervalMs: 1 });
  await cluster.kill(victim.port);
  const { failed } = await reading;
  await cluster.restart(victim.port);
  await cluster.waitHealthy();
  expect(failed).toHaveLength(dead.length);
  expect(heard['connection-lost'][0]).toMatchObject({
    shard: address,
    attempt: 1,
    error: { code: 'CONNECTION_LOST' },
  });
  const first = heard.retry.filter(({ attempt }) => attempt === 1);
  expect(bySlot(first)).toStrictEqual(slotsOf(store, dead));
  const attempts = heard.retry.map(({ attempt }) => attempt);
  expect(attempts).toStrictEqual(attempts.toSorted((a, b) => a - b));
  expect(attempts.at(-1)).toBeGreaterThan(1);
  expect(rowCount(heard.timeout)).toBe(dead.length);
  expect(rowCount(heard.failure)).toBe(dead.length);
  for (const { shard, attempt, error } of [...heard.timeout, ...heard.failure]) {
    expect([shard, error?.code]).toStrictEqual([address, 'TIMEOUT']);
    expect(attempt).toBeGreaterThan(1);
  }
  expectSameCounts(store, heard);
});

it('rows whose slot nobody owns: no shard, attempt 0, counted under "no owner"', async () => {
  const store = await connect();
  const [id = ''] = ids;
  const slot = store.slotFor(id);
  const owner = await cluster.primaryOfSlot(slot);
  for (const node of cluster.nodes) await node.call('CLUSTER', 'DELSLOTS', slot);
  try {
    await store.topology({ refresh: true });
    expect(store.shardFor(id)).toBeUndefined();
    store.resetStats();
    const heard = hear();
    const read = store.getFeatures(id, ['n'], { timeoutMs: 200 });
    await expect(read).rejects.toMatchObject({ code: 'TIMEOUT' });
    const nobody = { shard: undefined, slot, rowCount: 1, attempt: 0 };
    const unowned = expect.objectContaining({ code: 'SHARD_UNAVAILABLE' });
    expect(heard.retry.length).toBeGreaterThan(0);
    for (const event of heard.retry) expect(event).toStrictEqual({ ...nobody, error: unowned });
    const error = expect.objectContaining({ code: 'TIMEOUT' });
    expect(heard.timeout).toStrictEqual([{ ...nobody, error }]);
    expect(heard.failure).toStrictEqual([{ ...nobody, error }]);
    expectSameCounts(store, heard);
  } finally {
    await owner.call('CLUSTER', 'ADDSLOTS', slot);
    await cluster.waitHealthy();
  }
});

it('refresh: what the slot table is now', async () => {
  const store = await connect();
  const heard = hear();
  await store.topology({ refresh: true });
  await store.topology({ refresh: true });
  expect(heard.refresh).toStrictEqual([
    { shardCount: 3, coveredSlotCount: 16_384, elapsedMs: expect.any(Number) },
    { shardCount: 3, coveredSlotCount: 16_384, elapsedMs: expect.any(Number) },
  ]);
  for (const { elapsedMs } of heard.refresh) expect(elapsedMs).toBeGreaterThan(0);
  expectSameCounts(store, heard);
});

it('without a subscriber nothing is published, and everything is counted', async () => {
  const published = KINDS.map((kind) => {
    const channel = diagnostics.channel(channelOf(kind));
    expect(channel.hasSubscribers).toBe(false);
    return vi.spyOn(channel, 'publish');
  });
  onTestFinished(() => published.forEach((spy) => spy.mockRestore()));
  const store = await connect();
  const silent = ids.filter((id) => store.shardFor(id) === address);
  await store.topology({ refresh: true });
  victim.signal('SIGSTOP');
  onTestFinished(() => victim.signal('SIGCONT'));
  const options = { timeoutMs: 250, onFailure: 'return' } as const;
  expect((await store.batchGetFeatures(ids, ['n'], options)).failed).toHaveLength(silent.length);
  expect(store.stats().shards[address]).toMatchObject({
    timeouts: silent.length,
    failedRows: silent.length,
  });
  for (const spy of published) expect(spy).not.toHaveBeenCalled();
});

it('docs/operations.md shows a subscriber, which prints what happens', async () => {
  const store = await connect();
  const id = ids.find((one) => store.shardFor(one) === address) ?? '';
  await victim.call('DEL', store.keyFor(id));
  await victim.call('SET', store.keyFor(id), 'a string');
  const page = readFileSync(join(root, 'docs/operations.md'), 'utf8');
  const [, example = ''] = /```js\n(import { subscribe }[\s\S]+?)```/.exec(page) ?? [];
  expect(example.split('\n').length).toBeLessThanOrEqual(7);
  const folder = mkdtempSync(join(tmpdir(), 'subscriber-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'subscriber.mts');
  writeFileSync(
    file,
    `${example}
    import { FeatureStore } from ${JSON.stringify(join(root, 'src/index.ts'))};
    const [url, keyPrefix, id] = process.argv.slice(2);
    const store = await FeatureStore.connect({ nodes: [url], keyPrefix });
    await store.getFeatures(id, ['n']).catch(() => undefined);
    await store.close();`,
  );
  const args = ['--import', import.meta.resolve('tsx'), file, victim.url, store.keyPrefix, id];
  const { stderr } = await execa('node', args);
  expect(stderr.split('\n')).toContain(`failure ${address} ${store.slotFor(id)} 1 1 WRONG_TYPE`);
});
