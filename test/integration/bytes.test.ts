/** Values as bytes: written by this store or another client, read exactly as they were. */

import * as fc from 'fast-check';
import { Cluster, Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest';
import { FeatureStore, type FeatureBytes, type FeatureRow } from '../../src/index.ts';
import { anyText } from '../cluster/unicode.ts';

const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));
const FLOATS = new Uint8Array(new Float32Array([1, 2, 0.1]).buffer);
const anyBytes = fc.oneof(
  fc.uint8Array({ maxLength: 60 }),
  anyText.map(bytesOf),
  fc.constantFrom('', '\ufffd', 'x\ufffdy', '\r\n', '-1').map(bytesOf),
);

describe.each(['cluster', 'standalone'] as const)('on %s', (kind) => {
  let store: FeatureStore;
  let other: Cluster | Redis;

  beforeAll(async () => {
    const nodes = nodesOf(kind);
    const vipGroups = { vip: ['vip1', 'vip2'] };
    store = await FeatureStore.connect({ nodes, keyPrefix: 'bytes:', vipGroups });
    other = kind === 'cluster' ? new Cluster(nodes) : new Redis(nodes[0] ?? '');
  });
  afterAll(async () => {
    await store.reset();
    await store.close();
    other.disconnect();
  });

  it('bytes that another client wrote come back exactly; as text, exactly or as NOT_TEXT', async () => {
    const rows = fc.array(fc.array(anyBytes, { minLength: 1, maxLength: 3 }), { minLength: 1 });
    await fc.assert(
      fc.asyncProperty(rows, async (list) => {
        const ids = list.map((_, i) => `any${i}`);
        const names = ['f0', 'f1', 'f2'];
        await Promise.all(ids.map((id) => other.unlink(store.keyFor(id))));
        const writes = list.map((values, i) =>
          other.hset(
            store.keyFor(ids[i] ?? ''),
            ...values.flatMap((value, at) => [`f${at}`, Buffer.from(value)]),
          ),
        );
        await Promise.all(writes);
        const wanted = list.map((values) => Object.fromEntries(values.map((v, i) => [`f${i}`, v])));
        expect(await store.batchGetFeatures(ids, names, { as: 'bytes' })).toStrictEqual(wanted);
        const { rows: texts, failed } = await store.batchGetFeatures(ids, names, {
          onFailure: 'return',
        });
        const failedIds = new Set(failed.map(({ id }) => id));
        for (const { error } of failed) expect(error.code).toBe('NOT_TEXT');
        for (const [i, text] of texts.entries()) {
          const isAllText = Object.values(wanted[i] ?? {}).every(
            (value) => Buffer.compare(Buffer.from(Buffer.from(value).toString()), value) === 0,
          );
          expect(failedIds.has(ids[i] ?? '')).toBe(!isAllText);
          expect(text && asBytes(text)).toStrictEqual(isAllText ? wanted[i] : undefined);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('every call that writes takes bytes, and every call that reads gives them', async () => {
    const pooled = Buffer.from('\xff\xfe\x00pool', 'latin1');
    const wanted = {
      floats: FLOATS,
      pooled: new Uint8Array(pooled),
      nothing: new Uint8Array(0),
      text: bytesOf('é'),
      n: bytesOf('14'),
    };
    const features = { floats: FLOATS, pooled, nothing: Buffer.alloc(0), text: 'é', n: 14 };
    const names = Object.keys(features);
    await store.bulkLoad([['b1', features]]);
    await store.updateStreaming('b2', features);
    await store.updateStreamingBatch(new Map([['b3', features]]));
    for (const [name, value] of Object.entries(features)) {
      await store.updateBatchFeature('b4', name, value);
    }
    await store.bulkLoad({ vip1: features, vip2: { text: 'é' } });
    const ids = ['b1', 'b2', 'nobody', 'b3', 'b4', 'b1'];
    const rows = [wanted, wanted, {}, wanted, wanted, wanted];
    expect(await store.batchGetFeatures(ids, names, { as: 'bytes' })).toStrictEqual(rows);
    const returned = store.batchGetFeatures(ids, names, { as: 'bytes', onFailure: 'return' });
    expect(await returned).toStrictEqual({ rows, failed: [] });
    for (const id of ['b1', 'b2', 'b3', 'b4']) {
      expect(await store.getFeatures(id, names, { as: 'bytes' })).toStrictEqual(wanted);
      expect(await store.getFeatures(id, undefined, { as: 'bytes' })).toStrictEqual(wanted);
      expect(await store.getFeatures(id, ['text', 'n'], { as: 'text' })).toStrictEqual({
        text: 'é',
        n: '14',
      });
    }
    const streamed: FeatureBytes[] = [];
    const options = { as: 'bytes', chunkSize: 4 } as const;
    for await (const chunk of store.streamFeatures(ids, names, options)) {
      streamed.push(...chunk.rows.map((row) => row ?? {}));
    }
    expect(streamed).toStrictEqual(rows);
    const group = store.vipGroup('vip').batchGetFeatures(names, { as: 'bytes' });
    expect(await group).toStrictEqual([wanted, { text: bytesOf('é') }]);
    expect(await other.hgetBuffer(store.keyFor('b2'), 'pooled')).toStrictEqual(pooled);
  });

  it('what is read is a copy of its own, and what is written may change when the call has returned', async () => {
    const source = Uint8Array.of(1, 2, 0xff);
    const fresh = await FeatureStore.connect({
      nodes: nodesOf(kind),
      keyPrefix: 'bytes:',
      vipGroups: 'recorded',
    });
    onTestFinished(() => fresh.close());
    const writes = [
      store.updateStreaming('c1', { v: source }),
      fresh.updateStreaming('c3', { v: source }), // it has to ask the servers first what they know
      store.updateBatchFeature('c2', 'v', source),
    ];
    source.fill(9);
    await Promise.all(writes);
    for (const id of ['c1', 'c2', 'c3']) {
      const { v } = await store.getFeatures(id, ['v'], { as: 'bytes' });
      expect(v).toStrictEqual(Uint8Array.of(1, 2, 0xff));
      expect(v?.buffer.byteLength).toBe(3);
    }
  });

  it('a value of 8 MiB goes and comes; a longer one is refused', async () => {
    const large = new Uint8Array(8_388_608).fill(0xfe);
    await store.bulkLoad({ large: { v: large } });
    const { v } = await store.getFeatures('large', ['v'], { as: 'bytes' });
    expect(Buffer.compare(v ?? large.subarray(1), large)).toBe(0);
    await expect(store.getFeatures('large', ['v'])).rejects.toThrow(
      /is 8388608 bytes that are not/,
    );
    const tooLong = { v: new Uint8Array(8_388_609) };
    await expect(store.updateStreaming('large', tooLong)).rejects.toMatchObject({
      code: 'INVALID_FEATURE',
      message: expect.stringContaining('8388609 bytes; the limit is 8388608'),
    });
  });

  it('bytes in another form are refused with what to give instead', async () => {
    const moved = new Uint8Array(4);
    structuredClone(moved, { transfer: [moved.buffer] });
    const cases: [unknown, RegExp][] = [
      [new Float32Array([1]), /an object \(Float32Array\).*Give its bytes: new Uint8Array\(/],
      [new ArrayBuffer(4), /an object \(ArrayBuffer\).*Give its bytes/],
      [new DataView(new ArrayBuffer(4)), /an object \(DataView\).*Give its bytes/],
      [moved, /has lost its bytes: their buffer was transferred/],
      [[1, 2], /an array; a value is a string, a finite number, a boolean or a Uint8Array\. Leave/],
    ];
    for (const [value, message] of cases) {
      const features = { v: value as string };
      const refused = { code: 'INVALID_FEATURE', message: expect.stringMatching(message) };
      await expect(store.updateStreaming('r', features)).rejects.toMatchObject(refused);
      await expect(store.bulkLoad({ r: features })).rejects.toMatchObject(refused);
      const one = store.updateBatchFeature('r', 'v', value as string);
      await expect(one).rejects.toMatchObject(refused);
    }
    expect(await store.getFeatures('r')).toStrictEqual({});
    const as = 'hex' as 'text';
    const wrong = {
      code: 'INVALID_OPTION',
      message: expect.stringContaining("options.as must be '"),
    };
    await expect(store.getFeatures('r', ['v'], { as })).rejects.toMatchObject(wrong);
    await expect(store.batchGetFeatures(['r'], ['v'], { as })).rejects.toMatchObject(wrong);
    expect(() => store.streamFeatures(['r'], ['v'], { as })).toThrow(
      expect.objectContaining(wrong),
    );
  });
});

function nodesOf(kind: 'cluster' | 'standalone'): string[] {
  return kind === 'cluster' ? inject('clusterNodes') : [inject('standaloneUrl')];
}

function asBytes(row: FeatureRow): FeatureBytes {
  return Object.fromEntries(Object.entries(row).map(([name, text]) => [name, bytesOf(text)]));
}
