import { expect, test } from 'vitest';
import {
  believedView,
  isStranger,
  viewMadeAnew,
  type View,
} from '../../../src/cluster/control/believed-view.ts';
import { Topology } from '../../../src/cluster/routing/topology.ts';

/**
 * A cluster of one node per name; `a` is at `a:1` with the id `id-a`, `a=x` with the id `x`, `a=`
 * without.
 */
function table(...nodes: string[]): Promise<Topology> {
  const width = Math.ceil(16_384 / Math.max(nodes.length, 1));
  const ranges = nodes.map((node, at) => {
    const [host, id = `id-${host}`] = node.split('=');
    return [
      at * width,
      Math.min((at + 1) * width, 16_384) - 1,
      id === '' ? [host, 1] : [host, 1, id],
    ];
  });
  return Topology.fromClusterSlots(ranges, 'asked:1', (address) => address);
}

const view = async (asked: string, epoch: number, ...nodes: string[]): Promise<View> => ({
  asked: `${asked}:1`,
  epoch,
  topology: await table(...nodes),
});
const NEW = new Topology();

test('of relatives, the highest epoch is believed, then the most slots', async () => {
  const known = await table('a', 'b', 'c');
  const [past, now] = [await view('a', 3, 'a', 'b', 'c'), await view('b', 4, 'b', 'c', 'd')];
  expect(believedView(known, [past, now])).toBe(now);
});

test('a stranger is not believed however high its epoch', async () => {
  const known = await table('a', 'b', 'c');
  const [kin, stranger] = [
    await view('a', 3, 'a', 'b', 'c'),
    await view('b', 99, 'b=other', 'x', 'y'),
  ];
  expect(believedView(known, [stranger, kin])).toBe(kin);
  expect(believedView(known, [stranger])).toBeUndefined();
  expect(viewMadeAnew(known, [stranger])).toBeUndefined();
});

test('a node that took its id to another cluster does not make that cluster ours', async () => {
  const known = await table('a', 'b', 'c', 'd', 'e', 'f');
  const taken = await view('f', 99, 'f', 'x', 'y');
  expect(believedView(known, [taken])).toBeUndefined();
  expect(isStranger(known, taken.topology)).toBe(true);
});

test('a cluster whose nodes were mostly replaced is still believed, after closer relatives', async () => {
  const known = await table('a', 'b', 'c', 'd', 'e', 'f');
  const replaced = await view('a', 9, 'a', 'b', 'u', 'v', 'w', 'x');
  expect(believedView(known, [replaced])).toBe(replaced);
  const kin = await view('c', 8, 'a', 'b', 'c', 'd', 'e', 'f');
  expect(believedView(known, [replaced, kin])).toBe(kin);
});

test('a cluster of one that grows is still the same', async () => {
  const grown = await view('a', 5, 'a', 'b', 'c');
  expect(believedView(await table('a'), [grown])).toBe(grown);
});

test('while no table is known, the one that most answers are kin to is believed', async () => {
  const ours = [await view('a', 1, 'a', 'b'), await view('b', 2, 'a', 'b')];
  const stranger = await view('x', 99, 'x', 'y');
  expect(believedView(NEW, [stranger, ...ours])).toBe(ours[1]);
});

test('a cluster made anew at most of the addresses is believed where no relative is left', async () => {
  const known = await table('a', 'b', 'c');
  const anew = await view('b', 1, 'a=n1', 'b=n2', 'z=n3');
  expect(believedView(known, [anew])).toBeUndefined();
  expect(viewMadeAnew(known, [anew])).toBe(anew);
});

test('so is one that most of the addresses report, by whatever names', async () => {
  const known = await table('a', 'b', 'c');
  const [one, two] = [await view('a', 1, 'p', 'q'), await view('b', 2, 'p', 'q')];
  expect(viewMadeAnew(known, [one])).toBeUndefined();
  expect(viewMadeAnew(known, [one, { ...one }])).toBeUndefined();
  expect(viewMadeAnew(known, [one, two])).toBe(two);
});

test('servers that report no ids are compared by address', async () => {
  const known = await table('a=', 'b=');
  const [ours, stranger] = [await view('a', 1, 'a=', 'b='), await view('b', 9, 'x=', 'y=')];
  expect(believedView(known, [stranger, ours])).toBe(ours);
  expect(isStranger(known, stranger.topology)).toBe(true);
});

test('a node that owns and knows no slots is no stranger', async () => {
  expect(isStranger(await table('a'), NEW)).toBe(false);
  expect(isStranger(NEW, await table('a'))).toBe(false);
});
