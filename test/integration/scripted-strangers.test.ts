/**
 * Whose slot table is believed, at the start and later: with servers that say what another
 * cluster's nodes would.
 */

import { expect, it, onTestFinished } from 'vitest';
import { FeatureStore } from '../../src/index.ts';
import { ScriptedServer } from './scripted-server.ts';

const NAMES = ['f'];
/** An id whose slot each of three nodes owns. */
const IDS = ['u1', 'u2', 'u3', 'u4', 'u5', 'u6', 'u7', 'u8', 'u9'];

interface Member {
  readonly server: ScriptedServer;
  readonly id: string;
}

/** A node: its rows hold its name. */
async function member(id: string): Promise<Member> {
  const server = await ScriptedServer.start(([name = '']) =>
    name === 'HMGET' ? `*1\r\n+${id}\r\n` : '+OK\r\n',
  );
  return { server, id };
}

/** Members that say that they share the slots. */
function tell(tellers: readonly Member[], owners: readonly Member[], epoch: number): void {
  const width = Math.ceil(16_384 / owners.length);
  const ranges = owners.map(({ server, id }, at) => {
    const last = Math.min((at + 1) * width, 16_384) - 1;
    const node = `*3\r\n+127.0.0.1\r\n:${server.port}\r\n+${id}\r\n`;
    return `*3\r\n:${at * width}\r\n:${last}\r\n${node}`;
  });
  for (const { server } of tellers) {
    server.slots = `*${ranges.length}\r\n${ranges.join('')}`;
    server.epoch = epoch;
  }
}

async function clusterOf(...names: string[]): Promise<Member[]> {
  const members = await Promise.all(names.map(member));
  tell(members, members, 1);
  return members;
}

async function connect(...seeds: Member[]): Promise<FeatureStore> {
  const store = await FeatureStore.connect({ nodes: seeds.map(({ server }) => server.url) });
  onTestFinished(() => store.close());
  return store;
}

const addresses = (members: readonly Member[]): string[] =>
  members.map(({ server }) => `127.0.0.1:${server.port}`);

async function ownersNow(store: FeatureStore): Promise<string[]> {
  const { shards } = await store.topology({ refresh: true });
  return shards.map(({ address }) => address);
}

/** The names of the nodes that give the rows. */
async function givers(store: FeatureStore): Promise<unknown[]> {
  const rows = await store.batchGetFeatures(IDS, NAMES);
  return [...new Set(rows.map(({ f }) => f))].toSorted();
}

/** Whom a node was asked for rows. */
function rowsAskedOf({ server }: Member): number {
  return server.commands.filter(([name]) => name === 'HMGET').length;
}

it('a node that answers for another cluster later is not believed, whatever its epoch', async () => {
  const ours = await clusterOf('a', 'b', 'c');
  const theirs = await clusterOf('x', 'y');
  const [, given] = ours;
  if (given === undefined) throw new Error('there are three');
  const store = await connect(...ours);
  expect(await givers(store)).toStrictEqual(['a', 'b', 'c']);
  tell([given], [{ ...given, id: 'z' }, ...theirs], 99);
  for (let times = 0; times < 3; times++) {
    expect(await ownersNow(store)).toStrictEqual(addresses(ours));
  }
  expect(theirs.flatMap(({ server }) => server.connections)).toStrictEqual([]);

  // Its connections end, as they do where an address gets another server.
  const asked = rowsAskedOf(given);
  for (const { socket } of given.server.connections) socket.destroy();
  const read = await store.batchGetFeatures(IDS, NAMES, { timeoutMs: 500, onFailure: 'return' });
  const lost = IDS.filter((id) => store.shardFor(id) === addresses([given])[0]);
  expect(lost.length).toBeGreaterThan(0);
  expect(read.failed.map(({ id }) => id)).toStrictEqual(lost);
  for (const { error } of read.failed) {
    expect(error.message).toMatch(/answers for another cluster/);
  }
  expect(rowsAskedOf(given)).toBe(asked);
});

it('a seed of another cluster that comes late is not believed at the start', async () => {
  const [ours] = await clusterOf('a');
  const [theirs] = await clusterOf('x');
  if (ours === undefined || theirs === undefined) throw new Error('each has one');
  tell([theirs], [theirs], 99);
  theirs.server.polite = false;
  const connecting = connect(ours, theirs);
  await expect.poll(() => ours.server.connections.length).toBe(1);
  ours.server.connections[0]?.socket.once('close', () => (theirs.server.polite = true));
  const store = await connecting;
  expect(await ownersNow(store)).toStrictEqual(addresses([ours]));
  expect(await givers(store)).toStrictEqual(['a']);
  expect(rowsAskedOf(theirs)).toBe(0);
});

it('seeds of two clusters are refused at the start, whichever has the higher epoch', async () => {
  const ours = await clusterOf('a', 'b');
  const [theirs] = await clusterOf('x');
  if (theirs === undefined) throw new Error('it has one');
  tell([theirs], [theirs], 99);
  await expect(connect(...ours, theirs)).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  expect([...ours, theirs].map(rowsAskedOf)).toStrictEqual([0, 0, 0]);
});

it('a node that was replaced is believed by the others, not by the stranger at its address', async () => {
  const ours = await clusterOf('a', 'b', 'c');
  const [a, b, c] = ours;
  if (a === undefined || b === undefined || c === undefined) throw new Error('there are three');
  const store = await connect(...ours);
  const next = [a, b, await member('d')];
  tell(next, next, 2);
  tell([c], [{ ...c, id: 'x' }], 99);
  await expect.poll(() => ownersNow(store)).toStrictEqual(addresses(next));
  expect(await givers(store)).toStrictEqual(['a', 'b', 'd']);
});

it('a node that got a new id where it was is believed, also after its connections were cut', async () => {
  const ours = await clusterOf('a', 'b', 'c');
  const [a, b, c] = ours;
  if (a === undefined || b === undefined || c === undefined) throw new Error('there are three');
  const store = await connect(...ours);
  const next = [a, b, { ...c, id: 'c2' }];
  tell(next, next, 2);
  for (const { socket } of c.server.connections) socket.destroy();
  expect(await ownersNow(store)).toStrictEqual(addresses(next));
  expect(await givers(store)).toStrictEqual(['a', 'b', 'c']);
});

it('ids that are all new are believed where most of the nodes report them', async () => {
  const ours = await clusterOf('a', 'b', 'c');
  const [a, b, c] = ours;
  if (a === undefined || b === undefined || c === undefined) throw new Error('there are three');
  const store = await connect(...ours);
  const anew = [
    { ...a, id: 'a2' },
    { ...b, id: 'b2' },
  ];
  tell([a, b], anew, 1);
  tell([c], [{ ...c, id: 'x' }], 99);
  await expect.poll(() => ownersNow(store)).toStrictEqual(addresses(anew));
  expect(await givers(store)).toStrictEqual(['a', 'b']);
});
