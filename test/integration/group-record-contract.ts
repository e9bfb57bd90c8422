/** What a store promises of VIP groups that other stores have, or have not. */

import { randomUUID } from 'node:crypto';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { FeatureStore, FeatureStoreOptions } from '../../src/index.ts';
import type { ContractTarget } from './contract-target.ts';

type Given = Pick<FeatureStoreOptions, 'vipGroups' | 'vipGroupsRecord'>;

export function groupRecordContract({ name, connect }: ContractTarget): void {
  /** Connects stores under one prefix. */
  function under(keyPrefix = `groups:${randomUUID()}:`): (given: Given) => Promise<FeatureStore> {
    return async (given) => {
      const store = await connect({ keyPrefix, ...given });
      onTestFinished(() => store.close());
      return store;
    };
  }
  const groups = { vip: ['u1', 'u2'], staff: ['u3'] };
  const rows = { u1: { a: 1 }, u3: { a: 3 }, u4: { a: 4 } };
  const mismatch = { code: 'VIP_GROUPS_MISMATCH', operation: 'connect', retryable: false };

  describe(`VIP groups of ${name}`, () => {
    it('are recorded by the first write; a store with others is refused when it connects', async () => {
      const open = under();
      const reader = await open({}); // nothing is recorded yet
      const writer = await open({ vipGroups: groups });
      expect(await reader.countEntities()).toBe(0);
      await writer.bulkLoad(rows);
      await expect(open({})).rejects.toMatchObject({
        ...mismatch,
        message: expect.stringMatching(/vip of 2, staff of 1 \(record 1\), here none\./),
      });
      const other = { vip: ['u1'], staff: ['u3'] };
      await expect(open({ vipGroups: other })).rejects.toMatchObject(mismatch);
      const same = await open({ vipGroups: { none: [], staff: ['u3'], vip: ['u2', 'u1'] } });
      expect(await same.getFeatures('u1')).toStrictEqual({ a: '1' });
      expect(await writer.countEntities()).toBe(3);
      expect(await writer.listEntityIds()).toStrictEqual(['u1', 'u3', 'u4']);
    });

    it.each(['updateStreaming', 'updateStreamingBatch', 'updateBatchFeature'] as const)(
      'are recorded by %s too',
      async (call) => {
        const open = under();
        const writer = await open({ vipGroups: groups });
        if (call === 'updateStreaming') await writer.updateStreaming('u1', { a: 1 });
        else if (call === 'updateStreamingBatch') await writer.updateStreamingBatch(rows);
        else await writer.updateBatchFeature('u1', 'a', 1);
        await expect(open({})).rejects.toMatchObject(mismatch);
      },
    );

    it("can be taken from the record: 'recorded'", async () => {
      const open = under();
      const before = await open({ vipGroups: 'recorded' });
      expect(() => before.vipGroup('vip')).toThrow(/declared are: none/);
      await (await open({ vipGroups: groups })).bulkLoad(rows);
      const after = await open({ vipGroups: 'recorded' });
      expect(after.vipGroup('vip').ids).toStrictEqual(['u1', 'u2']);
      expect(await after.batchGetFeatures(['u1', 'u3', 'u4'], ['a'])).toStrictEqual([
        { a: '1' },
        { a: '3' },
        { a: '4' },
      ]);
    });

    it('can be changed by a store that says so, or be of no account', async () => {
      const open = under();
      await (await open({ vipGroups: groups })).bulkLoad(rows);
      const changed = { vip: ['u1', 'u4'] };
      const next = await open({ vipGroups: changed, vipGroupsRecord: 'replace' });
      await next.bulkLoad(rows);
      await expect(open({ vipGroups: groups })).rejects.toMatchObject({
        message: expect.stringContaining('vip of 2 (record 2)'),
      });
      expect((await open({ vipGroups: 'recorded' })).vipGroup('vip').ids).toStrictEqual(
        changed.vip,
      );
      const ignoring = await open({ vipGroupsRecord: 'ignore' });
      expect(await ignoring.getFeatures('u3')).toStrictEqual({ a: '3' });
    });

    it('fail the write of a store that connected before others were recorded', async () => {
      const open = under();
      const late = await open({ vipGroups: { vip: ['u9'] } });
      await (await open({ vipGroups: groups })).bulkLoad(rows);
      const expected = { code: 'VIP_GROUPS_MISMATCH', operation: 'updateStreaming' };
      await expect(late.updateStreaming('u9', { a: 1 })).rejects.toMatchObject(expected);
      await expect(late.bulkLoad({ u9: { a: 1 } })).rejects.toMatchObject({
        code: 'VIP_GROUPS_MISMATCH',
      });
    });

    it('are recorded anew after a reset, which does not count the record', async () => {
      const open = under();
      const writer = await open({ vipGroups: groups });
      await writer.bulkLoad(rows);
      expect(await writer.reset()).toBe(3);
      await expect(open({})).rejects.toMatchObject(mismatch);
      expect(await (await open({ vipGroups: 'recorded' })).reset()).toBe(0);
    });
  });
}
