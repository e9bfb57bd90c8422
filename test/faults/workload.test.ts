/** The proof's own proof: what the workload calls right is right, and what is wrong it sees. */

import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { Checker } from '../../rig/soak/checker.ts';
import { LAYERS, namesOf, valuesOf } from '../../rig/soak/layers.ts';
import { Model, type Loss } from '../../rig/soak/model.ts';
import { startLocalCluster, type LocalCluster } from '../../rig/local-cluster/local-cluster.ts';
import type { RedisNode } from '../../rig/local-cluster/redis-node.ts';
import { waitUntil } from '../../rig/local-cluster/wait-until.ts';
import { FeatureStore, FeatureStoreError } from '../../src/index.ts';
import { expectNothingFailed, startWorkload } from './workload.ts';

type UsualLayer = (typeof LAYERS)[number];

let cluster: LocalCluster;
const vip = Array.from({ length: 20 }, (_, n) => `v${n}`);

beforeAll(async () => {
  cluster = await startLocalCluster({ portFrom: 22_000, replicasPerPrimary: 0 });
});
afterAll(() => cluster[Symbol.asyncDispose]());

async function connect(keyPrefix: string): Promise<FeatureStore> {
  const store = await FeatureStore.connect({ nodes: cluster.urls, keyPrefix, vipGroups: { vip } });
  onTestFinished(() => store.close());
  return store;
}

async function ownerOf(store: FeatureStore, id: string): Promise<RedisNode> {
  return cluster.primaryOfSlot(store.slotFor(id));
}

function modelOf(...ids: string[]): Model {
  return new Model(ids, () => 0);
}

/** A model in which each layer of the entity was written so often. */
function written(versions: number, id = 'a'): Model {
  const model = modelOf(id);
  for (const layer of LAYERS) {
    for (let n = 0; n < versions; n++) {
      model.begin(layer, id);
      model.acknowledge(layer, id);
    }
  }
  return model;
}

function rowOf(versions: Record<UsualLayer, number>, id = 'a'): Record<string, string> {
  return Object.assign({}, ...LAYERS.map((layer) => valuesOf(layer, id, versions[layer])));
}

function kindsOf(model: Model, row: Record<string, string>): string[] {
  return model.check('a', row, model.floorsOf(['a']), 0).map(({ kind }) => kind);
}

const atVersion = (version: number): Record<UsualLayer, number> => ({
  batch: version,
  single: version,
  streaming: version,
});

function entriesOf(row: Readonly<Record<string, string>> = {}): string[] {
  return Object.entries(row).flat();
}

/** Breaks it again and again: the workload may write what was broken before it looks. */
async function breakUntilSeen(
  what: string,
  isSeen: () => boolean,
  breakIt: () => Promise<unknown>,
): Promise<void> {
  const ask = async (): Promise<boolean> => {
    if (isSeen()) return true;
    await breakIt();
    return isSeen();
  };
  await waitUntil(ask, { what: `the workload sees ${what}`, timeoutMs: 10_000 });
}

it('finds nothing wrong with a healthy cluster', async () => {
  const stores = [await connect('fine:'), await connect('fine:')] as const;
  const workload = await startWorkload({ stores, vipGroup: 'vip', entityCount: 1_000 });
  await waitUntil(async () => workload.tally.rows > 20_000 && workload.tally.writes > 200, {
    what: 'the workload works',
    timeoutMs: 30_000,
  });
  const tally = await workload.stop();
  expectNothingFailed(tally);
  expect(tally.ttlChecks).toBeGreaterThanOrEqual(1_020);
});

it('sees a key that was deleted, a value that was changed and TTLs that are gone', async () => {
  const store = await connect('broken:');
  const workload = await startWorkload({ stores: [store], vipGroup: 'vip', entityCount: 500 });
  const { tally } = workload;
  const call = async (id: string, command: string, ...args: string[]): Promise<unknown> =>
    (await ownerOf(store, id)).call(command, store.keyFor(id), ...args);
  await breakUntilSeen(
    'the deleted key',
    () => tally.wrongNulls > 0,
    () => call('e1', 'DEL'),
  );
  await breakUntilSeen(
    'the value of another entity',
    () => tally.wrongValues > 0,
    () => call('e2', 'HSET', 'b0', 'e3 b0 1'),
  );
  await breakUntilSeen(
    'that TTLs are gone',
    () => tally.violations.some((what) => what.includes('wrong TTL of key: {"key":-1')),
    () => Promise.all(workload.ids.slice(100, 150).map((id) => call(id, 'PERSIST'))),
  );
  await workload.stop();
  expect(tally.wrongTtls).toBeGreaterThan(0);
  const heard = tally.violations.join('\n');
  expect(heard).toMatch(
    /e1 \w+: wrong null: .* missing, acknowledged \d+ \(seed \d+\)\n.*ms: sent 1/,
  );
  expect(heard).toContain('e2 batch: wrong value');
});

it('sees the past after an acknowledgement', async () => {
  const store = await connect('past:');
  const workload = await startWorkload({ stores: [store], entityCount: 500, restMs: 30 });
  const { model, tally } = workload;
  // Puts the first version back, as a replica would that had not heard of the others.
  await breakUntilSeen(
    'the past',
    () => tally.lostWrites > 0,
    async () => {
      const id = workload.ids.find((one) => (model.floorsOf([one])[0] ?? 0) > 2) ?? '';
      const old = Object.entries(valuesOf('batch', id, 1)).flat();
      await (await ownerOf(store, id)).call('HSET', store.keyFor(id), ...old);
    },
  );
  await workload.stop();
  expect(tally.violations.join('\n')).toMatch(/e\d+ batch: lost: \d+ acknowledged, 1 seen/);
});

it('sees a feature that came back, a time that went back, and a ghost', async () => {
  const store = await connect('back:');
  const workload = await startWorkload({ stores: [store], entityCount: 200 });
  const { tally } = workload;
  const call = async (id: string, command: string, ...args: string[]): Promise<unknown> =>
    (await ownerOf(store, id)).call(command, store.keyFor(id), ...args);
  const timedIds = Array.from({ length: 40 }, (_, n) => `r${n}`);
  const old = await store.batchGetFeatures(timedIds, namesOf(['timed']));
  await breakUntilSeen(
    'features that the version has not',
    () => tally.wrongReplacements > 0,
    () =>
      call('r100', 'HSET', ...namesOf(['replaced']).flatMap((name) => [name, `r100 ${name} 1`])),
  );
  await breakUntilSeen(
    'half a merge with nulls',
    () => tally.violations.some((what) => what.startsWith('n1 nulled: mixed')),
    () => call('n1', 'HDEL', 'n0', 'n1'),
  );
  await breakUntilSeen(
    'an entity that was never loaded',
    () => tally.wrongGhosts > 0,
    () => call('g1', 'HSET', 's0', 'g1 s0 1'),
  );
  // What has lost its TTL so is a batch feature, and goes with the next replacement.
  await breakUntilSeen(
    'a time that went back',
    () => tally.wrongTimes > 0,
    () => Promise.all(timedIds.map((id, n) => call(id, 'HSET', ...entriesOf(old[n])))),
  );
  await workload.stop();
  const heard = tally.violations.join('\n');
  expect(heard).toContain('r100 replaced: mixed');
  expect(heard).toMatch(/r\d+ timed: lost: \d+ acknowledged, \d+ seen/);
  expect(heard).toContain('g1 streaming: ghost: exists, and has s0');
});

it('takes the acknowledged version, a later one, and one of unknown outcome', () => {
  const model = written(2);
  expect(kindsOf(model, rowOf(atVersion(2)))).toStrictEqual([]);
  model.begin('batch', 'a');
  expect(kindsOf(model, rowOf({ ...atVersion(2), batch: 3 }))).toStrictEqual([]);
  model.fail('batch', 'a', 'TIMEOUT');
  expect(kindsOf(model, rowOf({ ...atVersion(2), batch: 3 }))).toStrictEqual([]);
  expect(kindsOf(model, rowOf(atVersion(2)))).toStrictEqual([]);
  model.begin('batch', 'a');
  model.acknowledge('batch', 'a');
  expect(kindsOf(model, rowOf({ ...atVersion(2), batch: 4 }))).toStrictEqual([]);
  expect(kindsOf(model, rowOf({ ...atVersion(2), batch: 3 }))).toStrictEqual(['overtaken']);
});

it('refuses a row of another entity, of a version never sent, torn, or with less than was acknowledged', () => {
  expect(kindsOf(written(2), rowOf(atVersion(3)))).toHaveLength(3);
  expect(kindsOf(written(2), rowOf(atVersion(2), 'b'))).toHaveLength(3);
  expect(kindsOf(written(2), {})).toStrictEqual(['wrong null', 'wrong null', 'wrong null']);
  const torn = { ...rowOf(atVersion(2)), b1: 'a b1 1' };
  expect(kindsOf(written(2), torn)).toStrictEqual(['wrong value']);
  const { b1: _, ...half } = rowOf(atVersion(2));
  expect(kindsOf(written(2), half)).toStrictEqual(['wrong null']);
  const unwritten = modelOf('a');
  expect(kindsOf(unwritten, {})).toStrictEqual([]);
  expect(modelOf('b').check('a', { b0: '' }, new Int32Array(3), 0)).toHaveLength(1);
});

it('counts a loss once, and takes it back as a stale read when the version is there again', () => {
  const model = written(5);
  const old = rowOf({ ...atVersion(5), batch: 3 });
  const before = model.floorsOf(['a']);
  expect(kindsOf(model, old)).toStrictEqual(['lost']);
  expect(kindsOf(model, old)).toStrictEqual([]);
  expect(model.check('a', old, before, 0)).toStrictEqual([]);
  expect(kindsOf(model, rowOf({ ...atVersion(5), batch: 2 }))).toStrictEqual(['lost']);
  expect(kindsOf(model, rowOf(atVersion(5)))).toStrictEqual(['stale']);
});

it('tolerates only losses that have a cause, and none of what replicas have', async () => {
  const causes: Loss[] = [];
  const model = written(5);
  const checker = new Checker(model, 1, (loss) => {
    causes.push(loss);
    return 'killed';
  });
  const check = (version: number): void =>
    checker.checkRows(
      ['a'],
      model.floorsOf(['a']),
      [rowOf({ ...atVersion(5), batch: version })],
      [],
    );
  check(4);
  expect(checker.tally).toMatchObject({ lostWrites: 0, lostByCause: { killed: 1 } });
  expect(causes).toMatchObject([{ seen: 4, acknowledged: 5 }]);
  await model.markReplicated(async () => undefined);
  check(3);
  expect(checker.tally).toMatchObject({ lostWrites: 1, lostByCause: { killed: 1 } });
});

it('counts failed rows by code, and misses those that nobody told', () => {
  const checker = new Checker(written(1), 1);
  const floors = new Int32Array(6);
  const error = new FeatureStoreError('TIMEOUT', 'late');
  checker.checkRows(
    ['a', 'a'],
    floors,
    [undefined, rowOf(atVersion(1))],
    [{ id: 'a', position: 0, error }],
  );
  expect(checker.tally).toMatchObject({ failedRows: { TIMEOUT: 1 }, wrongNulls: 0, rows: 1 });
  checker.checkRows(['a', 'a'], floors, [undefined, undefined], [{ id: 'a', position: 0, error }]);
  expect(checker.tally.wrongNulls).toBe(1);
});

it('looks at both TTL layers', () => {
  const checker = new Checker(written(1), 1);
  const floors = checker.model.floorsOf(['a']);
  const ttls = { batchTtlSeconds: 100, streamingTtlSeconds: 10 };
  const fields = { b0: -1, b1: -1, u: -1, s0: 9, s1: 10 };
  checker.checkTtls('a', 99, fields, floors, ttls);
  expect(checker.tally.wrongTtls).toBe(0);
  for (const wrong of [{ b0: 5 }, { s0: -1 }, { s1: 11 }, { u: 3 }, { s0: -2 }]) {
    checker.tally.wrongTtls = 0;
    checker.checkTtls('a', 99, { ...fields, ...wrong }, floors, ttls);
    expect(checker.tally.wrongTtls).toBe(1);
  }
  checker.tally.wrongTtls = 0;
  for (const keyTtl of [-1, -2, 101]) checker.checkTtls('a', keyTtl, fields, floors, ttls);
  expect(checker.tally.wrongTtls).toBe(3);
});
