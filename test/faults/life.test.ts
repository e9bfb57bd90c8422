/**
 * How calls end that are not left to their end: closed, aborted, their source broken, their
 * consumer gone.
 */

import { getEventListeners } from 'node:events';
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { startLocalCluster, type LocalCluster } from '../../rig/local-cluster/local-cluster.ts';
import type { RedisNode } from '../../rig/local-cluster/redis-node.ts';
import { FeatureStore, PartialLoadError } from '../../src/index.ts';
import { CALL_NAMES, CALLS, endingOf, runCall, type Subject } from './life-calls.ts';

/** How soon a call ends that need not go on. */
const AT_ONCE_MS = 1_000;
const ids = Array.from({ length: 600 }, (_, n) => `u${n}`);
const vip = ['v1', 'v2', 'v3'];
/** More than two windows of a load. */
const MANY_ROWS = 25_000;

let cluster: LocalCluster;
let victim: RedisNode;
let shared: Subject;

beforeAll(async () => {
  cluster = await startLocalCluster({
    portFrom: 22_620,
    replicasPerPrimary: 0,
    nodeTimeoutMs: 120_000,
  });
  const store = await connect();
  victim = await cluster.primaryOfSlot(store.vipGroup('vip').slot);
  await store.bulkLoad([...ids, ...vip].map((id, n) => [id, { n }] as const));
  await store.updateStreaming('u0', { s: 0 });
  shared = await subjectOf(store);
});
afterAll(async () => {
  await Promise.all(opened.map((store) => store.close()));
  await cluster[Symbol.asyncDispose]();
});

const opened: FeatureStore[] = [];

async function connect(keyPrefix = 'life:'): Promise<FeatureStore> {
  const store = await FeatureStore.connect({
    nodes: cluster.urls,
    keyPrefix,
    vipGroups: { vip },
  });
  opened.push(store);
  return store;
}

async function subjectOf(store: FeatureStore): Promise<Subject> {
  const [id = '', spareId = ''] = ids.filter(
    (one) => store.shardFor(one) === `127.0.0.1:${victim.port}`,
  );
  return { store, id, spareId, ids, disposable: await connect('disposable:') };
}

/** Until the test has ended, one of the shards says nothing. */
function silence(): void {
  victim.signal('SIGSTOP');
  onTestFinished(() => victim.signal('SIGCONT'));
}

describe('close', () => {
  it.each(CALL_NAMES)('ends %s, which is under way, and what comes after', async (name) => {
    const subject = await subjectOf(await connect());
    silence();
    const running = runCall(name, subject, {});
    await nextTurn();
    const startedAtMs = performance.now();
    await Promise.all([subject.store.close(), subject.disposable.close()]);
    const { codes, error } = await running;
    expect([codes, error?.retryable]).toStrictEqual([['CLOSED'], error?.code === 'PARTIAL_LOAD']);
    expect((await runCall(name, subject, {})).codes).toStrictEqual(['CLOSED']);
    expect(performance.now() - startedAtMs).toBeLessThan(AT_ONCE_MS);
    await subject.store.close(); // again
  });

  it('in the tick in which a connection is begun leaves nothing that fails later', async () => {
    const { store, id } = await subjectOf(await connect());
    const { codes } = await endingOf(async () => {
      const call = store.keyTtlSeconds(id);
      await store.close();
      await call;
    });
    expect(codes).toStrictEqual(['CLOSED']);
    await pause(6_000); // longer than the silence that a connection may keep
  });

  it('settles hundreds of calls of every kind, each answered or closed', async () => {
    const subject = await subjectOf(await connect());
    const calls = Array.from({ length: 400 }, (_, n) => CALL_NAMES[n % CALL_NAMES.length] ?? '');
    const endings = calls.map((name) => runCall(name, subject, {}));
    await endings[0];
    const startedAtMs = performance.now();
    await Promise.all([subject.store.close(), subject.disposable.close()]);
    const codes = (await Promise.all(endings)).map((ending) => ending.codes.join());
    expect(performance.now() - startedAtMs).toBeLessThan(AT_ONCE_MS);
    expect(new Set(codes)).toStrictEqual(new Set(['', 'CLOSED']));
  });

  it('ends a stream whose consumer comes back later', async () => {
    const store = await connect();
    const chunks = store.streamFeatures(ids, ['n'], { chunkSize: 100 });
    expect((await chunks.next()).done).toBe(false);
    await store.close();
    const { codes } = await endingOf(async () => {
      for await (const _ of chunks);
    });
    expect(codes).toStrictEqual(['CLOSED']);
  });
});

describe('a signal', () => {
  let caller: AbortController;
  const reason = new Error('enough');

  beforeEach(() => {
    caller = new AbortController();
  });

  function expectNobodyListens(): void {
    expect(getEventListeners(caller.signal, 'abort')).toHaveLength(0);
  }

  it.each(CALL_NAMES)('that has fired keeps %s from beginning', async (name) => {
    caller.abort(reason);
    silence();
    const { codes, elapsedMs, error } = await runCall(name, shared, { signal: caller.signal });
    expect(codes).toStrictEqual(['ABORTED']);
    const aborted = error instanceof PartialLoadError ? error.cause : error;
    expect(aborted).toMatchObject({ code: 'ABORTED', cause: reason });
    expect(elapsedMs).toBeLessThan(AT_ONCE_MS);
    expectNobodyListens();
  });

  it.each(CALL_NAMES)('that fires ends %s', async (name) => {
    silence();
    const running = runCall(name, shared, { signal: caller.signal });
    await nextTurn();
    expect(getEventListeners(caller.signal, 'abort').length).toBeGreaterThan(0);
    const startedAtMs = performance.now();
    caller.abort(reason);
    const { codes, error } = await running;
    expect(performance.now() - startedAtMs).toBeLessThan(AT_ONCE_MS);
    expect(codes).toStrictEqual(['ABORTED']);
    const aborted = error instanceof PartialLoadError ? error.cause : error;
    expect(aborted).toMatchObject({ code: 'ABORTED', cause: reason });
    expectNobodyListens();
  });

  it('that does not fire is left as it was by every call', async () => {
    const subject = await subjectOf(await connect());
    for (const name of CALL_NAMES) {
      const { codes } = await runCall(name, subject, { signal: caller.signal });
      expect([name, codes]).toStrictEqual([name, []]);
      expectNobodyListens();
    }
    await shared.store.bulkLoad(ids.map((id, n) => [id, { n }] as const));
  });

  it('may be shared by many calls at once without a warning', async () => {
    const warnings: Error[] = [];
    const hear = (warning: Error): void => void warnings.push(warning);
    process.on('warning', hear);
    onTestFinished(() => void process.off('warning', hear));
    const { signal } = caller;
    const reads = ids.slice(0, 50).map((id) => shared.store.getFeatures(id, ['n'], { signal }));
    await Promise.all(reads);
    await nextTurn(); // warnings come a tick later
    expect(warnings).toStrictEqual([]);
    expectNobodyListens();
  });

  it('that fires ends a load whose source hangs, and closes the source', async () => {
    let closed = false;
    const source: AsyncIterable<[string, { w: number }]> = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise(() => undefined),
        return: async () => {
          closed = true;
          return { done: true, value: undefined };
        },
      }),
    };
    const { signal } = caller;
    const load = endingOf(() => shared.store.bulkLoad(source, { signal }));
    await nextTurn();
    caller.abort(reason);
    expect((await load).codes).toStrictEqual(['ABORTED']);
    expect(closed).toBe(true);
    expectNobodyListens();
  });
});

/** Rows or ids that end with an error; says how far it was pulled, and whether it was closed. */
class BrokenSource<Item> {
  pulled = 0;
  closed = false;
  readonly error: Error = new Error('the source broke');
  readonly #itemOf: (n: number) => Item;
  readonly #breaksAt: number;

  constructor(itemOf: (n: number) => Item, breaksAt: number) {
    this.#itemOf = itemOf;
    this.#breaksAt = breaksAt;
  }

  *items(): Generator<Item> {
    try {
      for (;;) {
        if (this.pulled === this.#breaksAt) throw this.error;
        yield this.#itemOf(this.pulled++);
      }
    } finally {
      this.closed = true;
    }
  }

  async *later(): AsyncGenerator<Item> {
    yield* this.items();
  }
}

const manyRow = (n: number): readonly [string, { m: number }] => [`m${n}`, { m: n }];

describe.each(['items', 'later'] as const)('a source that throws half way (%s)', (kind) => {
  it('ends a load, which says how much was written, and it was', async () => {
    const { store } = shared;
    const source = new BrokenSource(manyRow, MANY_ROWS);
    const { error } = await endingOf(() => store.bulkLoad(source[kind]()));
    expect(error).toMatchObject({ code: 'PARTIAL_LOAD', cause: source.error, failed: [] });
    expect(source.closed).toBe(true);
    const { loaded } = error as PartialLoadError;
    const all = Array.from({ length: MANY_ROWS }, (_, n) => `m${n}`);
    const rows = await store.batchGetFeatures(all, ['m']);
    expect(rows.filter(({ m }) => m !== undefined)).toHaveLength(loaded);
    expect(rows.slice(0, loaded)).toStrictEqual(
      all.slice(0, loaded).map((_, n) => ({ m: `${n}` })),
    );
    expect(loaded).toBeGreaterThanOrEqual(10_000);
    for (const id of ['m0', `m${loaded - 1}`]) {
      expect(await store.keyTtlSeconds(id)).toBeGreaterThan(86_000);
    }
  });

  it('ends a stream with its error, after the chunks that came before', async () => {
    const source = new BrokenSource((n) => ids[n] ?? '', 450);
    const seen: string[] = [];
    const consume = async (): Promise<void> => {
      const chunks = shared.store.streamFeatures(source[kind](), ['n'], { chunkSize: 100 });
      for await (const chunk of chunks) {
        seen.push(...chunk.ids);
        expect(chunk.rows).toStrictEqual(chunk.ids.map((id) => ({ n: id.slice(1) })));
      }
    };
    await expect(consume()).rejects.toBe(source.error);
    expect(seen).toStrictEqual(ids.slice(0, seen.length));
    expect(seen.length).toBeGreaterThanOrEqual(300);
    expect(source.closed).toBe(true);
  });
});

describe.each(['items', 'later'] as const)('a consumer that stops (%s)', (kind) => {
  const endless = (): BrokenSource<string> => new BrokenSource((n) => ids[n % 600] ?? '', Infinity);

  it('by break closes the source, which was pulled a few chunks far', async () => {
    const source = endless();
    for await (const { rows } of shared.store.streamFeatures(source[kind](), ['n'], {
      chunkSize: 100,
    })) {
      expect(rows).toHaveLength(100);
      break;
    }
    await expect.poll(() => source.closed).toBe(true);
    expect(source.pulled).toBeLessThanOrEqual(300);
  });

  it('by break while a shard is silent does not wait, and the next read is no orphan', async () => {
    const source = endless();
    silence();
    const limits = { chunkSize: 100, timeoutMs: 300, onFailure: 'return' } as const;
    let startedAtMs = 0;
    for await (const { failed } of shared.store.streamFeatures(source[kind](), ['n'], limits)) {
      expect(failed.length).toBeGreaterThan(0);
      startedAtMs = performance.now();
      break;
    }
    expect(performance.now() - startedAtMs).toBeLessThan(AT_ONCE_MS);
    await expect.poll(() => source.closed).toBe(true);
  });

  it('by return or throw before the first chunk, or after it, ends the stream', async () => {
    const never = endless();
    const unread = shared.store.streamFeatures(never[kind](), ['n']);
    expect(await unread.return(undefined)).toStrictEqual({ done: true, value: undefined });
    expect(never.pulled).toBe(0);
    const source = endless();
    const read = shared.store.streamFeatures(source[kind](), ['n'], { chunkSize: 100 });
    await read.next();
    const thrown = new Error('no more');
    await expect(read.throw(thrown)).rejects.toBe(thrown);
    expect(await read.next()).toStrictEqual({ done: true, value: undefined });
    await expect.poll(() => source.closed).toBe(true);
  });
});

it('a consumer that stops listing ids ends the scan', async () => {
  const { store } = shared;
  for await (const id of store.scanEntityIds()) {
    expect(id).toMatch(/^[muv]\d+$/);
    break;
  }
  const scan = CALLS['scanEntityIds']!(shared, {});
  expect(new Set((await scan) as string[])).toContain('u0');
});
