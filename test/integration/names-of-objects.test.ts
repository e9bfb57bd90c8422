/** Features, entities and groups whose names every object has: they are names like any other. */

import { Cluster, Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { FeatureStore, type Features } from '../../src/index.ts';

const NAMES = [
  ...Object.getOwnPropertyNames(Object.prototype), // constructor, toString, valueOf, __proto__, …
  'then',
  'toJSON',
  'length',
  'prototype',
  'name',
  '0',
  '-1',
];
/** An object with these own properties, `__proto__` among them. */
const record = <Value>(names: readonly string[], valueOf: (name: string) => Value) =>
  Object.fromEntries(names.map((name) => [name, valueOf(name)]));
const features = record(NAMES, (name) => `the feature ${name}`);
const entries = <Value>(row: Record<string, Value> | undefined): [string, Value][] =>
  Object.entries(row ?? {}).sort();
const wanted = entries(features);

describe.each(['cluster', 'standalone'] as const)('on %s', (kind) => {
  let store: FeatureStore;
  let other: Cluster | Redis;
  /** Half of them in groups, one group each. */
  const grouped = NAMES.filter((_, i) => i % 2 === 0);

  beforeAll(async () => {
    const nodes = kind === 'cluster' ? inject('clusterNodes') : [inject('standaloneUrl')];
    const vipGroups = record(grouped, (name) => [name]);
    store = await FeatureStore.connect({ nodes, keyPrefix: `names-${kind}:`, vipGroups });
    other = kind === 'cluster' ? new Cluster(nodes) : new Redis(nodes[0] ?? '');
    await store.bulkLoad(record(NAMES, () => features));
  });
  afterAll(async () => {
    await store.reset();
    await store.close();
    other.disconnect();
  });

  it('they are written under their names, and read back by every call', async () => {
    for (const id of NAMES)
      expect(entries(await other.hgetall(store.keyFor(id)))).toStrictEqual(wanted);
    const rows = await store.batchGetFeatures(NAMES, NAMES);
    for (const row of rows) expect(entries(row)).toStrictEqual(wanted);
    for (const id of NAMES) {
      expect(entries(await store.getFeatures(id, NAMES))).toStrictEqual(wanted);
      expect(entries(await store.getFeatures(id))).toStrictEqual(wanted);
      const bytes = await store.getFeatures(id, NAMES, { as: 'bytes' });
      expect(
        entries(bytes).map(([name, value]) => [name, Buffer.from(value).toString()]),
      ).toStrictEqual(wanted);
      const { fields } = await store.inspect(id);
      expect(fields.map(({ name, value }) => [name, value])).toStrictEqual(wanted);
      const ttls = await store.fieldTtlsSeconds(id, NAMES);
      expect(entries(ttls)).toStrictEqual(entries(record(NAMES, () => -1)));
    }
    for await (const chunk of store.streamFeatures(NAMES, NAMES)) {
      for (const row of chunk.rows) expect(entries(row)).toStrictEqual(wanted);
    }
    for (const name of grouped) {
      const group = store.vipGroup(name);
      expect(group.ids).toStrictEqual([name]);
      expect((await group.batchGetFeatures(NAMES)).map(entries)).toStrictEqual([wanted]);
    }
  });

  it('one that is absent is in no row, whatever every object has', async () => {
    await store.bulkLoad({ plain: { a: 1 } });
    for (const options of [{}, { as: 'bytes' }] as const) {
      const [some, none] = await store.batchGetFeatures(
        ['plain', 'nobody'],
        ['a', ...NAMES],
        options,
      );
      expect(Object.keys(some ?? {})).toStrictEqual(['a']);
      expect(none).toStrictEqual({});
      for (const name of NAMES) expect(Object.hasOwn(some ?? {}, name)).toBe(false);
    }
    for (const [name, ttl] of entries(await store.fieldTtlsSeconds('plain', NAMES))) {
      expect([name, ttl]).toStrictEqual([name, -2]);
    }
    const undeclared = NAMES.filter((name) => !grouped.includes(name));
    for (const name of undeclared) {
      expect(() => store.vipGroup(name)).toThrow(
        expect.objectContaining({ code: 'UNKNOWN_VIP_GROUP' }),
      );
    }
  });

  it('every other write takes them, and each is counted, listed and deleted', async () => {
    const streaming = record(NAMES, (name) => `streamed ${name}`) satisfies Features;
    await store.updateStreaming('constructor', streaming);
    expect(entries(await store.getFeatures('constructor'))).toStrictEqual(entries(streaming));
    await store.updateStreamingBatch(record(['__proto__', 'then'], () => streaming));
    expect(entries(await store.getFeatures('__proto__'))).toStrictEqual(entries(streaming));
    for (const name of NAMES) await store.updateBatchFeature('toString', name, `one ${name}`);
    expect(entries(await store.getFeatures('toString'))).toStrictEqual(
      entries(record(NAMES, (name) => `one ${name}`)),
    );
    await store.deleteEntity('plain');
    expect(await store.countEntities()).toBe(NAMES.length);
    expect(await store.listEntityIds()).toStrictEqual(NAMES.toSorted());
    for (const id of NAMES) expect(await store.deleteEntity(id)).toBe(true);
    expect(await store.countEntities()).toBe(0);
  });

  it('no option has such a name', async () => {
    for (const name of NAMES) {
      const options = record([name], () => 1) as object;
      const refused = { code: 'INVALID_OPTION' };
      await expect(store.getFeatures('a', ['b'], options)).rejects.toMatchObject(refused);
      await expect(store.bulkLoad([], options)).rejects.toMatchObject(refused);
      const nodes = [inject('standaloneUrl')];
      const connecting = FeatureStore.connect(Object.assign(options, { nodes }));
      await expect(connecting).rejects.toMatchObject(refused);
    }
  });
});
