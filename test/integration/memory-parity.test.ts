/**
 * The store in memory gives what the store on a cluster gives, for any calls one after the other,
 * while no time passes: results and errors alike.
 */

import { randomUUID } from 'node:crypto';
import * as fc from 'fast-check';
import { expect, inject, it } from 'vitest';
import {
  FeatureStore,
  FeatureStoreError,
  PartialBatchError,
  PartialLoadError,
  type Features,
} from '../../src/index.ts';
import { createTestStore } from '../../src/testing/index.ts';
import { anyText } from '../cluster/unicode.ts';

const RUNS = 60;
const IDS = ['u1', 'u2', 'vip1', 'vip2', 'é*?[x]', '__proto__', 'constructor'];
/** Two are no ids. */
const id = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom(...IDS) },
  { weight: 1, arbitrary: fc.constantFrom('', 'a{b}') },
);
const name = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom('a', 'b', 'c', '__proto__', 'n ü\r\n') },
  { weight: 1, arbitrary: fc.constantFrom('', 'x'.repeat(5_000)) },
);
const value = fc.oneof(
  fc.integer(),
  fc.double(),
  fc.boolean(),
  anyText,
  fc.uint8Array({ maxLength: 8 }),
  fc.constantFrom('', '\ufeffx', '\ufffd', Number.NaN),
  fc.constant(null), // deletes the feature
);
/** Terms of a streaming write, so few that they meet. */
const terms = fc.record(
  {
    eventTimeMs: fc.constantFrom(1, 2, 3),
    ifExists: fc.boolean(),
    stream: fc.constantFrom('one', 'zwölf'),
    ttlSeconds: fc.constantFrom(1_000, 5_000),
  },
  { requiredKeys: [] },
);
const features = fc
  .array(fc.tuple(name, value), { maxLength: 3 })
  .map((entries): Features => Object.fromEntries(entries));
const rows = fc.array(fc.tuple(id, features), { maxLength: 4 });
const names = fc.array(name, { maxLength: 4 });
const ids = fc.array(id, { maxLength: 6 });
const goodIds = fc.array(fc.constantFrom(...IDS), { maxLength: 6 });
const ttlSeconds = fc.constantFrom(1_000, 5_000, 9_000);
const as = fc.constantFrom('text', 'bytes');
const onFailure = fc.constantFrom('throw', 'return');

type Call = (store: FeatureStore) => Promise<unknown>;

/** A call with what it is given, to be shown where the two differ. */
function call<Given extends unknown[]>(
  does: (store: FeatureStore, ...given: Given) => Promise<unknown>,
  ...given: { [At in keyof Given]: fc.Arbitrary<Given[At]> }
): fc.Arbitrary<Call> {
  return fc.tuple<Given>(...given).map((chosen) => {
    const made: Call = (store) => does(store, ...chosen);
    return Object.assign(made, { [fc.toStringMethod]: () => fc.stringify([String(does), chosen]) });
  });
}

const anyCall: fc.Arbitrary<Call> = fc.oneof(
  call((store, given, ttl) => store.bulkLoad(given, { ttlSeconds: ttl }), rows, ttlSeconds),
  call((store, given) => store.bulkLoad(lazily(given)), rows),
  call((store, given) => store.bulkLoad(given, { mode: 'replace' }), rows),
  call((store, given, of) => store.bulkLoad(given, { mode: 'replace', features: of }), rows, names),
  call(
    (store, one, given, ttl) => store.updateStreaming(one, given, { ttlSeconds: ttl }),
    id,
    features,
    ttlSeconds,
  ),
  call((store, one, given, on) => store.updateStreaming(one, given, on), id, features, terms),
  call((store, given) => store.updateStreamingBatch(given), rows),
  call((store, one, at) => store.deleteFeatures(one, at), id, names),
  call((store, at, dryRun) => store.deleteFeaturesEverywhere(at, { dryRun }), names, fc.boolean()),
  call((store, one, at, given) => store.updateBatchFeature(one, at, given), id, name, value),
  call((store, one, at, kind) => store.getFeatures(one, at, { as: kind }), id, names, as),
  // A server gives fields in an order of its own.
  call(
    async (store, one, kind) =>
      Object.entries(await store.getFeatures(one, undefined, { as: kind })).toSorted(),
    id,
    as,
  ),
  call(
    (store, some, at, kind, how) =>
      how === 'throw'
        ? store.batchGetFeatures(some, at, { as: kind })
        : store.batchGetFeatures(some, at, { as: kind, onFailure: 'return' }),
    ids,
    names,
    as,
    onFailure,
  ),
  call((store, some, at) => chunksOf(store, some, at), goodIds, names),
  call((store, at) => store.vipGroup('vip').batchGetFeatures(at), names),
  call((store, some, at) => store.tryBatchGetFeatures(some, at, { loadedOnly: true }), ids, names),
  call((store, one) => store.inspect(one), id),
  call((store, one) => store.keyTtlSeconds(one), id),
  call((store, one, at) => store.fieldTtlsSeconds(one, at), id, names),
  call((store, one) => store.deleteEntity(one), id),
  call((store) => store.countEntities()),
  call((store) => store.listEntityIds(100)),
  call(async (store) => counted(store)),
  call((store) => store.reset()),
);

/** Of few entities and features, so that they meet. */
const few = fc.constantFrom('u1', 'vip1');
const someFeatures = fc.dictionary(
  fc.constantFrom('a', 'b'),
  fc.option(fc.integer({ min: 0, max: 9 })),
  { minKeys: 1 },
);
const conditional: fc.Arbitrary<Call> = fc.oneof(
  {
    weight: 6,
    arbitrary: call(
      (store, one, given, on) => store.updateStreaming(one, given, on),
      few,
      someFeatures,
      terms,
    ),
  },
  call((store, one, given) => store.bulkLoad({ [one]: given }), few, someFeatures),
  call(
    (store, one, given) => store.bulkLoad({ [one]: given }, { mode: 'replace' }),
    few,
    someFeatures,
  ),
  call((store, one) => store.deleteEntity(one), few),
  call((store, one) => store.inspect(one), few),
);

async function* lazily<Item>(items: readonly Item[]): AsyncGenerator<Item> {
  yield* items;
}

/** None fails as a whole: then a chunk that is ahead would be under way still. */
async function chunksOf(store: FeatureStore, some: string[], at: string[]): Promise<unknown[]> {
  const chunks: unknown[] = [];
  const options = { chunkSize: 2, onFailure: 'return' } as const;
  for await (const chunk of store.streamFeatures(some, at, options)) chunks.push(chunk);
  return chunks;
}

/** What was counted of calls; what was sent depends on which scripts the servers have met. */
function counted(store: FeatureStore): object {
  const { shards, refreshes: _, ...stats } = store.stats();
  const failedRows = Object.values(shards).reduce((sum, shard) => sum + shard.failedRows, 0);
  return { ...stats, failedRows };
}

/** What a call came to, without what differs from run to run: times, addresses, the prefix. */
async function outcomeOf(made: Call, store: FeatureStore): Promise<unknown> {
  try {
    return plain(await made(store), store);
  } catch (error) {
    return plain(error, store);
  }
}

function plain(given: unknown, store: FeatureStore): unknown {
  if (given instanceof FeatureStoreError) {
    const { code, message, retryable, operation, id: entity } = given;
    const rest = given instanceof PartialBatchError ? { rows: given.rows } : {};
    const failed =
      given instanceof PartialBatchError || given instanceof PartialLoadError ? given.failed : [];
    const said = message.replaceAll(/(127\.0\.0\.1|memory):\d+/g, 'host:port');
    const words = said.replaceAll(/; by shard: [^;]*/g, '');
    // The prefix differs from run to run, and with it the slots of all that are in no group.
    const hasSlot = given.slot !== undefined;
    const where = { operation, entity, hasSlot, hasShard: given.shard !== undefined };
    return plain({ code, message: words, retryable, ...where, ...rest, failed }, store);
  }
  if (typeof given === 'number' && given >= 1_000) return Math.ceil(given / 100) * 100; // a TTL
  if (given instanceof Uint8Array || typeof given !== 'object' || given === null) return given;
  if (Array.isArray(given)) return given.map((item) => plain(item, store));
  const entries = Object.entries(given).filter(([key]) => key !== 'elapsedMs');
  return entries.map(([key, item]) => [key, plain(item, store)]);
}

it.each([
  ['whatever is called', anyCall],
  ['whatever is written on conditions', conditional],
] as const)('%s', { timeout: 120_000 }, async (_, oneCall) => {
  await fc.assert(
    fc.asyncProperty(fc.array(oneCall, { minLength: 1, maxLength: 20 }), async (calls) => {
      const options = {
        keyPrefix: `parity-${randomUUID()}:`,
        vipGroups: { vip: ['vip1', 'vip2'] },
      };
      const real = await FeatureStore.connect({ nodes: inject('clusterNodes'), ...options });
      const { store } = await createTestStore(options);
      try {
        // From then on the servers have been asked what they know: rows are looked at in one way.
        await real.updateStreaming('u1', { a: 1 });
        await real.reset();
        real.resetStats();
        for (const made of calls) {
          expect(await outcomeOf(made, store)).toStrictEqual(await outcomeOf(made, real));
        }
      } finally {
        await real.reset();
        await real.close();
      }
    }),
    { numRuns: RUNS },
  );
});
