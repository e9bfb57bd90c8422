/** What takes a shard for down, and what does not: servers that are slow, busy, silent, or gone. */

import diagnostics from 'node:diagnostics_channel';
import { expect, inject, onTestFinished, test } from 'vitest';
import { startLocalCluster } from '../../rig/local-cluster/local-cluster.ts';
import { waitUntil } from '../../rig/local-cluster/wait-until.ts';
import { replicated } from '../../rig/soak/failover.ts';
import { FeatureStore, type FeatureStoreOptions, type ShardStateEvent } from '../../src/index.ts';
import { nextTurn } from '../../src/runtime/slices.ts';
import { ScriptedServer } from './scripted-server.ts';

const NAMES = ['n'];
const ROW = '*1\r\n$1\r\n7\r\n';
const TIMEOUT_MS = 50;
const read = { onFailure: 'return' } as const;

async function connect(options: FeatureStoreOptions): Promise<FeatureStore> {
  const store = await FeatureStore.connect({
    timeoutMs: TIMEOUT_MS,
    onShardDown: 'fail-fast',
    ...options,
  });
  onTestFinished(() => store.close());
  return store;
}

function hear(): ShardStateEvent[] {
  const heard: ShardStateEvent[] = [];
  const listen = (event: unknown): void => void heard.push(event as ShardStateEvent);
  diagnostics.subscribe('cluster-feature-store:shard-state', listen);
  onTestFinished(() => void diagnostics.unsubscribe('cluster-feature-store:shard-state', listen));
  return heard;
}

function codeOf(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => 'answered',
    (error: { readonly code: unknown }) => error.code,
  );
}

function hold(ms: number): void {
  const endAtMs = performance.now() + ms;
  while (performance.now() < endAtMs);
}

function stateOf(store: FeatureStore, { url }: ScriptedServer): string | undefined {
  return store.stats().shards[url.slice('redis://'.length)]?.state;
}

async function untilDown(store: FeatureStore, server: ScriptedServer): Promise<void> {
  const isDown = async (): Promise<boolean> => {
    await codeOf(store.getFeatures('u1', NAMES));
    return stateOf(store, server) === 'down';
  };
  await waitUntil(isDown, { what: 'it is taken for down', timeoutMs: 10_000, intervalMs: 1 });
}

test.each([1, 20])(
  'a server that answers after the deadline, but answers, is not down: %i at once',
  async (atOnce) => {
    const server = await ScriptedServer.start((_, connection) => {
      setTimeout(() => connection.say(ROW), 1.6 * TIMEOUT_MS);
      return undefined;
    });
    const store = await connect({ nodes: [server.url] });
    const heard = hear();
    for (let round = 0; round < 20; round++) {
      const reads = Array.from({ length: atOnce }, () => store.getFeatures('u1', NAMES));
      const codes = new Set(await Promise.all(reads.map(codeOf)));
      expect([...codes]).toStrictEqual(['TIMEOUT']);
    }
    expect(heard).toStrictEqual([]);
    expect(stateOf(store, server)).toBe('up');
  },
);

test.each(['LOADING Redis is loading', 'TRYAGAIN Multiple keys', 'CLUSTERDOWN it is', 'BUSY'])(
  "one that answers '%s' has answered: rows wait for it by their deadline",
  async (words) => {
    const server = await ScriptedServer.start(() => `-${words}\r\n`);
    const store = await connect({ nodes: [server.url] });
    const heard = hear();
    for (let round = 0; round < 8; round++) {
      const error = await store.getFeatures('u1', NAMES).catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: 'TIMEOUT', cause: { code: 'SHARD_UNAVAILABLE' } });
    }
    expect(heard).toStrictEqual([]);
    expect(stateOf(store, server)).toBe('up');
  },
);

test('a process that is busy takes nobody for down', async () => {
  const store = await connect({ nodes: [...inject('clusterNodes')], keyPrefix: 'state-busy:' });
  const ids = Array.from({ length: 60 }, (_, n) => `u${n}`);
  await store.bulkLoad(
    ids.map((id, n) => [id, { n }]),
    { timeoutMs: 10_000 },
  );
  const heard = hear();
  for (let round = 0; round < 12; round++) {
    const call = store.batchGetFeatures(ids, NAMES, read);
    if (round % 2 === 0) await nextTurn();
    hold(2 * TIMEOUT_MS);
    const { failed } = await call;
    expect(failed.filter(({ error }) => error.code !== 'TIMEOUT')).toStrictEqual([]);
  }
  expect(heard).toStrictEqual([]);
});

test('a silent server is asked on one connection, one question at a time, until close', async () => {
  let isSilent = false;
  const server = await ScriptedServer.start(() => (isSilent ? undefined : ROW));
  const store = await connect({ nodes: [server.url] });
  expect(await store.getFeatures('u1', NAMES)).toStrictEqual({ n: '7' });
  isSilent = true;
  server.polite = false;
  await untilDown(store, server);
  const before = server.connections.length;
  const commandsBefore = server.commands.length;
  // For as long as ten questions would take, where they were not one at a time.
  const untilMs = performance.now() + 500;
  const isOver = async (): Promise<boolean> => {
    expect(await codeOf(store.getFeatures('u1', NAMES))).toBe('SHARD_UNAVAILABLE');
    return performance.now() > untilMs;
  };
  await waitUntil(isOver, { what: 'time passes', timeoutMs: 5_000 });
  expect(server.connections.length - before).toBeLessThanOrEqual(1);
  expect(server.commands.length - commandsBefore).toBeLessThanOrEqual(1);
  await store.close();
  const open = (): number => server.connections.filter(({ socket }) => !socket.destroyed).length;
  await expect.poll(open, { timeout: 5_000 }).toBe(0);
  const after = server.connections.length;
  for (let turn = 0; turn < 1_000; turn++) await nextTurn();
  expect(server.connections.length).toBe(after);
});

test('one that is back, but still reads its data, gets no rows until it has', async () => {
  let info = '# Persistence\r\nloading:1';
  let isSilent = false;
  let rowsAsked = 0;
  const server = await ScriptedServer.start(([name]) => {
    if (name?.toUpperCase() === 'INFO') return `$${info.length}\r\n${info}\r\n`;
    rowsAsked++;
    return isSilent ? undefined : ROW;
  });
  const store = await connect({ nodes: [server.url] });
  expect(await store.getFeatures('u1', NAMES)).toStrictEqual({ n: '7' });
  isSilent = true;
  await untilDown(store, server);
  isSilent = false;
  const before = rowsAsked;
  const failure = async (): Promise<string> => {
    const error = await store.getFeatures('u1', NAMES).catch((reason: unknown) => reason);
    return error instanceof Error ? error.message : 'answered';
  };
  await expect.poll(failure).toContain('LOADING');
  expect(stateOf(store, server)).toBe('down');
  expect(rowsAsked).toBe(before);
  info = '# Persistence\r\nloading:0';
  await expect.poll(failure, { interval: 5 }).toBe('answered');
  expect(stateOf(store, server)).toBe('up');
});

test('a replica that takes over is up from the start, and found without a row that asks it', async () => {
  const cluster = await startLocalCluster({ portFrom: 22_560, nodeTimeoutMs: 1_000 });
  onTestFinished(() => cluster[Symbol.asyncDispose]());
  const store = await connect({ nodes: cluster.urls, warmUp: true });
  const ids = Array.from({ length: 300 }, (_, n) => `u${n}`);
  const rows = ids.map((id, n) => [id, { n }] as const);
  expect(await store.bulkLoad(rows, { timeoutMs: 10_000 })).toMatchObject({ failed: [] });
  await replicated(cluster);
  const [victim] = await cluster.primaries();
  const port = victim?.port ?? 0;
  const address = `127.0.0.1:${port}`;
  const [heir] = await cluster.replicasOf(port);
  const heard = hear();
  await cluster.kill(port);
  const codes = new Set<string>();
  let promotedAtMs = Number.POSITIVE_INFINITY;
  const promotion = waitUntil(
    async () => String(await heir?.call('INFO', 'replication')).includes('role:master'),
    { what: 'the replica takes over', timeoutMs: 20_000, intervalMs: 5 },
  ).then(() => (promotedAtMs = performance.now()));
  const isWhole = async (): Promise<boolean> => {
    const { rows: got, failed } = await store.batchGetFeatures(ids, NAMES, read);
    for (const { error } of failed) codes.add(error.code);
    if (failed.length > 0) return false;
    expect(got).toStrictEqual(ids.map((_, n) => ({ n: String(n) })));
    return true;
  };
  await waitUntil(isWhole, { what: 'all rows are back', timeoutMs: 20_000, intervalMs: 1 });
  await promotion;
  expect(performance.now() - promotedAtMs).toBeLessThan(1_500);
  expect([...codes].toSorted()).toStrictEqual(['SHARD_UNAVAILABLE', 'TIMEOUT']);
  const states = heard.map(({ shard, state }) => [shard, state]);
  expect(states).toStrictEqual([
    [address, 'down'],
    [address, 'up'],
  ]);
  const up = Object.values(store.stats().shards).map(({ state }) => state);
  expect(new Set(up)).toStrictEqual(new Set(['up']));
});
