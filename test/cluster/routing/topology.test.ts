import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { SLOT_COUNT } from '../../../src/cluster/limits.ts';
import { Topology } from '../../../src/cluster/routing/topology.ts';

const ASKED = '10.0.0.9:7000';
const asIs = (address: string): string => address;
const read = (reply: unknown, map = asIs): Promise<Topology> =>
  Topology.fromClusterSlots(reply, ASKED, map);

test('one server owns every slot', async () => {
  const topology = Topology.standalone('a:1');
  expect(topology.coveredSlotCount).toBe(SLOT_COUNT);
  expect(topology.shards()).toStrictEqual([
    { address: 'a:1', replicas: [], slotCount: SLOT_COUNT, slotRanges: [[0, SLOT_COUNT - 1]] },
  ]);
  expect(topology.ownerOf(0)).toBe('a:1');
  expect(topology.ownerOf(SLOT_COUNT - 1)).toBe('a:1');
});

test('a new table has no owners', async () => {
  const topology = new Topology();
  expect(topology.coveredSlotCount).toBe(0);
  expect(topology.shards()).toStrictEqual([]);
  expect(topology.ownerOf(5)).toBeUndefined();
});

test('CLUSTER SLOTS is read with its replicas, ordered by first slot', async () => {
  const topology = await read([
    [8_192, 16_383, ['b', 2, 'id-b', []], ['b2', 2, 'id-b2', []], ['b3', 2, 'id-b3', []]],
    [0, 8_191, ['a', 1, 'id-a', ['hostname', 'x']], ['a2', 1, 'id-a2', []]],
  ]);
  expect(topology.shards()).toStrictEqual([
    { address: 'a:1', replicas: ['a2:1'], slotCount: 8_192, slotRanges: [[0, 8_191]] },
    { address: 'b:2', replicas: ['b2:2', 'b3:2'], slotCount: 8_192, slotRanges: [[8_192, 16_383]] },
  ]);
  expect(topology.addresses()).toStrictEqual(new Set(['a:1', 'a2:1', 'b:2', 'b2:2', 'b3:2']));
  expect(topology.ownerOf(8_191)).toBe('a:1');
  expect(topology.ownerOf(8_192)).toBe('b:2');
});

test('a shard of several ranges is one shard, its replicas named once', async () => {
  const topology = await read([
    [0, 9, ['a', 1], ['r', 1]],
    [10, 19, ['b', 1]],
    [20, 29, ['a', 1], ['r', 1]],
  ]);
  expect(topology.shards()[0]).toStrictEqual({
    address: 'a:1',
    replicas: ['r:1'],
    slotCount: 20,
    slotRanges: [
      [0, 9],
      [20, 29],
    ],
  });
});

test('adjacent ranges of one owner merge', async () => {
  const topology = await read([
    [10, 19, ['a', 1]],
    [0, 9, ['a', 1]],
  ]);
  expect(topology.shards()[0]?.slotRanges).toStrictEqual([[0, 19]]);
});

test.each([null, '', undefined])(
  'a node whose host is %j is the host that was asked',
  async (host) => {
    const topology = await read([[0, 99, [host, 7_005], [host, 7_006]]]);
    expect(topology.shards()).toMatchObject([
      { address: '10.0.0.9:7005', replicas: ['10.0.0.9:7006'] },
    ]);
  },
);

test("a node that nobody knows, '?', owns nothing and is nobody's replica", async () => {
  const topology = await read([
    [0, 99, ['?', 7_000]],
    [100, 199, ['a', 1], ['?', 7_000]],
  ]);
  expect(topology.ownerOf(0)).toBeUndefined();
  expect(topology.shards()).toMatchObject([{ address: 'a:1', replicas: [], slotCount: 100 }]);
});

test('a node without a port cannot be reached', async () => {
  const topology = await read([
    [0, 99, ['a', 0]],
    [100, 199, ['a']],
    [200, 299, ['a', null]],
  ]);
  expect(topology.coveredSlotCount).toBe(0);
});

test('slots that no range names are holes', async () => {
  const topology = await read([
    [5, 9, ['a', 1]],
    [12, 12, ['b', 1]],
  ]);
  expect(topology.coveredSlotCount).toBe(6);
  expect([4, 5, 9, 10, 11, 12, 13].map((slot) => topology.ownerOf(slot))).toStrictEqual([
    undefined,
    'a:1',
    'a:1',
    undefined,
    undefined,
    'b:1',
    undefined,
  ]);
});

test('IPv6 hosts are understood', async () => {
  const topology = await read([[0, 9, ['2001:db8::5', 7_000]]]);
  expect(topology.shards()).toMatchObject([{ address: '2001:db8::5:7000', slotCount: 10 }]);
});

test('text for numbers, as ioredis gives with stringNumbers, is understood', async () => {
  const topology = await read([['0', '9', ['a', '7000']]]);
  expect(topology.shards()).toMatchObject([{ address: 'a:7000', slotCount: 10 }]);
});

test('announced addresses are mapped, replicas and the asked host too', async () => {
  const inside = new Map([
    ['172.0.0.1:1', 'out:1'],
    ['172.0.0.2:1', 'out:2'],
    ['10.0.0.9:3', 'out:3'],
  ]);
  const topology = await read(
    [
      [0, 9, ['172.0.0.1', 1], ['172.0.0.2', 1]],
      [10, 19, [null, 3]],
    ],
    (address) => inside.get(address) ?? address,
  );
  expect(topology.addresses()).toStrictEqual(new Set(['out:1', 'out:2', 'out:3']));
});

test.each([
  null,
  undefined,
  'OK',
  7,
  [],
  [null],
  [[]],
  [[0, 5]],
  [[0, 5, 'a:1']],
  [[0, 5, []]],
  [[null, null, ['a', 1]]],
])('the reply %j names no owner', async (reply) => {
  expect((await read(reply)).coveredSlotCount).toBe(0);
});

test('a unix socket lends no host to nodes that have none', async () => {
  const topology = await Topology.fromClusterSlots(
    [[0, 9, [null, 7_000]]],
    '/run/redis.sock',
    asIs,
  );
  expect(topology.coveredSlotCount).toBe(0);
});

test('assigning a slot moves that slot alone', async () => {
  const topology = await read([[0, 99, ['a', 1], ['r', 1]]]);
  topology.assign(50, 'b:1');
  topology.assign(200, 'b:1');
  expect(topology.coveredSlotCount).toBe(101);
  expect(topology.shards()).toStrictEqual([
    {
      address: 'a:1',
      replicas: ['r:1'],
      slotCount: 99,
      slotRanges: [
        [0, 49],
        [51, 99],
      ],
    },
    {
      address: 'b:1',
      replicas: [],
      slotCount: 2,
      slotRanges: [
        [50, 50],
        [200, 200],
      ],
    },
  ]);
});

test('a primary whose last slot has gone is no shard any more', async () => {
  const topology = await read([[7, 7, ['a', 1], ['r', 1]]]);
  topology.assign(7, 'b:1');
  expect(topology.addresses()).toStrictEqual(new Set(['b:1']));
});

test('whatever is assigned, the ranges of the shards part the slots as the table does', async () => {
  const slot = fc.nat({ max: SLOT_COUNT - 1 });
  const range = fc.tuple(slot, slot, fc.constantFrom('a', 'b', 'c'));
  const patch = fc.tuple(slot, fc.constantFrom('a:1', 'b:1', 'd:1'));
  await fc.assert(
    fc.asyncProperty(
      fc.array(range, { maxLength: 6 }),
      fc.array(patch),
      async (ranges, patches) => {
        const model: (string | undefined)[] = Array.from({ length: SLOT_COUNT });
        const reply = ranges.map(([x, y, host]) => [Math.min(x, y), Math.max(x, y), [host, 1]]);
        for (const [x, y, host] of ranges) {
          model.fill(`${host}:1`, Math.min(x, y), Math.max(x, y) + 1);
        }
        const topology = await read(reply);
        for (const [at, address] of patches) {
          model[at] = address;
          topology.assign(at, address);
        }
        const heard: (string | undefined)[] = Array.from({ length: SLOT_COUNT });
        let toldCount = 0;
        for (const { address, slotRanges, slotCount } of topology.shards()) {
          let before = -2;
          let inRanges = 0;
          for (const [from, to] of slotRanges) {
            expect(from).toBeGreaterThan(before + 1); // ascending, and merged where they touch
            expect(to).toBeGreaterThanOrEqual(from);
            heard.fill(address, from, to + 1);
            inRanges += to - from + 1;
            before = to;
          }
          expect(inRanges).toBe(slotCount);
          toldCount += slotCount;
        }
        expect(heard.findIndex((address, at) => address !== model[at])).toBe(-1);
        expect(model.findIndex((address, at) => address !== topology.ownerOf(at))).toBe(-1);
        expect(toldCount).toBe(topology.coveredSlotCount); // with the above: no slot told twice
      },
    ),
    { numRuns: 50 },
  );
});

test('a table of 10,000 shards is read in turns of the event loop', async () => {
  const reply = Array.from({ length: 10_000 }, (_, n) => [n, n, ['127.0.0.1', n + 1, `id-${n}`]]);
  let turnCount = 0;
  let isReading = true;
  const tick = (): void => {
    turnCount++;
    if (isReading) setImmediate(tick);
  };
  setImmediate(tick);
  const topology = await read(reply);
  isReading = false;
  expect(turnCount).toBeGreaterThanOrEqual(9);
  expect(topology.coveredSlotCount).toBe(10_000);
  expect(topology.shards()).toHaveLength(10_000);
});
