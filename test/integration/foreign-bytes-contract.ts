/** Values, field names and keys of other writers, whose bytes are no text. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PartialBatchError, type FeatureStore } from '../../src/index.ts';
import type { ContractTarget, OtherClient } from './contract-target.ts';

/** 1.0, 2.0 and 0.1 as float32: not UTF-8. */
const FLOATS = Buffer.from(new Float32Array([1, 2, 0.1]).buffer);
/** What a decoder makes of a byte that is no text, but written as the character it is. */
const REPLACEMENT = '\ufffd';
const keyPrefix = 'foreign-bytes:';
const members = ['vip1', 'vip2'];

export function foreignBytesContract(target: ContractTarget): void {
  describe(`what other writers write, on ${target.name}`, () => {
    let store: FeatureStore;
    let other: OtherClient;

    beforeAll(async () => {
      store = await target.connect({ keyPrefix, vipGroups: { vip: members } });
      other = await target.other();
    });
    afterAll(async () => {
      await store.reset();
      await store.close();
      other.close();
    });

    const write = (id: string, ...fields: (string | Buffer)[]): Promise<unknown> =>
      other.call('HSET', store.keyFor(id), ...fields);

    describe('read as text, a value that is no text', () => {
      const notText = {
        code: 'NOT_TEXT',
        retryable: false,
        message:
          "Entity 'bin': Feature 'vector' is 12 bytes that are not UTF-8 text. " +
          "Read it with { as: 'bytes' }, or leave it out.",
      };

      beforeAll(async () => {
        await write('bin', 'vector', FLOATS, 'country', 'DE');
        await write('text', 'vector', 'plain', 'country', 'GB');
      });

      it('fails its read by name, and leaves the other features alone', async () => {
        await expect(store.getFeatures('bin', ['country', 'vector'])).rejects.toMatchObject(
          notText,
        );
        await expect(store.getFeatures('bin')).rejects.toMatchObject(notText);
        expect(await store.getFeatures('bin', ['country'])).toStrictEqual({ country: 'DE' });
      });

      it('fails its row of a batch and no other', async () => {
        const ids = ['text', 'bin', 'nobody', 'text'];
        const rows = [{ vector: 'plain' }, undefined, {}, { vector: 'plain' }];
        const failed = [{ id: 'bin', error: notText }];
        const read = store.batchGetFeatures(ids, ['vector'], { onFailure: 'return' });
        expect(await read).toMatchObject({ rows, failed });
        const error = await store
          .batchGetFeatures(ids, ['vector'])
          .catch((thrown: unknown) => thrown);
        expect(error).toBeInstanceOf(PartialBatchError);
        expect(error).toMatchObject({ rows, failed, retryable: false });
        const chunks = [];
        const options = { onFailure: 'return', chunkSize: 3 } as const;
        for await (const chunk of store.streamFeatures(ids, ['vector'], options))
          chunks.push(chunk);
        expect(chunks.flatMap((chunk) => chunk.rows)).toStrictEqual(rows);
        expect(chunks.flatMap((chunk) => chunk.failed)).toMatchObject(failed);
      });

      it('fails its row of many, and of a VIP group', async () => {
        const ids = Array.from({ length: 3_000 }, (_, i) => `many${i}`);
        await store.bulkLoad(ids.map((id) => [id, { country: 'US', vector: `v${id}` }] as const));
        const binary = new Set(ids.filter((_, i) => i % 100 === 0));
        for (const id of binary) await write(id, 'vector', FLOATS);
        const { rows, failed } = await store.batchGetFeatures(ids, ['country', 'vector'], {
          onFailure: 'return',
        });
        expect(failed.map(({ id, error }) => [id, error.code])).toStrictEqual(
          [...binary].map((id) => [id, 'NOT_TEXT']),
        );
        expect(rows).toStrictEqual(
          ids.map((id) => (binary.has(id) ? undefined : { country: 'US', vector: `v${id}` })),
        );
        await write('vip1', 'vector', FLOATS);
        await write('vip2', 'vector', 'plain');
        const group = store.vipGroup('vip').batchGetFeatures(['vector'], { onFailure: 'return' });
        expect(await group).toMatchObject({
          rows: [undefined, { vector: 'plain' }],
          failed: [{ id: 'vip1', error: { code: 'NOT_TEXT' } }],
        });
      });

      it('is none where it really holds U+FFFD, or ends what is longer than a chunk', async () => {
        const long = `${'é'.repeat(200_000)}${REPLACEMENT}`;
        await store.bulkLoad({ fffd: { short: REPLACEMENT, long } });
        const wanted = { short: REPLACEMENT, long };
        expect(await store.getFeatures('fffd', ['short', 'long'])).toStrictEqual(wanted);
        expect(await store.getFeatures('fffd')).toStrictEqual(wanted);
        await write('fffd', 'long', Buffer.concat([Buffer.from(long), Buffer.of(0xff)]));
        await expect(store.getFeatures('fffd', ['short', 'long'])).rejects.toThrow(
          /'long' is 400004 b/,
        );
      });
    });

    it('inspect shows the bytes of what is no text, names too', async () => {
      const name = Buffer.of(0x6e, 0xff);
      await write('inspected', name, 'text of a name', 'b', FLOATS, 'a', 'text');
      await other.call('EXPIRE', store.keyFor('inspected'), 100);
      const { fields, exists } = await store.inspect('inspected');
      expect(exists).toBe(true);
      expect(fields).toStrictEqual([
        { name: 'a', value: 'text', ttlSeconds: -1 },
        { name: 'b', value: new Uint8Array(FLOATS), ttlSeconds: -1 },
        { name: new Uint8Array(name), value: 'text of a name', ttlSeconds: -1 },
      ]);
      await expect(store.getFeatures('inspected')).rejects.toMatchObject({
        code: 'NOT_TEXT',
        message: expect.stringContaining('The name of a field is 2 bytes that are not UTF-8 text'),
      });
      expect(await store.getFeatures('inspected', ['a'])).toStrictEqual({ a: 'text' });
      await other.call('HEXPIRE', store.keyFor('inspected'), 50, 'FIELDS', 1, name);
      const [, , named] = (await store.inspect('inspected')).fields;
      expect(named?.ttlSeconds).toBeGreaterThan(40);
    });

    it('a key that is no text is never an entity, and reset deletes it as itself', async () => {
      const keyOf = (...bytes: number[]): Buffer =>
        Buffer.concat([Buffer.from(scanned.keyPrefix), Buffer.from(bytes)]);
      const scanned = await target.connect({ keyPrefix: 'foreign-keys:' });
      try {
        // As text both would be the id `a\ufffd`, which is an entity here.
        const foreign = [keyOf(0x61, 0xff), keyOf(0x61, 0xc3), keyOf(0x7b, 0x61, 0x7d, 0xfe)];
        for (const key of foreign) await other.call('SET', key, 'x');
        await scanned.bulkLoad({ [`a${REPLACEMENT}`]: { n: 1 }, plain: { n: 2 } });
        expect(await scanned.countEntities()).toBe(2);
        expect(await scanned.listEntityIds()).toStrictEqual([`a${REPLACEMENT}`, 'plain'].sort());
        const seen: string[] = [];
        for await (const id of scanned.scanEntityIds()) seen.push(id);
        expect(seen.sort()).toStrictEqual([`a${REPLACEMENT}`, 'plain'].sort());
        expect(await scanned.deleteEntity(`a${REPLACEMENT}`)).toBe(true);
        for (const key of foreign) expect(await other.call('EXISTS', key)).toBe(1);
        expect(await scanned.reset()).toBe(4);
        for (const key of foreign) expect(await other.call('EXISTS', key)).toBe(0);
      } finally {
        await scanned.close();
      }
    });
  });
}
