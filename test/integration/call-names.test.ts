/**
 * A refusal names the call that was made, and no other: every public method is asked, a new one
 * too.
 */

import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { FeatureStore, type FeatureStoreError } from '../../src/index.ts';

let store: FeatureStore;
beforeAll(async () => {
  store = await FeatureStore.connect({
    nodes: inject('clusterNodes'),
    keyPrefix: 'call-names:',
    vipGroups: { vip: ['v1'] },
  });
});
afterAll(() => store.close());

type Method = (...args: never[]) => unknown;

/** What stands before the options of a call, by name; undefined where a call has no options. */
const ARGUMENTS: Readonly<Record<string, readonly unknown[] | undefined>> = {
  keyFor: undefined,
  slotFor: undefined,
  shardFor: undefined,
  vipGroup: undefined,
  stats: undefined,
  resetStats: undefined,
  close: undefined,
  bulkLoad: [{ u1: { a: 1 } }],
  updateStreaming: ['u1', { a: 1 }],
  updateStreamingBatch: [{ u1: { a: 1 } }],
  updateBatchFeature: ['u1', 'a', 1],
  getFeatures: ['u1', ['a']],
  batchGetFeatures: [['u1'], ['a']],
  tryBatchGetFeatures: [['u1'], ['a']],
  deleteFeatures: ['u1', ['a']],
  deleteFeaturesEverywhere: [['a']],
  streamFeatures: [['u1'], ['a']],
  inspect: ['u1'],
  keyTtlSeconds: ['u1'],
  fieldTtlsSeconds: ['u1', ['a']],
  scanEntityIds: [],
  listEntityIds: [10],
  countEntities: [],
  countEntitiesByShard: [],
  deleteEntity: ['u1'],
  reset: [],
  topology: [],
};
const METHODS = Object.getOwnPropertyNames(FeatureStore.prototype).filter(
  (name) => name !== 'constructor',
);
const WITH_OPTIONS = METHODS.filter((name) => ARGUMENTS[name] !== undefined);

async function refusalOf(
  subject: object,
  name: string,
  args: readonly unknown[],
): Promise<FeatureStoreError> {
  const method = (subject as Record<string, Method>)[name] as Method;
  try {
    const given: unknown = method.apply(subject, args as never[]);
    // A generator that was made with bad options has thrown; with a bad id it throws when it is
    // asked.
    if (Symbol.asyncIterator in Object(given)) await (given as AsyncGenerator).next();
    else await given;
  } catch (error) {
    return error as FeatureStoreError;
  }
  throw new Error(`${name} refused nothing`);
}

it('knows every method', () => {
  expect(METHODS.filter((name) => !Object.hasOwn(ARGUMENTS, name))).toStrictEqual([]);
});

const BAD_OPTIONS = [null, [], 'now', { timeout: 5 }, { timeoutMs: 0, refresh: 5 }, { signal: 1 }];

it.each(WITH_OPTIONS)('%s names itself when its options are refused', async (name) => {
  for (const options of BAD_OPTIONS) {
    const error = await refusalOf(store, name, [...(ARGUMENTS[name] ?? []), options]);
    expect(error).toMatchObject({ name: 'FeatureStoreError', code: 'INVALID_OPTION' });
    expect(error.message).toMatch(new RegExp(`^${name} options( must be|\\.)`));
  }
});

it('so does a VIP group, and a limit that is no option', async () => {
  const error = await refusalOf(store.vipGroup('vip'), 'batchGetFeatures', [['a'], { a: 1 }]);
  expect(error.message).toMatch(/^batchGetFeatures options\.a is not an option/);
  expect((await refusalOf(store, 'listEntityIds', [0])).message).toMatch(/^listEntityIds limit/);
});

const BAD = ['', 5, null, [], [5], {}, new Map([[1, 2]]), Symbol('bad')];

it.each(METHODS.filter((name) => name !== 'close'))(
  '%s names no other call when an id, a name or a row is refused',
  async (name) => {
    const args = ARGUMENTS[name] ?? ['u1'];
    for (const at of args.keys()) {
      for (const bad of BAD) {
        const error = await refusalOf(store, name, args.with(at, bad)).catch(() => undefined);
        if (error === undefined) continue; // it may be taken: no ids, no names
        const others = METHODS.filter((other) => new RegExp(`\\b${other}\\b`).test(error.message));
        expect(others.filter((other) => other !== name)).toStrictEqual([]);
      }
    }
  },
);
