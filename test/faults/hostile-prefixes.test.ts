/**
 * A prefix may hold whatever a glob would read, and yet a store finds, counts and deletes its own
 * entities alone. Foreign keys are made from the prefix: what it would match if it were read as a
 * pattern.
 */

import * as fc from 'fast-check';
import { Cluster } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FeatureStore } from '../../src/index.ts';
import { hostileCluster } from './hostile-cluster.ts';
import { holds } from './hostile-seed.ts';
import { hasLoneSurrogate, hostileText, isId } from './hostile-text.ts';

const KEYS = 100;
const RUNS = 100; // 10,000 keys
const started = hostileCluster(14_300);
let redis: Cluster;
beforeAll(() => {
  const { cluster } = started();
  redis = new Cluster(cluster.nodes.map(({ host, port }) => ({ host, port })));
});
afterAll(() => redis.disconnect());

const globs = fc
  .array(fc.constantFrom('*', '?', '[', ']', '[a-z]', '[^b]', '\\', '-', '^', 'a', 'b', ':'), {
    minLength: 1,
    maxLength: 6,
  })
  .map((parts) => parts.join(''));
const prefixes = fc
  .oneof({ weight: 3, arbitrary: globs }, { weight: 1, arbitrary: hostileText })
  .filter(
    (text) => text !== '' && text.length < 100 && !/[{}]/.test(text) && !hasLoneSurrogate(text),
  );

/** Keys that a glob of the prefix would match, or a careless escape of it. */
function lookalikesOf(prefix: string): string[] {
  const matches = [
    prefix.replaceAll('*', 'zz'),
    prefix.replaceAll('*', ''),
    prefix.replaceAll('?', 'z'),
    prefix.replaceAll(/\[[^\]]*\]/g, 'a'),
    prefix.replaceAll(/\[[^\]]*\]/g, 'c'),
    prefix.replaceAll('\\', ''),
    prefix.replaceAll('\\', '\\\\'),
    prefix.replaceAll(/[*?[\]\\]/g, '\\$&'),
    prefix.slice(0, -1),
    prefix.slice(1),
    prefix.toUpperCase(),
    `x${prefix}`,
    [...prefix].toReversed().join(''),
  ];
  const keys = matches.flatMap((match) => [match, `${match}u1`, `${match}*`]);
  return [...new Set(keys)].filter((key) => isForeign(key, prefix));
}

function isForeign(key: string, prefix: string): boolean {
  return key !== '' && !key.startsWith(prefix) && !hasLoneSurrogate(key);
}

test('a store finds and deletes what is under its prefix alone', async () => {
  const nodes = started().cluster.urls;
  let keyCount = 0;
  const idLists = fc.uniqueArray(hostileText.filter(isId), {
    minLength: 5,
    maxLength: 60,
    size: 'max',
  });
  const strangers = fc.uniqueArray(hostileText, { minLength: KEYS, maxLength: KEYS, size: 'max' });
  const property = fc.asyncProperty(prefixes, idLists, strangers, async (prefix, ids, others) => {
    const near = lookalikesOf(prefix).slice(0, KEYS - ids.length);
    const far = others.filter((key) => isForeign(key, prefix));
    const foreign = [...new Set([...near, ...far])].slice(0, KEYS - ids.length);
    await Promise.all(foreign.map((key) => redis.set(key, 'of somebody else')));
    await using store = await FeatureStore.connect({ nodes, keyPrefix: prefix });
    await store.bulkLoad(ids.map((id) => [id, { a: 1 }]));
    const scanned: string[] = [];
    for await (const id of store.scanEntityIds()) scanned.push(id);
    expect([...new Set(scanned)].sort()).toStrictEqual([...ids].sort());
    expect(await store.listEntityIds(1_000)).toStrictEqual([...ids].sort());
    expect(await store.reset()).toBe(ids.length);
    expect(await store.countEntities()).toBe(0);
    const left = await Promise.all(foreign.map((key) => redis.getdel(key)));
    expect(left).toStrictEqual(foreign.map(() => 'of somebody else'));
    keyCount += ids.length + foreign.length;
  });
  await holds(property, RUNS);
  expect(keyCount).toBeGreaterThan(RUNS * KEYS * 0.9);
});
