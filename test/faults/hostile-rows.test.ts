/**
 * What is accepted is read back exactly, by every call that reads, whatever ids, names and values
 * hold; what is refused leaves nothing behind. A run writes many rows at once, and a model says
 * what must be there.
 */

import * as fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import type { FeatureRow, Features, FeatureStore, LoadResult } from '../../src/index.ts';
import { show } from '../../src/store/option-checks.ts';
import { hostileCluster, VIP_IDS } from './hostile-cluster.ts';
import {
  featuresOf,
  refusedFeatures,
  storedFeatures,
  storedIn,
  type FeatureRecipe,
} from './hostile-features.ts';
import { holds } from './hostile-seed.ts';
import { hostileText, isId } from './hostile-text.ts';

const ROWS = 500;
const RUNS = 20; // 10,000 rows
const MAX_NAMES = 60;
const started = hostileCluster(14_200);
let store: FeatureStore;
beforeAll(() => {
  store = started().store;
});

interface RowRecipe {
  readonly id: unknown;
  readonly features: FeatureRecipe;
  readonly good: boolean;
}

/** Ids come twice now and then: a hostile text is often short. */
const ids = fc.oneof(
  { weight: 6, arbitrary: hostileText.filter(isId) },
  { weight: 2, arbitrary: fc.uuid() },
  { weight: 1, arbitrary: fc.constantFrom(...VIP_IDS) },
);
const goodRow = fc.record({ id: ids, features: storedFeatures, good: fc.constant(true) });
const badRow = fc.oneof(
  fc.record({ id: ids, features: refusedFeatures, good: fc.constant(false) }),
  fc.record({
    id: fc.oneof(
      hostileText.filter((text) => !isId(text)),
      fc.constantFrom<unknown>(7, null, undefined, Symbol('id'), true),
    ),
    features: storedFeatures,
    good: fc.constant(false),
  }),
);
const exactly = { minLength: ROWS, maxLength: ROWS, size: 'max' } as const;
const goodRows: fc.Arbitrary<RowRecipe[]> = fc.array(goodRow, exactly);
const mixedRows: fc.Arbitrary<RowRecipe[]> = fc.array(
  fc.oneof({ weight: 3, arbitrary: goodRow }, { weight: 1, arbitrary: badRow }),
  exactly,
);

type Entry = readonly [id: string, features: Features];
const entryOf = ({ id, features }: RowRecipe): Entry => [
  id as string,
  featuresOf(features) as Features,
];

/**
 * What the rows leave in the store, by id, in their order; ids of refused rows are there with
 * nothing.
 */
type Model = Map<string, Map<string, string>>;

function modelOf(rows: readonly RowRecipe[]): Model {
  const model: Model = new Map();
  for (const { id, features, good } of rows) {
    if (!isId(id)) continue;
    const entity = model.get(id) ?? new Map<string, string>();
    model.set(id, entity);
    if (good) for (const [name, value] of storedIn(features)) entity.set(name, value);
  }
  return model;
}

/** The entries, not the object: `__proto__` must be a property of its own. */
function entriesOf(row: FeatureRow | undefined): [string, string][] {
  if (Object.getPrototypeOf(row) !== Object.prototype) throw new Error('a prototype of its own');
  return Object.entries(row ?? {});
}

const sorted = (entries: Iterable<[string, string]>): [string, string][] =>
  [...entries].sort(([a], [b]) => (a < b ? -1 : 1));

/** Reads every entity in every way. */
async function isThere(model: Model): Promise<void> {
  await Promise.all([...model].map(([id, entity]) => isEntityThere(id, entity)));
  const idList = [...model.keys()];
  const names = [...new Set([...model.values()].flatMap((entity) => [...entity.keys()]))];
  const asked = names.slice(0, MAX_NAMES);
  const expected = idList.map((id) =>
    asked.flatMap((name) => {
      const value = model.get(id)?.get(name);
      return value === undefined ? [] : [[name, value]];
    }),
  );
  const batch = await store.batchGetFeatures(idList, asked);
  expectSame(
    batch.map((row) => sorted(entriesOf(row))),
    expected.map(sortedPairs),
  );
  const streamed: (FeatureRow | undefined)[] = [];
  for await (const { rows } of store.streamFeatures(idList, asked, { chunkSize: 100 })) {
    streamed.push(...rows);
  }
  expectSame(streamed.map(entriesOf), batch.map(entriesOf));
  const stored = idList.filter((id) => (model.get(id)?.size ?? 0) > 0).sort();
  const scanned: string[] = [];
  for await (const id of store.scanEntityIds()) scanned.push(id);
  expect([...new Set(scanned)].sort()).toStrictEqual(stored);
  expect(await store.listEntityIds(10_000)).toStrictEqual(stored);
}

const sortedPairs = (pairs: string[][]): [string, string][] => sorted(pairs as [string, string][]);

async function isEntityThere(id: string, entity: ReadonlyMap<string, string>): Promise<void> {
  const names = [...entity.keys()];
  const [some, all, inspected, ttls] = await Promise.all([
    store.getFeatures(id, [...names, 'not there']),
    store.getFeatures(id),
    store.inspect(id),
    store.fieldTtlsSeconds(id, names),
  ]);
  const expected = sorted(entity);
  expectSame(sorted(entriesOf(some)), expected);
  expectSame(sorted(entriesOf(all)), expected);
  expectSame(inspected.exists, names.length > 0);
  const fields = inspected.fields.map(({ name, value }) => [name, value]);
  expectSame(fields, expected);
  expectSame(Object.keys(ttls).sort(), [...names].sort());
  expectSame(Object.values(ttls).includes(-2), false);
}

/** `toStrictEqual`, whose own work is a hundred times that of a read. */
function expectSame(actual: unknown, expected: unknown): void {
  if (JSON.stringify(actual) !== JSON.stringify(expected)) expect(actual).toStrictEqual(expected);
}

async function emptied(model: Model): Promise<void> {
  const stored = [...model.values()].filter(({ size }) => size > 0).length;
  expect(await store.reset()).toBe(stored);
}

/** Which rows failed, as `[id, code]`. */
function failedRows({ failed }: LoadResult): [string, string][] {
  return failed.map(({ id, error }) => [id, error.code]);
}

function expectedFailures(rows: readonly RowRecipe[]): [string, string][] {
  return rows
    .filter(({ good }) => !good)
    .map(({ id }) => [
      typeof id === 'string' ? id : show(id),
      isId(id) ? 'INVALID_FEATURE' : 'INVALID_ID',
    ]);
}

/** Gives the number of rows that were checked. */
async function eachRun(
  rows: fc.Arbitrary<RowRecipe[]>,
  write: (rows: readonly RowRecipe[]) => Promise<void>,
): Promise<number> {
  let count = 0;
  await holds(
    fc.asyncProperty(rows, async (recipes) => {
      await store.reset(); // a run that failed half-way left something
      await write(recipes);
      const model = modelOf(recipes);
      await isThere(model);
      await emptied(model);
      count += recipes.length;
    }),
    RUNS,
  );
  expect(Object.keys(Object.prototype)).toStrictEqual([]);
  return count;
}

function* lazily(rows: readonly RowRecipe[]): Generator<Entry> {
  for (const row of rows) yield entryOf(row);
}

test('bulkLoad of a lazy source: bad rows are reported, the others stored', async () => {
  const count = await eachRun(mixedRows, async (rows) => {
    const result = await store.bulkLoad(lazily(rows), { onInvalid: 'report' });
    const failures = expectedFailures(rows);
    expect(result.loaded).toBe(rows.length - failures.length);
    expect(failedRows(result).sort()).toStrictEqual(failures.sort());
  });
  expect(count).toBe(RUNS * ROWS);
});

test('updateStreamingBatch of a lazy source: the same', async () => {
  const count = await eachRun(mixedRows, async (rows) => {
    const result = await store.updateStreamingBatch(lazily(rows), { onInvalid: 'report' });
    const failures = expectedFailures(rows);
    expect(result.loaded).toBe(rows.length - failures.length);
    expect(failedRows(result).sort()).toStrictEqual(failures.sort());
  });
  expect(count).toBe(RUNS * ROWS);
});

test('bulkLoad of an array: all or nothing is sent', async () => {
  const count = await eachRun(goodRows, async (rows) => {
    expect(await store.bulkLoad(rows.map(entryOf))).toMatchObject({ loaded: ROWS, failed: [] });
  });
  expect(count).toBe(RUNS * ROWS);
});

test('updateStreaming, row by row', async () => {
  const count = await eachRun(goodRows, async (rows) => {
    await Promise.all(rows.map(async (row) => store.updateStreaming(...entryOf(row))));
  });
  expect(count).toBe(RUNS * ROWS);
});

test('updateBatchFeature, value by value', async () => {
  const count = await eachRun(goodRows, async (rows) => {
    const values = rows.flatMap((row) => {
      const [id, features] = entryOf(row);
      return Object.entries(features).map(([name, value]) => [id, name, value] as const);
    });
    await Promise.all(values.map((value) => store.updateBatchFeature(...value)));
  });
  expect(count).toBe(RUNS * ROWS);
});

test('a member of a VIP group is read with its group', async () => {
  const rows = fc.array(storedFeatures, { minLength: VIP_IDS.length, maxLength: VIP_IDS.length });
  let count = 0;
  const property = fc.asyncProperty(rows, async (recipes) => {
    await store.reset();
    await store.bulkLoad(VIP_IDS.map((id, i) => [id, featuresOf(recipes[i]!) as Features]));
    const names = [...new Set(recipes.flatMap(({ entries }) => entries.map(([name]) => name)))];
    const read = await store.vipGroup('g*\r\n').batchGetFeatures(names);
    expect(read.map((row) => sorted(entriesOf(row)))).toStrictEqual(
      recipes.map((recipe) => sorted(storedIn(recipe))),
    );
    count += read.length;
  });
  await holds(property, 500);
  expect(count).toBe(500 * VIP_IDS.length);
  await store.reset();
});
