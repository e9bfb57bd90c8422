/**
 * Writes with `minReplicas`: what is reported as written is on a replica, whatever happens on the
 * way.
 */

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { onTestFinished } from 'vitest';
import { startLocalCluster, type LocalCluster } from '../../rig/local-cluster/local-cluster.ts';
import type { RedisNode } from '../../rig/local-cluster/redis-node.ts';
import { startStandaloneServer } from '../../rig/local-cluster/standalone-server.ts';
import { waitUntil } from '../../rig/local-cluster/wait-until.ts';
import { rejoin, replicated } from '../../rig/soak/failover.ts';
import { FeatureStore, type FeatureStoreOptions, type LoadResult } from '../../src/index.ts';
import { SlotMover } from '../../rig/soak/slot-mover.ts';

/** How much later than its deadline a call may end on a busy machine. */
const SLACK_MS = 750;
const CONFIRMED = { minReplicas: 1 } as const;
const ids = Array.from({ length: 900 }, (_, n) => `u${n}`);
const vip = Array.from({ length: 40 }, (_, n) => `v${n}`);

let cluster: LocalCluster;
let victim: RedisNode;
let itsReplica: RedisNode;
let store: FeatureStore;
/** The ids that the victim serves. */
let concerned: string[];
let keyPrefixCount = 0;

beforeAll(async () => {
  cluster = await startLocalCluster({ portFrom: 22_700, nodeTimeoutMs: 1_500 });
});
afterAll(() => cluster[Symbol.asyncDispose]());

beforeEach(async () => {
  await replicated(cluster);
  victim = (await cluster.primaries())[1]!;
  itsReplica = (await cluster.replicasOf(victim.port))[0]!;
  store = await connect();
  concerned = ids.filter((id) => store.shardFor(id) === addressOf(victim));
});

/** Of a store that stays open until the test has ended. */
async function connect(options: FeatureStoreOptions = {}): Promise<FeatureStore> {
  const keyPrefix = `confirmed${keyPrefixCount++}:`;
  const opened = await FeatureStore.connect({
    nodes: cluster.urls,
    keyPrefix,
    vipGroups: { vip },
    warmUp: true,
    ...options,
  });
  onTestFinished(() => opened.close());
  return opened;
}

function addressOf({ host, port }: RedisNode): string {
  return `${host}:${port}`;
}

function rowsOf(some: readonly string[], n: number): (readonly [string, { n: number }])[] {
  return some.map((id) => [id, { n }] as const);
}

/** What the node itself holds of an entity, be it a replica. */
async function heldBy(node: RedisNode, some: readonly string[]): Promise<(string | null)[]> {
  return node.use(async (client) => {
    await client.call('READONLY');
    const keys = some.map((id) => store.keyFor(id));
    return Promise.all(keys.map((key) => client.hget(key, 'n')));
  });
}

/** Stops the node until the test has ended, and its cluster is whole again. */
function freeze(node: RedisNode): void {
  node.signal('SIGSTOP');
  onTestFinished(async () => {
    node.signal('SIGCONT');
    await rejoin(cluster, node);
  });
}

function expectNotReplicated({ failed }: LoadResult, some: readonly string[], at: string): void {
  expect(failed.map(({ id }) => id).toSorted()).toStrictEqual([...some].toSorted());
  for (const { error } of failed) {
    expect(error).toMatchObject({ code: 'NOT_REPLICATED', retryable: true });
    expect(error.message).toContain(`${at} wrote the row, but minReplicas 1 did not confirm it`);
  }
}

/** Every way to write an entity's `n`, with what it gives. */
const WRITES = [
  ['bulkLoad', (id: string, n: number, o: object) => store.bulkLoad({ [id]: { n } }, o)],
  ['updateStreaming', (id: string, n: number, o: object) => store.updateStreaming(id, { n }, o)],
  [
    'updateStreamingBatch',
    (id: string, n: number, o: object) => store.updateStreamingBatch({ [id]: { n } }, o),
  ],
  [
    'updateBatchFeature',
    (id: string, n: number, o: object) => store.updateBatchFeature(id, 'n', n, o),
  ],
] as const;

const USER = 'model';
const PASSWORD = 'sEcret-1';

describe('with replicas that follow', () => {
  it('everything is loaded, and on the replicas when the call ends', async () => {
    const replicas = new Map<string, RedisNode>();
    for (const primary of await cluster.primaries()) {
      replicas.set(addressOf(primary), (await cluster.replicasOf(primary.port))[0]!);
    }
    for (const [n, call] of (['bulkLoad', 'updateStreamingBatch'] as const).entries()) {
      const result = await store[call](rowsOf(ids, n), CONFIRMED);
      const held = await Promise.all(
        [...replicas].map(([address, replica]) => {
          const its = ids.filter((id) => store.shardFor(id) === address);
          return heldBy(replica, its);
        }),
      );
      expect(result).toMatchObject({ loaded: ids.length, failed: [] });
      expect(held.flat()).toStrictEqual(ids.map(() => String(n)));
    }
  });

  it.each(WRITES)('%s ends when a replica that was late has the row', async (_, write) => {
    const [id = ''] = concerned;
    await write(id, 0, CONFIRMED); // the connections are open, and the servers known
    const order: string[] = [];
    for (const options of [{}, { minReplicas: 0 }, CONFIRMED]) {
      const n = order.length + 1;
      itsReplica.signal('SIGSTOP');
      try {
        const written = write(id, n, options).then(() => order.push('written'));
        const there = async (): Promise<boolean> => (await heldBy(victim, [id]))[0] === String(n);
        await waitUntil(there, { what: 'the primary has it', timeoutMs: 800, intervalMs: 1 });
        // Its reply came on the same connection as that of WAIT would, and long before this one.
        await store.getFeatures(id, ['n']);
        order.push('replica goes on');
        itsReplica.signal('SIGCONT');
        await written;
      } finally {
        itsReplica.signal('SIGCONT');
      }
    }
    const [unconfirmed, confirmed] = [
      ['written', 'replica goes on'],
      ['replica goes on', 'written'],
    ];
    expect(await heldBy(itsReplica, [id])).toStrictEqual(['5']);
    expect(order).toStrictEqual([...unconfirmed!, ...unconfirmed!, ...confirmed!]);
  });
});

describe('with a replica that is frozen', () => {
  it('the rows of its shard fail, the others are loaded, and the primary keeps all', async () => {
    freeze(itsReplica);
    const startedAtMs = performance.now();
    const result = await store.bulkLoad(rowsOf(ids, 7), { ...CONFIRMED, timeoutMs: 5_000 });
    expect(performance.now() - startedAtMs).toBeLessThan(5_000 + SLACK_MS);
    expect(concerned.length).toBeGreaterThan(200);
    expectNotReplicated(result, concerned, addressOf(victim));
    expect(result.loaded).toBe(ids.length - concerned.length);
    expect(store.stats().batchWritesTotal).toBe(result.loaded);
    expect(store.stats().shards[addressOf(victim)]).toMatchObject({
      failedRows: concerned.length,
      timeouts: 0,
    });
    const rows = await store.batchGetFeatures(ids, ['n']);
    expect(rows).toStrictEqual(ids.map(() => ({ n: '7' })));
  });

  it.each(WRITES)('%s fails when its deadline comes before the replica', async (_, write) => {
    const [id = ''] = concerned;
    await write(id, 0, {});
    freeze(itsReplica);
    const startedAtMs = performance.now();
    const ending = await write(id, 1, { ...CONFIRMED, timeoutMs: 200 }).catch((error) => error);
    expect(performance.now() - startedAtMs).toBeLessThan(200 + SLACK_MS);
    const reason = { code: 'TIMEOUT' };
    expect([ending.code ?? ending.failed[0].error.code]).toStrictEqual([reason.code]);
    expect(ending.loaded ?? 0).toBe(0);
    // The reply of its WAIT comes later, and is no one's.
    itsReplica.signal('SIGCONT');
    await rejoin(cluster, itsReplica);
    await write(id, 2, CONFIRMED);
    expect(await heldBy(itsReplica, [id])).toStrictEqual(['2']);
  });

  it('single reads of that shard are not held up, and have a connection of their own', async () => {
    freeze(itsReplica);
    const [id = '', ...others] = concerned;
    await store.bulkLoad(rowsOf([id], 1));
    const order: string[] = [];
    let slowestMs = 0;
    const startedAtMs = performance.now();
    const under = { way: true };
    const loadEnd = store.bulkLoad(rowsOf(others.slice(0, 10), 1), CONFIRMED).finally(() => {
      under.way = false;
    });
    while (under.way) {
      const askedAtMs = performance.now();
      expect(await store.getFeatures(id, ['n'])).toStrictEqual({ n: '1' });
      slowestMs = Math.max(slowestMs, performance.now() - askedAtMs);
      order.push(under.way ? 'read while the load waits' : 'read after it');
    }
    const result = await loadEnd;
    const loadMs = performance.now() - startedAtMs;
    expectNotReplicated(result, others.slice(0, 10), addressOf(victim));
    const meanwhile = order.filter((what) => what === 'read while the load waits').length;
    console.log(
      `${meanwhile} reads, the slowest ${slowestMs.toFixed(1)} of ${loadMs.toFixed(0)} ms`,
    );
    expect(meanwhile).toBeGreaterThan(100);
    expect(slowestMs).toBeLessThan(loadMs / 2);
  });

  it('a connection that is lost while WAIT is under way confirms nothing', async () => {
    const some = concerned.slice(0, 20);
    await store.bulkLoad(rowsOf(some, 0));
    freeze(itsReplica);
    const load = store.bulkLoad(rowsOf(some, 1), CONFIRMED);
    const there = async (): Promise<boolean> =>
      (await heldBy(victim, some)).every((n) => n === '1');
    await waitUntil(there, { what: 'the primary has them', timeoutMs: 800, intervalMs: 1 });
    const clients = String(await victim.call('CLIENT', 'LIST', 'TYPE', 'normal'));
    const waiting = [...clients.matchAll(/^id=(\d+) .*name=fstore:confirmed .*cmd=wait/gm)];
    expect(waiting).toHaveLength(1);
    await victim.call('CLIENT', 'KILL', 'ID', waiting[0]?.[1] ?? '');
    expectNotReplicated(await load, some, addressOf(victim));
    expect(store.stats().shards[addressOf(victim)]).toMatchObject({
      lostConnections: 1,
      retries: some.length,
      failedRows: some.length,
    });
  });

  it('a load that is aborted, or whose store is closed, reports nothing as loaded', async () => {
    const some = concerned.slice(0, 20);
    const control = new AbortController();
    const other = await connect();
    const its = ids.filter((id) => other.shardFor(id) === addressOf(victim)).slice(0, 20);
    freeze(itsReplica);
    const aborted = store.bulkLoad(rowsOf(some, 1), { ...CONFIRMED, signal: control.signal });
    const closed = other.bulkLoad(rowsOf(its, 1), CONFIRMED);
    const waiting = async (): Promise<boolean> => {
      const clients = String(await victim.call('CLIENT', 'LIST', 'TYPE', 'normal'));
      return clients.match(/ cmd=wait /g)?.length === 2;
    };
    await waitUntil(waiting, { what: 'both wait', timeoutMs: 800, intervalMs: 1 });
    control.abort();
    await other.close();
    await expect(aborted).rejects.toMatchObject({ loaded: 0, cause: { code: 'ABORTED' } });
    await expect(closed).rejects.toMatchObject({ loaded: 0, cause: { code: 'CLOSED' } });
  });
});

describe('with slots that move', () => {
  let mover: SlotMover;
  beforeEach(async () => {
    mover = await SlotMover.open(cluster);
    onTestFinished(() => mover[Symbol.asyncDispose]());
  });

  it('rows are confirmed by the replicas of the shard where they landed', async () => {
    await store.bulkLoad(rowsOf(vip.slice(0, 30), 0), CONFIRMED);
    const move = await mover.begin(store.vipGroup('vip').slot);
    const moved = new Set(await mover.moveKeys(move, 15));
    // What the source has not got, because it moved or never was, lands at the target.
    const here = vip.slice(0, 30).filter((id) => !moved.has(store.keyFor(id)));
    const there = vip.filter((id) => !here.includes(id));
    expect([here.length, there.length]).toStrictEqual([15, 25]);
    const [source, target] = [move.from, move.to].map(({ port }) => addressOf(cluster.node(port)));
    const [sourceReplica] = await cluster.replicasOf(move.from.port);
    const [targetReplica] = await cluster.replicasOf(move.to.port);

    const asked = await store.bulkLoad(rowsOf(vip, 1), CONFIRMED);
    // A replica serves no slot that its primary only imports, but it lists the keys.
    const keys = (await targetReplica!.call('KEYS', `${store.keyPrefix}*`)) as string[];
    expect(asked).toMatchObject({ loaded: vip.length, failed: [] });
    expect(keys.toSorted()).toStrictEqual(there.map((id) => store.keyFor(id)).toSorted());
    expect(store.stats().shards[source!]?.redirects).toBe(there.length);

    for (const [replica, some, at] of [
      [targetReplica!, there, target!],
      [sourceReplica!, here, source!],
    ] as const) {
      replica.signal('SIGSTOP');
      try {
        const result = await store.updateStreamingBatch(rowsOf(vip, 2), CONFIRMED);
        expectNotReplicated(result, some, at);
        expect(result.loaded).toBe(vip.length - some.length);
      } finally {
        replica.signal('SIGCONT');
        await rejoin(cluster, replica);
      }
    }

    await mover.finish(move);
    store.resetStats();
    targetReplica!.signal('SIGSTOP');
    try {
      expectNotReplicated(await store.bulkLoad(rowsOf(vip, 3), CONFIRMED), vip, target!);
      expect(store.stats().shards[source!]?.redirects).toBe(vip.length);
    } finally {
      targetReplica!.signal('SIGCONT');
      await rejoin(cluster, targetReplica!);
    }
    expect(await store.bulkLoad(rowsOf(vip, 4), CONFIRMED)).toMatchObject({ loaded: vip.length });
    expect(await heldBy(targetReplica!, vip)).toStrictEqual(vip.map(() => '4'));
  });
});

describe('without the means', () => {
  it('a user who may not WAIT gets an error that says so', async () => {
    for (const node of cluster.nodes) {
      await node.call('ACL', 'SETUSER', USER, 'reset', 'on', `>${PASSWORD}`, '~*', '&*', '+@all');
      await node.call('ACL', 'SETUSER', USER, '-wait');
    }
    const secure = await connect({ redisOptions: { username: USER, password: PASSWORD } });
    expect(await secure.bulkLoad(rowsOf(ids, 1))).toMatchObject({ failed: [] });
    const { loaded, failed } = await secure.bulkLoad(rowsOf(ids, 1), CONFIRMED);
    expect([loaded, failed.length]).toStrictEqual([0, ids.length]);
    for (const { error } of failed) {
      expect(error).toMatchObject({
        code: 'ACCESS_DENIED',
        retryable: false,
        message: expect.stringMatching(/NOPERM .*'wait'.*docs\/operations.md/),
      });
    }
  });

  it.each([-1, 101, 1.5, Number.NaN, Infinity, '1', null, true, [1], {}])(
    'minReplicas %j is refused before anything is sent',
    async (minReplicas) => {
      const options = { minReplicas } as object;
      const unread = {
        [Symbol.iterator]: () => {
          throw new Error('the rows were read');
        },
      };
      for (const call of [
        ...WRITES.map(
          ([, write]) =>
            () =>
              write('u1', 1, options),
        ),
        () => store.bulkLoad(unread, options),
        () => store.updateStreamingBatch(unread, options),
      ]) {
        await expect(call()).rejects.toMatchObject({
          code: 'INVALID_OPTION',
          message: expect.stringMatching(/options\.minReplicas must be .*0.*100/),
        });
      }
      expect(store.stats()).toMatchObject({ shards: {}, batchWritesTotal: 0 });
    },
  );

  it('reads know no minReplicas', async () => {
    await expect(store.getFeatures('u1', ['n'], CONFIRMED as object)).rejects.toMatchObject({
      code: 'INVALID_OPTION',
    });
    await expect(store.deleteEntity('u1', CONFIRMED as object)).rejects.toMatchObject({
      code: 'INVALID_OPTION',
    });
  });

  it('a server without replicas keeps the rows, and confirms none', async () => {
    await using server = await startStandaloneServer({ portFrom: 22_740 });
    store = await connect({ nodes: server.urls });
    for (const [n, [name, write]] of WRITES.entries()) {
      await write('u1', n, { minReplicas: 0 });
      expect(await store.getFeatures('u1', ['n'])).toStrictEqual({ n: String(n) });
      const ending = await write('u2', n, CONFIRMED).catch((error: unknown) => error);
      expect([name, ending]).toMatchObject([
        name,
        ending instanceof Error
          ? { code: 'NOT_REPLICATED' }
          : { loaded: 0, failed: [{ id: 'u2', error: { code: 'NOT_REPLICATED' } }] },
      ]);
      expect(await store.getFeatures('u2', ['n'])).toStrictEqual({ n: String(n) });
    }
  });
});
