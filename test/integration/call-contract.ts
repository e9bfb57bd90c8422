/** What every call promises of bad rows, deadlines, callbacks, and the errors it ends with. */

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  isValidId,
  PartialBatchError,
  PartialLoadError,
  type CommitEvent,
  type FeatureEntry,
  type FeatureRows,
  type FeatureStore,
} from '../../src/index.ts';
import type { ContractTarget } from './contract-target.ts';

type Call = 'bulkLoad' | 'updateStreamingBatch';

const GOOD: readonly FeatureEntry[] = [
  ['u0', { a: 0 }],
  ['u2', { a: 2 }],
  ['u4', { a: 4 }],
];
/** With a bad id at 1, and a bad value at 3. */
const MIXED = [GOOD[0], ['b{ad', { a: 1 }], GOOD[1], ['u3', { a: Number.NaN }], GOOD[2]];
const CONTAINERS: Readonly<Record<string, () => FeatureRows>> = {
  array: () => MIXED as FeatureEntry[],
  Map: () => new Map(MIXED as [string, { a: number }][]),
  object: () => Object.fromEntries(MIXED as [string, { a: number }][]),
  generator: () => MIXED.values() as IterableIterator<FeatureEntry>,
  'async generator': () => slowly(MIXED as FeatureEntry[]),
};

async function* slowly(rows: Iterable<FeatureEntry>): AsyncGenerator<FeatureEntry> {
  for (const row of rows) {
    await new Promise((resolve) => setImmediate(resolve));
    yield row;
  }
}

export function callContract({ name, connect }: ContractTarget): void {
  let store: FeatureStore;
  const open = async (): Promise<FeatureStore> => {
    const opened = await connect({ keyPrefix: `calls:${randomUUID()}:`, vipGroups: { v: ['v1'] } });
    onTestFinished(() => opened.close());
    return opened;
  };
  beforeAll(async () => {
    store = await connect({ keyPrefix: `calls:${randomUUID()}:`, vipGroups: { v: ['v1'] } });
  });
  afterAll(async () => {
    await store.reset();
    await store.close();
  });

  describe.each(['bulkLoad', 'updateStreamingBatch'] as const)(
    `bad rows of %s on ${name}`,
    (call: Call) => {
      it.each(Object.keys(CONTAINERS))('are reported, whatever they come in: %s', async (kind) => {
        const own = await open();
        const rows = CONTAINERS[kind]?.() ?? [];
        const result = await own[call](rows, { onInvalid: 'report' });
        expect(result).toMatchObject({ pulled: 5, loaded: 3, neverSent: 0, committed: 5 });
        expect(result.failed).toMatchObject([
          { id: 'b{ad', position: 1, error: { code: 'INVALID_ID', operation: call, id: 'b{ad' } },
          { id: 'u3', position: 3, error: { code: 'INVALID_FEATURE', operation: call, id: 'u3' } },
        ]);
        expect(await own.listEntityIds()).toStrictEqual(['u0', 'u2', 'u4']);
        await own.reset();
      });

      it.each(['array', 'Map', 'object'])(
        'end the call before anything is sent, where all are at hand: %s',
        async (kind) => {
          const own = await open();
          const refused = { code: 'INVALID_ID', operation: call, id: 'b{ad' };
          await expect(own[call](CONTAINERS[kind]?.() ?? [])).rejects.toMatchObject(refused);
          expect(await own.countEntities()).toBe(0);
        },
      );

      it.each(['generator', 'async generator'])('end the call as they come: %s', async (kind) => {
        const own = await open();
        const rows = CONTAINERS[kind]?.() ?? [];
        const error: unknown = await own[call](rows).catch((thrown: unknown) => thrown);
        expect(error).toBeInstanceOf(PartialLoadError);
        expect(error).toMatchObject({ operation: call, cause: { code: 'INVALID_ID' } });
        const { counts, failed } = error as PartialLoadError;
        expect(failed).toMatchObject([{ id: 'b{ad', position: 1 }]);
        expect(counts.pulled).toBe(counts.loaded + failed.length + counts.neverSent);
        await own.reset();
      });

      it('in a report have the place of rows that are left out or come twice', async () => {
        const rows: FeatureEntry[] = [
          ['u1', {}],
          ['u2', { a: 1 }],
          ['u2', { a: 2 }],
          ['', { a: 1 }],
          ['u2', { a: 3 }],
        ];
        const valid = call === 'bulkLoad' ? rows.slice(1) : rows;
        const result = await store[call](valid, { onInvalid: 'report' });
        const position = call === 'bulkLoad' ? 2 : 3;
        expect(result.failed).toMatchObject([{ id: '', position }]);
        expect(result.loaded).toBe(valid.length - 1);
        expect(await store.getFeatures('u2', ['a'])).toStrictEqual({ a: '3' });
      });
    },
  );

  describe(`bad ids of reads on ${name}`, () => {
    const ids = ['u1', 'b{ad', 'nobody', '', 7 as unknown as string, 'v1'];
    const expected = [
      { id: 'b{ad', position: 1, error: { code: 'INVALID_ID', id: 'b{ad' } },
      { id: '', position: 3, error: { code: 'INVALID_ID' } },
      { id: '7', position: 4, error: { code: 'INVALID_ID' } },
    ];
    const rows = [{ a: '1' }, undefined, {}, undefined, undefined, { a: '9' }];

    it('are reported each by itself, and the others are read', async () => {
      await store.bulkLoad({ u1: { a: 1 }, v1: { a: 9 } });
      const options = { onInvalid: 'report' } as const;
      const read = await store.tryBatchGetFeatures(ids, ['a'], options);
      expect(read.rows).toStrictEqual(rows);
      expect(read.failed).toMatchObject(expected);
      expect(read.failed[0]?.error.operation).toBe('tryBatchGetFeatures');
      const error: unknown = await store
        .batchGetFeatures(ids, ['a'], options)
        .catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(PartialBatchError);
      expect((error as PartialBatchError).rows).toStrictEqual(rows);
      expect(error).toMatchObject({ byCode: { INVALID_ID: 3 }, operation: 'batchGetFeatures' });
      for await (const chunk of store.streamFeatures(ids, ['a'], {
        ...options,
        onFailure: 'return',
      })) {
        expect(chunk.rows).toStrictEqual(rows);
        expect(chunk.failed).toMatchObject(expected);
      }
    });

    it('end the call before anything is sent, if they are not to be reported', async () => {
      const refused = { code: 'INVALID_ID', operation: 'tryBatchGetFeatures' };
      await expect(store.tryBatchGetFeatures(ids, ['a'])).rejects.toMatchObject(refused);
      expect(ids.map(isValidId)).toStrictEqual([true, false, true, false, false, true]);
    });
  });

  describe(`a live source on ${name}`, () => {
    it('is on its way within maxDelayMs, and committed in order', async () => {
      let release = (): void => undefined;
      const held = new Promise<void>((resolve) => (release = resolve));
      const committed: CommitEvent[] = [];
      async function* source(): AsyncGenerator<FeatureEntry> {
        yield ['s1', { a: 1 }, { offset: 'first' }];
        yield ['s2', { a: 2 }, { offset: 'second' }];
        await held;
        yield ['s1', { a: 3 }, { offset: 'third' }];
      }
      const writing = store.updateStreamingBatch(source(), {
        maxDelayMs: 1,
        onCommitted: (event) => committed.push(event),
      });
      await vi.waitFor(async () => {
        expect(await store.getFeatures('s2', ['a'])).toStrictEqual({ a: '2' });
      });
      await vi.waitFor(() => expect(committed.at(-1)).toMatchObject({ offset: 'second' }));
      release();
      expect(await writing).toMatchObject({ pulled: 3, loaded: 3, committed: 3 });
      expect(committed.at(-1)).toStrictEqual({ position: 3, offset: 'third', failed: [] });
      const positions = committed.map(({ position }) => position);
      expect(positions).toStrictEqual([...positions].sort((x, y) => x - y));
    });

    it('that is aborted says what was taken, written and never sent', async () => {
      const controller = new AbortController();
      async function* source(): AsyncGenerator<FeatureEntry> {
        for (let i = 0; i < 195; i++) yield [`q${i}`, { a: i }];
        controller.abort();
        await new Promise(() => undefined);
      }
      const options = { signal: controller.signal, maxDelayMs: 60_000 };
      const error: unknown = await store
        .updateStreamingBatch(source(), options)
        .catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({
        code: 'PARTIAL_LOAD',
        operation: 'updateStreamingBatch',
        cause: { code: 'ABORTED' },
        counts: { pulled: 195, loaded: 0, older: 0, absent: 0, neverSent: 195, committed: 0 },
      });
    });

    it('stops when more rows fail than may, and those are not committed', async () => {
      const committed: CommitEvent[] = [];
      const rows: FeatureEntry[] = Array.from({ length: 30 }, (_, i) => [`m${i}`, { a: i }]);
      rows.splice(20, 0, ['', { a: 1 }]);
      const error: unknown = await store
        .updateStreamingBatch(slowly(rows), {
          maxRows: 10,
          maxFailedRows: 0,
          onInvalid: 'report',
          onCommitted: (event) => committed.push(event),
        })
        .catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'PARTIAL_LOAD', cause: { code: 'PARTIAL_LOAD' } });
      const { counts, failed } = error as PartialLoadError;
      expect(failed).toMatchObject([{ position: 20, error: { code: 'INVALID_ID' } }]);
      expect(counts.committed).toBe(20);
      expect(committed.at(-1)?.position).toBe(20);
    });
  });

  describe(`callbacks on ${name}`, () => {
    it('that throw or reject break nothing, and are warned of once', async () => {
      const warnings: Error[] = [];
      const listen = (warning: Error): void => void warnings.push(warning);
      process.on('warning', listen);
      onTestFinished(() => void process.off('warning', listen));
      const thrower = vi.fn<() => void>(() => {
        throw new Error('of the caller');
      });
      const rejecter = vi.fn<() => Promise<void>>(async () => {
        throw new Error('of the caller');
      });
      const callbacks = { onProgress: thrower, onCommitted: rejecter };
      const rows = GOOD.map(([id, features]): FeatureEntry => [id, features]);
      expect(await store.bulkLoad(rows, callbacks)).toMatchObject({ loaded: 3, failed: [] });
      expect(await store.bulkLoad(rows, callbacks)).toMatchObject({ loaded: 3, failed: [] });
      expect(thrower).toHaveBeenCalled();
      expect(rejecter).toHaveBeenCalled();
      const ids = ['u0', 'u2', 'u4'];
      const onPipeline = vi.fn<() => void>(() => {
        throw new Error('of the caller');
      });
      expect(await store.batchGetFeatures(ids, ['a'], { onPipeline })).toHaveLength(3);
      expect(onPipeline).toHaveBeenCalled();
      await vi.waitFor(() => expect(warnings).toHaveLength(3));
      const names = warnings.map(({ message }) => message.split(' ')[0]).sort();
      expect(names).toStrictEqual(['onCommitted', 'onPipeline', 'onProgress']);
    });
  });

  describe(`deadlines on ${name}`, () => {
    it('may be any positive number', async () => {
      await store.bulkLoad({ u0: { a: 0 } });
      for (const timeoutMs of [2_000.75, 1e12, Number.POSITIVE_INFINITY]) {
        expect(await store.getFeatures('u0', ['a'], { timeoutMs })).toStrictEqual({ a: '0' });
      }
    });

    it.each([0, -0.5, -1e9])('that are used up (%d ms) end with TIMEOUT', async (timeoutMs) => {
      const late = { code: 'TIMEOUT', message: expect.stringContaining('nothing was sent') };
      const read = store.getFeatures('u0', ['a'], { timeoutMs });
      await expect(read).rejects.toMatchObject({ ...late, operation: 'getFeatures', id: 'u0' });
      const { rows, failed } = await store.tryBatchGetFeatures(['u0'], ['a'], { timeoutMs });
      expect(rows).toStrictEqual([undefined]);
      expect(failed).toMatchObject([{ id: 'u0', position: 0, error: late }]);
      const write = store.updateStreaming('late', { a: 1 }, { timeoutMs });
      await expect(write).rejects.toMatchObject({ code: 'TIMEOUT', operation: 'updateStreaming' });
      const load = await store.bulkLoad({ late: { a: 1 } }, { timeoutMs });
      expect(load.failed).toMatchObject([{ id: 'late', position: 0, error: late }]);
      expect(await store.inspect('late')).toMatchObject({ exists: false });
    });
  });

  describe(`close on ${name}`, () => {
    it('lets calls end with drainMs, and refuses new ones meanwhile', async () => {
      const own = await open();
      let release = (): void => undefined;
      const held = new Promise<void>((resolve) => (release = resolve));
      async function* source(): AsyncGenerator<FeatureEntry> {
        yield ['c1', { a: 1 }];
        await held;
        yield ['c2', { a: 2 }];
      }
      const load = own.bulkLoad(source());
      const closing = own.close({ drainMs: 60_000 });
      await expect(own.getFeatures('c1')).rejects.toMatchObject({
        code: 'CLOSED',
        operation: 'getFeatures',
        message: expect.stringContaining('closing'),
      });
      release();
      expect(await load).toMatchObject({ loaded: 2, failed: [] });
      await closing;
      await expect(own.getFeatures('c1')).rejects.toMatchObject({ code: 'CLOSED' });
    });

    it('ends calls that outlast drainMs', async () => {
      const own = await open();
      async function* source(): AsyncGenerator<FeatureEntry> {
        yield ['c3', { a: 1 }];
        await new Promise(() => undefined);
      }
      const load = own.bulkLoad(source());
      load.catch(() => undefined);
      await own.close({ drainMs: 1 });
      await expect(load).rejects.toMatchObject({ code: 'PARTIAL_LOAD', cause: { code: 'CLOSED' } });
    });

    it.each([-1, 1.5, '5', Number.NaN])('refuses drainMs %j', async (drainMs) => {
      const options = { drainMs } as unknown as { drainMs: number };
      await expect(store.close(options)).rejects.toMatchObject({
        code: 'INVALID_OPTION',
        operation: 'close',
      });
      expect(await store.countEntities()).toBeGreaterThanOrEqual(0);
    });
  });

  it(`says where an error happened, on ${name}`, async () => {
    await expect(store.getFeatures('a{b', ['a'])).rejects.toMatchObject({
      code: 'INVALID_ID',
      operation: 'getFeatures',
      id: 'a{b',
    });
    await expect(store.updateStreaming('u1', { '': 1 })).rejects.toMatchObject({
      operation: 'updateStreaming',
      id: 'u1',
      slot: store.slotFor('u1'),
    });
    expect(() => store.keyFor('')).toThrow(expect.objectContaining({ operation: 'keyFor' }));
    await store.updateBatchFeature('bin', 'a', new Uint8Array([255]));
    const { failed } = await store.tryBatchGetFeatures(['bin'], ['a']);
    expect(failed).toMatchObject([
      {
        id: 'bin',
        position: 0,
        error: {
          code: 'NOT_TEXT',
          operation: 'tryBatchGetFeatures',
          id: 'bin',
          slot: store.slotFor('bin'),
          shard: store.shardFor('bin'),
        },
      },
    ]);
    const json = JSON.parse(JSON.stringify(failed[0]?.error)) as object;
    expect(json).toMatchObject({ code: 'NOT_TEXT', operation: 'tryBatchGetFeatures', id: 'bin' });
  });
}
