/** What writes on conditions, deletions and replacements promise: the same on every kind of server. */

import { randomUUID } from 'node:crypto';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FeatureRows, FeatureStore } from '../../src/index.ts';
import type { ContractTarget } from './contract-target.ts';

export function writeContract({ name, connect }: ContractTarget): void {
  let store: FeatureStore;
  beforeAll(async () => {
    store = await connect({ keyPrefix: `writes:${randomUUID()}:`, vipGroups: { vip: ['v1'] } });
  });
  afterAll(async () => {
    await store.reset();
    await store.close();
  });

  describe(`event times on ${name}`, () => {
    it('writes a row only if it is newer, whole or not at all', async () => {
      const at = (eventTimeMs: number) => ({ eventTimeMs, ttlSeconds: 100 });
      expect(await store.updateStreaming('e1', { a: 1, b: 1 }, at(1_000))).toBe('written');
      expect(await store.updateStreaming('e1', { a: 2, c: 2 }, at(999))).toBe('older');
      expect(await store.updateStreaming('e1', { a: 2 }, at(1_000))).toBe('older');
      expect(await store.getFeatures('e1')).toStrictEqual({ a: '1', b: '1' });
      expect(await store.updateStreaming('e1', { a: 3, c: 3 }, at(1_001))).toBe('written');
      expect(await store.getFeatures('e1')).toStrictEqual({ a: '3', b: '1', c: '3' });
      expect(await store.getFeatures('e1', ['@event_time'])).toStrictEqual({
        '@event_time': '1001',
      });
      const ttls = await store.fieldTtlsSeconds('e1', ['a', 'c', '@event_time']);
      for (const ttl of Object.values(ttls)) expect(ttl).toBeGreaterThan(90);
    });

    it('keeps the time as long as what was written with it', async () => {
      await store.updateStreaming('e2', { a: 1, b: 1 }, { eventTimeMs: 10, ttlSeconds: 500 });
      await store.updateStreaming('e2', { a: 2 }, { eventTimeMs: 20, ttlSeconds: 50 });
      const ttls = await store.fieldTtlsSeconds('e2', ['a', 'b', '@event_time']);
      expect(ttls['a']).toBeLessThanOrEqual(50);
      expect(ttls['@event_time']).toBeGreaterThan(490);
      expect(await store.updateStreaming('e2', { b: 0 }, { eventTimeMs: 15 })).toBe('older');
    });

    it('does not compare streams of different names', async () => {
      await store.updateStreaming('e3', { a: 1 }, { eventTimeMs: 10, stream: 'logins' });
      const other = { eventTimeMs: 5, stream: 'payments' };
      expect(await store.updateStreaming('e3', { b: 1 }, other)).toBe('written');
      expect(await store.updateStreaming('e3', { c: 1 }, { eventTimeMs: 1 })).toBe('written');
      expect(await store.updateStreaming('e3', { a: 0 }, { ...other, stream: 'logins' })).toBe(
        'older',
      );
      expect(await store.getFeatures('e3')).toStrictEqual({ a: '1', b: '1', c: '1' });
    });

    it('deletes with null, and an older row does not bring it back', async () => {
      await store.updateStreaming('e4', { a: 1, b: 1 }, { eventTimeMs: 10 });
      await store.updateStreaming('e4', { a: null }, { eventTimeMs: 20 });
      expect(await store.updateStreaming('e4', { a: 0 }, { eventTimeMs: 15 })).toBe('older');
      expect(await store.getFeatures('e4')).toStrictEqual({ b: '1' });
    });

    it('leaves batch features and the key TTL alone', async () => {
      await store.bulkLoad({ e5: { base: 1 } }, { ttlSeconds: 1_000 });
      await store.updateStreaming('e5', { a: 1 }, { eventTimeMs: 10 });
      expect(await store.keyTtlSeconds('e5')).toBeGreaterThan(990);
      expect(await store.fieldTtlsSeconds('e5', ['base'])).toStrictEqual({ base: -1 });
    });

    it('writes thousands of features in one step', async () => {
      const many = Object.fromEntries(Array.from({ length: 7_001 }, (_, i) => [`f${i}`, i]));
      expect(await store.updateStreaming('e6', many, { eventTimeMs: 7 })).toBe('written');
      expect(await store.updateStreaming('e6', { f0: 'x' }, { eventTimeMs: 6 })).toBe('older');
      const row = await store.getFeatures('e6', ['f0', 'f3500', 'f7000']);
      expect(row).toStrictEqual({ f0: '0', f3500: '3500', f7000: '7000' });
      const none = Object.fromEntries(Object.keys(many).map((feature) => [feature, null]));
      expect(await store.updateStreaming('e6', { ...none, left: 1 }, { eventTimeMs: 8 })).toBe(
        'written',
      );
      expect(await store.getFeatures('e6')).toStrictEqual({ left: '1' });
    });

    it('refuses what is no time, and a feature of its own name, before anything is sent', async () => {
      for (const eventTimeMs of [-1, 0.5, Number.NaN, 1e17, '5', null, new Date()]) {
        const options = { eventTimeMs } as unknown as { eventTimeMs: number };
        await expect(store.updateStreaming('e7', { a: 1 }, options)).rejects.toMatchObject({
          code: 'INVALID_OPTION',
          operation: 'updateStreaming',
          id: 'e7',
          message: expect.stringContaining('eventTimeMs must be a whole number from 0 to'),
        });
      }
      for (const feature of ['@event_time', '@event_time:logins']) {
        const expected = { code: 'INVALID_FEATURE', message: expect.stringContaining(feature) };
        const row = { [feature]: 1 };
        await expect(store.updateStreaming('e7', row)).rejects.toMatchObject(expected);
        await expect(store.bulkLoad({ e7: row })).rejects.toMatchObject(expected);
        const update = store.updateBatchFeature('e7', feature, 1);
        await expect(update).rejects.toMatchObject(expected);
      }
      expect(await store.inspect('e7')).toMatchObject({ exists: false });
    });

    it('ends with the newest row, whatever the order of ten writers', async () => {
      const rows = fc.uniqueArray(
        fc.record({
          id: fc.constantFrom('a', 'b', 'v1'),
          time: fc.integer({ min: 0, max: 1_000 }),
        }),
        { minLength: 1, maxLength: 60, selector: ({ id, time }) => `${id} ${time}` },
      );
      await fc.assert(
        fc.asyncProperty(rows, fc.uuid(), async (all, salt) => {
          const newest = new Map<string, number>();
          for (const { id, time } of all) newest.set(id, Math.max(newest.get(id) ?? 0, time));
          const writers = Array.from({ length: 10 }, (_, w) => all.filter((__, i) => i % 10 === w));
          const results = await Promise.all(
            writers.map((own, w) =>
              w % 2 === 0
                ? store.updateStreamingBatch(
                    own.map(({ id, time }) => [id + salt, rowAt(time), { eventTimeMs: time }]),
                  )
                : Promise.all(
                    own.map(({ id, time }) =>
                      store.updateStreaming(id + salt, rowAt(time), { eventTimeMs: time }),
                    ),
                  ),
            ),
          );
          let settled = 0;
          for (const result of results) {
            settled += Array.isArray(result) ? result.length : result.loaded + result.older;
          }
          expect(settled).toBe(all.length);
          for (const [id, time] of newest) {
            const read = await store.getFeatures(id + salt, ['t', 'copy']);
            expect(read).toStrictEqual({ t: String(time), copy: `at ${time}` });
          }
        }),
        { numRuns: 25 },
      );
    });
  });

  describe(`ifExists on ${name}`, () => {
    it('writes to an entity with batch features, and makes no ghost', async () => {
      await store.bulkLoad({ x1: { base: 1 } });
      expect(await store.updateStreaming('x1', { a: 1 }, { ifExists: true })).toBe('written');
      expect(await store.updateStreaming('x2', { a: 1 }, { ifExists: true })).toBe('absent');
      expect(await store.inspect('x2')).toMatchObject({ exists: false });
    });

    it('does not keep a ghost alive, but takes a key that another client made', async () => {
      await store.updateStreaming('x3', { a: 1 }, { ttlSeconds: 500 });
      expect(await store.updateStreaming('x3', { a: 2 }, { ifExists: true })).toBe('absent');
      await store.updateBatchFeature('x4', 'base', 1);
      expect(await store.updateStreaming('x4', { a: 2 }, { ifExists: true })).toBe('written');
    });

    it('goes with event times, and reports each row of a batch', async () => {
      await store.bulkLoad({ x5: { base: 1 } });
      await store.updateStreaming('x5', { a: 1 }, { eventTimeMs: 50 });
      const skipped: unknown[] = [];
      const result = await store.updateStreamingBatch(
        [
          ['x5', { a: 2 }, { eventTimeMs: 60 }],
          ['x6', { a: 2 }, { eventTimeMs: 60 }],
          ['x5', { a: 3 }, { eventTimeMs: 55 }],
          ['x5', { a: 4 }],
        ],
        { ifExists: true, onSkipped: (row) => skipped.push(row) },
      );
      expect(result).toMatchObject({ pulled: 4, loaded: 2, older: 1, absent: 1, failed: [] });
      expect(skipped).toStrictEqual([
        { id: 'x6', position: 1, reason: 'absent' },
        { id: 'x5', position: 2, reason: 'older' },
      ]);
      expect(await store.getFeatures('x5')).toStrictEqual({ base: '1', a: '4' });
    });

    it('lets reads tell: loadedOnly takes an entity without batch features for an absent one', async () => {
      await store.bulkLoad({ x7: { base: 1 } });
      await store.updateStreaming('x7', { a: 1 });
      await store.updateStreaming('x8', { a: 1 });
      const only = { loadedOnly: true };
      expect(await store.batchGetFeatures(['x8', 'x7', 'x9'], ['a', 'base'])).toStrictEqual([
        { a: '1' },
        { a: '1', base: '1' },
        {},
      ]);
      expect(await store.batchGetFeatures(['x8', 'x7', 'x9'], ['a', 'base'], only)).toStrictEqual([
        {},
        { a: '1', base: '1' },
        {},
      ]);
      expect(await store.getFeatures('x8', ['a'], only)).toStrictEqual({});
      expect(await store.getFeatures('x8', undefined, only)).toStrictEqual({});
      expect(await store.getFeatures('x7', undefined, only)).toStrictEqual({ a: '1', base: '1' });
      const bytes = await store.getFeatures('x7', ['a'], { ...only, as: 'bytes' });
      expect(bytes).toStrictEqual({ a: new Uint8Array(Buffer.from('1')) });
      await store.updateStreaming('v1', { a: 1 });
      expect(await store.vipGroup('vip').batchGetFeatures(['a'], only)).toStrictEqual([{}]);
    });
  });

  describe(`deletion and replacement on ${name}`, () => {
    it('deletes a feature with null, in a load, a streaming write and a single one', async () => {
      await store.bulkLoad({ d1: { a: 1, b: 1, c: 1, d: 1 } }, { ttlSeconds: 100 });
      await store.updateStreaming('d1', { s: 1, t: 1 });
      await store.bulkLoad({ d1: { a: 2, b: null, nothing: null } }, { ttlSeconds: 1_000 });
      expect(await store.updateStreaming('d1', { s: null, u: 1 })).toBe('written');
      await store.updateBatchFeature('d1', 'c', null);
      expect(await store.getFeatures('d1')).toStrictEqual({ a: '2', d: '1', t: '1', u: '1' });
      expect(await store.keyTtlSeconds('d1')).toBeGreaterThan(990);
      expect(await store.updateStreaming('d1', { t: null, u: null })).toBe('written');
      expect(await store.bulkLoad({ d1: { a: null, d: null } })).toMatchObject({ loaded: 1 });
      expect(await store.inspect('d1')).toMatchObject({ exists: false });
      expect(await store.bulkLoad({ d1: { a: null } })).toMatchObject({ loaded: 1, failed: [] });
    });

    it('replaces all batch features, and leaves streaming ones and their TTLs', async () => {
      await store.bulkLoad({ r1: { a: 1, b: 1, c: 1 }, r2: { a: 1 } }, { ttlSeconds: 100 });
      await store.updateStreaming('r1', { s: 1 }, { ttlSeconds: 500, eventTimeMs: 5 });
      const rows = { r1: { b: 2, n: 3, a: null }, r2: { b: 2 }, r3: { b: 2 } };
      const result = await store.bulkLoad(rows, { mode: 'replace', ttlSeconds: 1_000 });
      expect(result).toMatchObject({ loaded: 3, failed: [] });
      expect(await store.getFeatures('r1')).toStrictEqual({ b: '2', n: '3', s: '1' });
      expect(await store.getFeatures('r2')).toStrictEqual({ b: '2' });
      expect(await store.getFeatures('r3')).toStrictEqual({ b: '2' });
      expect(await store.keyTtlSeconds('r1')).toBeGreaterThan(990);
      expect((await store.fieldTtlsSeconds('r1', ['s']))['s']).toBeGreaterThan(400);
      expect(await store.updateStreaming('r1', { s: 0 }, { eventTimeMs: 4 })).toBe('older');
    });

    it('replaces a set of features, and leaves the others', async () => {
      await store.bulkLoad({ r4: { a: 1, b: 1, other: 1 } });
      const set = { mode: 'replace', features: ['a', 'b', 'c'] } as const;
      await store.bulkLoad({ r4: { b: 2 } }, set);
      expect(await store.getFeatures('r4')).toStrictEqual({ b: '2', other: '1' });
      await store.bulkLoad({ r4: {} }, set);
      expect(await store.getFeatures('r4')).toStrictEqual({ other: '1' });
      await expect(store.bulkLoad({ r4: { other: 2 } }, set)).rejects.toMatchObject({
        code: 'INVALID_FEATURE',
        message: expect.stringContaining("'other' is not among options.features"),
      });
      await expect(store.bulkLoad({ r4: {} }, { mode: 'replace' })).rejects.toMatchObject({
        code: 'INVALID_FEATURE',
      });
      await expect(store.bulkLoad({ r4: { a: 1 } }, { features: ['a'] })).rejects.toMatchObject({
        code: 'INVALID_OPTION',
      });
      await expect(
        store.bulkLoad([['r4', { a: 1 }, { eventTimeMs: 5 }]] as FeatureRows),
      ).rejects.toMatchObject({ code: 'INVALID_OPTION', operation: 'bulkLoad' });
    });

    it('replaces entities of thousands of features', async () => {
      const wide = (from: number, to: number): Record<string, number> =>
        Object.fromEntries(Array.from({ length: to - from }, (_, i) => [`f${from + i}`, i]));
      await store.bulkLoad({ r5: wide(0, 9_000) });
      await store.bulkLoad({ r5: wide(4_500, 9_500) }, { mode: 'replace' });
      const { fields } = await store.inspect('r5');
      expect(fields).toHaveLength(5_000);
      expect(Object.keys(await store.getFeatures('r5', ['f0', 'f4499', 'f4500']))).toStrictEqual([
        'f4500',
      ]);
    });

    it('deletes features of one entity', async () => {
      await store.bulkLoad({ d2: { a: 1, b: 1 } });
      await store.updateStreaming('d2', { s: 1 });
      expect(await store.deleteFeatures('d2', ['a', 's', 'nothing'])).toBe(2);
      expect(await store.getFeatures('d2')).toStrictEqual({ b: '1' });
      expect(await store.deleteFeatures('d2', [])).toBe(0);
      expect(await store.deleteFeatures('d2', ['b'])).toBe(1);
      expect(await store.deleteFeatures('d2', ['b'])).toBe(0);
      expect(await store.inspect('d2')).toMatchObject({ exists: false });
      await expect(store.deleteFeatures('d2', [''])).rejects.toMatchObject({
        code: 'INVALID_FEATURE',
        operation: 'deleteFeatures',
        id: 'd2',
      });
    });

    it('deletes features everywhere, or counts them', async () => {
      const own = await connect({ keyPrefix: `drop:${randomUUID()}:` });
      const rows = Array.from({ length: 500 }, (_, i): [string, Record<string, number>] => [
        `u${i}`,
        i % 5 === 0 ? { kept: 1 } : { kept: 1, old: 1, older: 2 },
      ]);
      await own.bulkLoad(rows);
      const seen: number[] = [];
      const onProgress = ({ scanned }: { scanned: number }): void => void seen.push(scanned);
      const found = { scanned: 500, entities: 400, features: 800 };
      const names = ['old', 'older', 'nothing'];
      expect(await own.deleteFeaturesEverywhere(names, { dryRun: true })).toStrictEqual(found);
      expect((await own.getFeatures('u1'))['old']).toBe('1');
      expect(await own.deleteFeaturesEverywhere(names, { onProgress })).toStrictEqual(found);
      expect(seen.at(-1)).toBe(500);
      const none = { scanned: 500, entities: 0, features: 0 };
      expect(await own.deleteFeaturesEverywhere(names)).toStrictEqual(none);
      expect(await own.countEntities()).toBe(500);
      expect(await own.getFeatures('u1')).toStrictEqual({ kept: '1' });
      await own.reset();
      await own.close();
    });
  });
}

function rowAt(time: number): Record<string, string | number> {
  return { t: time, copy: `at ${time}` };
}
