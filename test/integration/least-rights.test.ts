/**
 * The user that docs/operations.md makes can do all that the store does: no command of any call is
 * denied.
 */

import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { startLocalCluster, type LocalCluster } from '../../rig/local-cluster/local-cluster.ts';
import { FeatureStore } from '../../src/index.ts';
import { CALL_NAMES, forgottenCalls, runCall } from '../faults/life-calls.ts';
import { knowsCommand } from '../knows-command.ts';
import { leastRights } from './least-rights.ts';

const redisOptions = { username: 'features', password: 'SECRET' };
const ids = Array.from({ length: 300 }, (_, n) => `u${n}`);

let cluster: LocalCluster;

beforeAll(async () => {
  const acl = `user features on >SECRET ${await leastRights()}`;
  cluster = await startLocalCluster({ portFrom: 21_840, extraConfig: [acl] });
});
afterAll(() => cluster[Symbol.asyncDispose]());

async function connect(keyPrefix: string): Promise<FeatureStore> {
  const store = await FeatureStore.connect({
    nodes: cluster.urls,
    keyPrefix,
    vipGroups: { vip: ['v1', 'v2'] },
    redisOptions,
  });
  onTestFinished(() => store.close());
  await store.bulkLoad([...ids, 'v1', 'v2'].map((id, n) => [id, { n }] as const));
  return store;
}

/** Commands that a node has denied, each once. */
async function denied(): Promise<string[]> {
  const logs = cluster.nodes.map((node) => node.call('ACL', 'LOG') as Promise<unknown[][]>);
  const entries = (await Promise.all(logs)).flat().map((entry) => Object.fromEntries(pairs(entry)));
  return [...new Set(entries.map(({ object }) => String(object)))];
}

function pairs(flat: readonly unknown[]): (readonly [string, unknown])[] {
  return flat.flatMap((item, at) => (at % 2 === 0 ? [[String(item), flat[at + 1]] as const] : []));
}

it('every call works with them, and with +wait the writes that ask replicas', async () => {
  expect(forgottenCalls()).toStrictEqual([]);
  const [store, disposable] = [await connect('fs:user:'), await connect('fs:user:disposable:')];
  const [id = '', spareId = ''] = ids;
  for (const name of CALL_NAMES) {
    const ending = await runCall(name, { store, disposable, id, spareId, ids }, {});
    expect([name, ending.error, ending.codes]).toStrictEqual([name, undefined, []]);
  }
  await store.topology({ refresh: true });
  expect(await denied()).toStrictEqual([]);

  const confirmed = { minReplicas: 1 };
  expect((await store.bulkLoad({ [id]: { n: 1 } }, confirmed)).failed).toHaveLength(1);
  expect(await denied()).toStrictEqual(['wait']);
  for (const node of cluster.nodes) await node.call('ACL', 'SETUSER', 'features', '+wait');
  expect(await store.bulkLoad({ [id]: { n: 1 } }, confirmed)).toMatchObject({ failed: [] });
});

it('without one of the commands of writes and reads, that is reported: nothing in the list is idle', async () => {
  const store = await connect('fs:user:');
  const [id = '', spareId = ''] = ids;
  const subject = { store, disposable: store, id, spareId, ids };
  const hasHsetex = await knowsCommand(cluster.nodes[0]!, 'HSETEX');
  const atomicWrite = hasHsetex ? ['hsetex'] : ['hexpire', 'multi', 'exec'];
  const others = ['hmget', 'hset', 'expire', 'httl', 'ttl', 'hgetall', 'del', 'scan'];
  for (const command of [...others, ...atomicWrite]) {
    for (const node of cluster.nodes) await node.call('ACL', 'SETUSER', 'features', `-${command}`);
    const names = CALL_NAMES.filter((name) => name !== 'reset');
    const endings = await Promise.all(names.map((name) => runCall(name, subject, {})));
    for (const node of cluster.nodes) await node.call('ACL', 'SETUSER', 'features', `+${command}`);
    const codes = new Set(endings.flatMap((ending) => ending.codes));
    expect([command, [...codes]]).toStrictEqual([command, ['ACCESS_DENIED']]);
  }
});
