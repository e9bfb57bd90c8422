import { expect, test } from 'vitest';
import {
  believedView,
  isStranger,
  viewMadeAnew,
  type View,
} from '../../src/cluster/believed-view.ts';
import { Topology } from '../../src/cluster/topology.ts';

/** A cluster of one node per name; `a` is at `a:1` with the id `id-a`, `a=x` with the id `x`, `a=` without. */
function table(...nodes: string[]): Topology {
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

const view = (asked: string, epoch: number, ...nodes: string[]): View => ({
  asked: `${asked}:1`,
  epoch,
  topology: table(...nodes),
});
const NEW = new Topology();

test('of relatives, the highest epoch is believed, then the most slots', () => {
  const known = table('a', 'b', 'c');
  const [past, now] = [view('a', 3, 'a', 'b', 'c'), view('b', 4, 'b', 'c', 'd')];
  expect(believedView(known, [past, now])).toBe(now);
});

test('a stranger is not believed however high its epoch', () => {
  const known = table('a', 'b', 'c');
  const [kin, stranger] = [view('a', 3, 'a', 'b', 'c'), view('b', 99, 'b=other', 'x', 'y')];
  expect(believedView(known, [stranger, kin])).toBe(kin);
  expect(believedView(known, [stranger])).toBeUndefined();
  expect(viewMadeAnew(known, [stranger])).toBeUndefined();
});

test('a node that took its id to another cluster does not make that cluster ours', () => {
  const known = table('a', 'b', 'c', 'd', 'e', 'f');
  const taken = view('f', 99, 'f', 'x', 'y');
  expect(believedView(known, [taken])).toBeUndefined();
  expect(isStranger(known, taken.topology)).toBe(true);
});

test('a cluster whose nodes were mostly replaced is still believed, after closer relatives', () => {
  const known = table('a', 'b', 'c', 'd', 'e', 'f');
  const replaced = view('a', 9, 'a', 'b', 'u', 'v', 'w', 'x');
  expect(believedView(known, [replaced])).toBe(replaced);
  const kin = view('c', 8, 'a', 'b', 'c', 'd', 'e', 'f');
  expect(believedView(known, [replaced, kin])).toBe(kin);
});

test('a cluster of one that grows is still the same', () => {
  const grown = view('a', 5, 'a', 'b', 'c');
  expect(believedView(table('a'), [grown])).toBe(grown);
});

test('while no table is known, the one that most answers are kin to is believed', () => {
  const ours = [view('a', 1, 'a', 'b'), view('b', 2, 'a', 'b')];
  const stranger = view('x', 99, 'x', 'y');
  expect(believedView(NEW, [stranger, ...ours])).toBe(ours[1]);
});

test('a cluster made anew at most of the addresses is believed where no relative is left', () => {
  const known = table('a', 'b', 'c');
  const anew = view('b', 1, 'a=n1', 'b=n2', 'z=n3');
  expect(believedView(known, [anew])).toBeUndefined();
  expect(viewMadeAnew(known, [anew])).toBe(anew);
});

test('so is one that most of the addresses report, by whatever names', () => {
  const known = table('a', 'b', 'c');
  const [one, two] = [view('a', 1, 'p', 'q'), view('b', 2, 'p', 'q')];
  expect(viewMadeAnew(known, [one])).toBeUndefined();
  expect(viewMadeAnew(known, [one, { ...one }])).toBeUndefined();
  expect(viewMadeAnew(known, [one, two])).toBe(two);
});

test('servers that report no ids are compared by address', () => {
  const known = table('a=', 'b=');
  const [ours, stranger] = [view('a', 1, 'a=', 'b='), view('b', 9, 'x=', 'y=')];
  expect(believedView(known, [stranger, ours])).toBe(ours);
  expect(isStranger(known, stranger.topology)).toBe(true);
});

test('a node that owns and knows no slots is no stranger', () => {
  expect(isStranger(table('a'), NEW)).toBe(false);
  expect(isStranger(NEW, table('a'))).toBe(false);
});
