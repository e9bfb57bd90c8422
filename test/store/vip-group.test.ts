import { expect, test } from 'vitest';
import { Closing } from '../../src/cluster/control/closing.ts';
import type { Backend } from '../../src/cluster/delivery/backend.ts';
import { slotOf } from '../../src/cluster/routing/slot.ts';
import { Topology } from '../../src/cluster/routing/topology.ts';
import { ReadShapes } from '../../src/store/read-shape.ts';
import { Calls } from '../../src/store/calls.ts';
import type { Context } from '../../src/store/context.ts';
import { KeyLayout } from '../../src/store/key-layout.ts';
import { VipGroup } from '../../src/store/vip-group.ts';

const layout = new KeyLayout('p:', { vip: ['b', 'a'], none: [] });

function groupOf(name: string, topology: Topology): VipGroup {
  const context = {
    layout,
    options: { timeoutMs: 10_000 },
    // All that a group reads, but for its rows.
    backend: { topology, closing: new Closing() } as Backend,
    readShapes: new ReadShapes(),
  } as Context;
  return new VipGroup(context, new Calls(context), name);
}

test('a group has the slot of its members’ keys, and their order', () => {
  const group = groupOf('vip', new Topology());
  expect(group.ids).toStrictEqual(['b', 'a']);
  expect(group.slot).toBe(slotOf(layout.keyFor('a')));
  expect(group.slot).toBe(slotOf(layout.keyFor('b')));
});

test('its shard is the one that owns the slot now, if one does', () => {
  const topology = new Topology();
  const group = groupOf('vip', topology);
  expect(group.shard()).toBeUndefined();
  topology.assign(group.slot, 'a:1');
  expect(group.shard()).toBe('a:1');
  topology.assign(group.slot, 'b:1');
  expect(group.shard()).toBe('b:1');
});

test('bad names and bad options are refused before anything is sent', async () => {
  const group = groupOf('vip', new Topology());
  await expect(group.batchGetFeatures([''])).rejects.toMatchObject({ code: 'INVALID_FEATURE' });
  await expect(group.batchGetFeatures(['f'], { timeoutMs: Number.NaN })).rejects.toMatchObject({
    code: 'INVALID_OPTION',
  });
});

test('a group without members has no rows', async () => {
  expect(await groupOf('none', new Topology()).batchGetFeatures(['f'])).toStrictEqual([]);
});
