/**
 * Features are counted once, whichever way their row is read, and however often its name is given.
 */

import { describe, expect, onTestFinished, test } from 'vitest';
import { slotOf } from '../../src/cluster/routing/slot.ts';
import { FeatureStore, type FeatureRow } from '../../src/index.ts';
import { nextTurn } from '../../src/runtime/slices.ts';
import { keyOf, keysOf, LAST_SLOT, startPair } from './bulk-rows.ts';
import { ScriptedServer, type Script } from './scripted-server.ts';

const TWICE = ['a', 'b', 'a'];
const [X, Y] = ['$1\r\nx\r\n', '$1\r\ny\r\n'];
const PLAIN = `*3\r\n${X}${Y}${X}`;

async function connect(server: ScriptedServer): Promise<FeatureStore> {
  const store = await FeatureStore.connect({ nodes: [server.url], keyPrefix: 'counts:' });
  onTestFinished(() => store.close());
  return store;
}

const say =
  (text: string): Script =>
  () =>
    text;

const inTwo: Script = (_, connection) => {
  connection.say(PLAIN.slice(0, 15));
  void nextTurn()
    .then(nextTurn)
    .then(() => connection.say(PLAIN.slice(15)));
  return undefined;
};

describe('a name that is given twice is one feature', () => {
  test.each<[string, Script, FeatureRow]>([
    ['of plain strings', say(PLAIN), { a: 'x', b: 'y' }],
    ['that comes in two pieces', inTwo, { a: 'x', b: 'y' }],
    ['after a push', say(`>2\r\n+a\r\n+b\r\n${PLAIN}`), { a: 'x', b: 'y' }],
    ['with another that is absent', say(`*3\r\n${X}$-1\r\n${X}`), { a: 'x' }],
    ['with another that is absent in RESP3', say(`*3\r\n${X}_\r\n${X}`), { a: 'x' }],
    ['itself absent', say(`*3\r\n$-1\r\n${Y}$-1\r\n`), { b: 'y' }],
    ['of an absent entity', say('*3\r\n$-1\r\n$-1\r\n$-1\r\n'), {}],
    ['of unusual strings', say('*3\r\n+x\r\n+y\r\n+x\r\n'), { a: 'x', b: 'y' }],
    ['of which one is unusual', say(`*3\r\n${X}${Y}=5\r\ntxt:x\r\n`), { a: 'x', b: 'y' }],
    ['of unusual strings, one absent', say(`*3\r\n+x\r\n$-1\r\n${X}`), { a: 'x' }],
  ])('in a row %s', async (_, script, row) => {
    const store = await connect(await ScriptedServer.start(script));
    expect(await store.getFeatures('u1', TWICE)).toStrictEqual(row);
    expect(store.stats().readFieldsTotal).toBe(Object.keys(row).length);
    expect(store.stats().readsTotal).toBe(1);
  });

  test('in the rows of a bulk read', async () => {
    const store = await connect(await ScriptedServer.start(say(PLAIN)));
    const ids = keysOf(1_001);
    const rows = await store.batchGetFeatures(ids, TWICE);
    expect(rows).toStrictEqual(ids.map(() => ({ a: 'x', b: 'y' })));
    expect(store.stats()).toMatchObject({ readsTotal: 1_001, readFieldsTotal: 2_002 });
  });

  test('in a row that is asked for with ASKING', async () => {
    const [from, to] = await startPair(LAST_SLOT);
    from.script = (command) => `-ASK ${slotOf(keyOf(command))} 127.0.0.1:${to.port}\r\n`;
    to.script = ([name]) => (name === 'ASKING' ? '+OK\r\n' : PLAIN);
    const store = await connect(from);
    expect(await store.getFeatures('u1', TWICE)).toStrictEqual({ a: 'x', b: 'y' });
    expect(to.commands.map(([name]) => name)).toStrictEqual(['ASKING', 'HMGET']);
    expect(store.stats()).toMatchObject({ readsTotal: 1, readFieldsTotal: 2 });
  });
});
