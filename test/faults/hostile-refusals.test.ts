/**
 * Ids, names, values and containers that cannot be stored and read back exactly are refused by
 * every call with the right code, in a short message, before anything is sent.
 */

import * as fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import type { ErrorCode, FeatureRows, Features, FeatureStore } from '../../src/index.ts';
import { hostileCluster, nothingIsSent, refusalOf, VIP_IDS } from './hostile-cluster.ts';
import {
  featuresOf,
  refusedFeatures,
  refusedValue,
  type FeatureRecipe,
} from './hostile-features.ts';
import { holds } from './hostile-seed.ts';
import { anySizeText, hostileText, isId, isName, notText } from './hostile-text.ts';

const CASES = 10_000;
const started = hostileCluster(14_100);
let store: FeatureStore;
beforeAll(() => {
  store = started().store;
});

/** Asks one of the calls with each case, and gives how often it was refused with the code. */
async function refusals<Value>(
  cases: fc.Arbitrary<Value>,
  calls: Readonly<Record<string, (value: Value) => unknown>>,
  code: ErrorCode,
): Promise<number> {
  const refused = new Map(Object.keys(calls).map((name) => [name, 0]));
  const names = fc.constantFrom(...Object.keys(calls));
  await nothingIsSent(started(), () =>
    holds(
      fc.asyncProperty(names, cases, async (name, value) => {
        await refusalOf(() => calls[name]?.(value), code);
        refused.set(name, (refused.get(name) ?? 0) + 1);
      }),
      CASES,
    ),
  );
  // Every call had its share.
  for (const count of refused.values()) expect(count).toBeGreaterThan(CASES / refused.size / 2);
  return [...refused.values()].reduce((sum, count) => sum + count, 0);
}

const badIds = fc.oneof(
  { weight: 9, arbitrary: anySizeText.filter((text) => !isId(text)) },
  { weight: 1, arbitrary: notText },
);
const badNames = fc.oneof(
  { weight: 9, arbitrary: anySizeText.filter((text) => !isName(text)) },
  { weight: 1, arbitrary: notText },
);

/** What the types would not let through. */
const wrong = <T>(value: unknown): T => value as T;
const FINE = { a: 1 };

test('ids', async () => {
  expect(
    await refusals(
      badIds.map((bad) => wrong<string>(bad)),
      {
        keyFor: (id) => store.keyFor(id),
        slotFor: (id) => store.slotFor(id),
        shardFor: (id) => store.shardFor(id),
        'bulkLoad of an array': (id) =>
          store.bulkLoad([
            ['u1', FINE],
            [id, FINE],
          ]),
        'bulkLoad of a Map': (id) => store.bulkLoad(new Map([[id, FINE]])),
        updateStreaming: (id) => store.updateStreaming(id, FINE),
        updateStreamingBatch: (id) =>
          store.updateStreamingBatch([
            ['u1', FINE],
            [id, FINE],
          ]),
        updateBatchFeature: (id) => store.updateBatchFeature(id, 'a', 1),
        getFeatures: (id) => store.getFeatures(id, ['a']),
        'getFeatures without names': (id) => store.getFeatures(id),
        batchGetFeatures: (id) => store.batchGetFeatures(['u1', id], ['a']),
        'batchGetFeatures that returns failures': (id) =>
          store.batchGetFeatures([id], ['a'], { onFailure: 'return' }),
        'batchGetFeatures of no features': (id) => store.batchGetFeatures([id], []),
        streamFeatures: (id) => store.streamFeatures(['u1', id], ['a']).next(),
        inspect: (id) => store.inspect(id),
        keyTtlSeconds: (id) => store.keyTtlSeconds(id),
        fieldTtlsSeconds: (id) => store.fieldTtlsSeconds(id, ['a']),
        deleteEntity: (id) => store.deleteEntity(id),
      },
      'INVALID_ID',
    ),
  ).toBe(CASES);
});

test('names of features', async () => {
  const group = store.vipGroup('g*\r\n');
  expect(
    await refusals(
      badNames.map((bad) => wrong<string>(bad)).filter((bad) => bad !== undefined),
      {
        getFeatures: (name) => store.getFeatures('u1', ['a', name]),
        batchGetFeatures: (name) => store.batchGetFeatures(['u1'], [name]),
        streamFeatures: (name) => store.streamFeatures(['u1'], [name]).next(),
        fieldTtlsSeconds: (name) => store.fieldTtlsSeconds('u1', [name]),
        'of a VIP group': (name) => group.batchGetFeatures([name, 'a']),
        updateBatchFeature: (name) => store.updateBatchFeature('u1', name, 1),
      },
      'INVALID_FEATURE',
    ),
  ).toBe(CASES);
});

test('names that are no list', async () => {
  const lists = fc.oneof(
    notText.filter((value) => value !== undefined && !Array.isArray(value)),
    hostileText,
    fc.constantFrom(new Set(['a']), ['a'].values(), { length: 1, 0: 'a' }, ['a', null]),
  );
  expect(
    await refusals(
      lists.map((list) => wrong<string[]>(list)),
      {
        getFeatures: (names) => store.getFeatures('u1', names),
        batchGetFeatures: (names) => store.batchGetFeatures(['u1'], names),
        streamFeatures: (names) => store.streamFeatures(['u1'], names),
        fieldTtlsSeconds: (names) => store.fieldTtlsSeconds('u1', names),
        'of a VIP group': (names) => store.vipGroup('g*\r\n').batchGetFeatures(names),
      },
      'INVALID_FEATURE',
    ),
  ).toBe(CASES);
});

test('ids that are no list', async () => {
  const lists = fc.oneof(
    notText.filter((value) => typeof Object(value)[Symbol.iterator] !== 'function'),
    hostileText,
  );
  expect(
    await refusals(
      lists.map((list) => wrong<string[]>(list)),
      { batchGetFeatures: (ids) => store.batchGetFeatures(ids, ['a']) },
      'INVALID_ID',
    ),
  ).toBe(CASES);
});

test('features that are no features, and values that are no values', async () => {
  const rows = fc.tuple(hostileText.filter(isId), refusedFeatures);
  type Row = [id: string, recipe: FeatureRecipe];
  const featuresIn = ([, recipe]: Row): Features => wrong(featuresOf(recipe));
  expect(
    await refusals<Row>(
      rows,
      {
        'bulkLoad of an array': (row) =>
          store.bulkLoad([
            ['u1', FINE],
            [row[0], featuresIn(row)],
          ]),
        'bulkLoad of an object': (row) =>
          store.bulkLoad(Object.fromEntries([[row[0], featuresIn(row)]])),
        'bulkLoad of a Map': (row) => store.bulkLoad(new Map([[row[0], featuresIn(row)]])),
        updateStreaming: (row) => store.updateStreaming(row[0], featuresIn(row)),
        updateStreamingBatch: (row) => store.updateStreamingBatch([[row[0], featuresIn(row)]]),
      },
      'INVALID_FEATURE',
    ),
  ).toBe(CASES);
});

test('the value of one feature', async () => {
  expect(
    await refusals(
      refusedValue.map((value) => wrong<string>(value)),
      { updateBatchFeature: (value) => store.updateBatchFeature('u1', 'a', value) },
      'INVALID_FEATURE',
    ),
  ).toBe(CASES);
});

test('no features for a batch, more than the limit, a value over the limit', async () => {
  const many = Object.fromEntries(Array.from({ length: 10_001 }, (_, i) => [`f${i}`, i]));
  const large = { a: 'é'.repeat(4_194_305) };
  const calls = async (): Promise<void> => {
    await refusalOf(() => store.bulkLoad({ u1: {} }), 'INVALID_FEATURE');
    for (const features of [many, large]) {
      await refusalOf(() => store.bulkLoad({ u1: features }), 'INVALID_FEATURE');
      await refusalOf(() => store.updateStreaming('u1', features), 'INVALID_FEATURE');
      await refusalOf(() => store.updateStreamingBatch({ u1: features }), 'INVALID_FEATURE');
    }
    await refusalOf(() => store.updateBatchFeature('u1', 'a', large.a), 'INVALID_FEATURE');
    await refusalOf(() => store.getFeatures('u1', Object.keys(many)), 'INVALID_FEATURE');
  };
  await expect(nothingIsSent(started(), calls)).resolves.toBeUndefined();
});

test('rows that are no rows', async () => {
  const entries = fc.constantFrom<unknown>(
    null,
    undefined,
    'u1',
    7,
    {},
    [],
    ['u1'],
    ['u1', FINE, 1],
    { 0: 'u1', 1: FINE, length: 2 },
    new Set(['u1', FINE]),
    'x'.repeat(1_048_576),
  );
  expect(
    await refusals(
      entries.map((entry) => wrong<FeatureRows>([entry])),
      {
        bulkLoad: (rows) => store.bulkLoad(rows),
        updateStreamingBatch: (rows) => store.updateStreamingBatch(rows),
      },
      'INVALID_FEATURE',
    ),
  ).toBe(CASES);
});

test('names of VIP groups', async () => {
  const names = fc.oneof(anySizeText, notText).filter((name) => name !== 'g*\r\n');
  expect(
    await refusals(
      names.map((name) => wrong<string>(name)),
      { vipGroup: (name) => store.vipGroup(name) },
      'UNKNOWN_VIP_GROUP',
    ),
  ).toBe(CASES);
  expect(store.vipGroup('g*\r\n').ids).toStrictEqual(VIP_IDS);
});

test('refusals leave no prototype behind', () => {
  expect(Object.keys(Object.prototype)).toStrictEqual([]);
  expect(({} as Record<string, unknown>)['a']).toBeUndefined();
});
