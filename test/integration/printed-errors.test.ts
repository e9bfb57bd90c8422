/**
 * Errors with failed rows, as real servers make them: which shards refused which rows, and no
 * feature in a log.
 */

import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { inspect } from 'node:util';
import { FeatureStore, PartialBatchError, PartialLoadError } from '../../src/index.ts';

const SECRET = 'S3CRET-VALUE';
let store: FeatureStore;
beforeAll(async () => {
  store = await FeatureStore.connect({
    nodes: inject('clusterNodes'),
    keyPrefix: 'printed-errors:',
  });
});
afterAll(async () => {
  await store.reset();
  await store.close();
});

/** Makes the ids' keys of another type, which no read of features understands. */
async function spoil(ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    const [host = '', port = ''] = (store.shardFor(id) ?? '').split(':');
    const redis = new Redis({ host, port: Number(port) });
    await redis.set(store.keyFor(id), SECRET);
    redis.disconnect();
  }
}

it('a batch says which shards refused how many rows, and shows no row', async () => {
  const ids = Array.from({ length: 60 }, (_, i) => `u${i}`);
  await store.bulkLoad(ids.map((id) => [id, { card: SECRET }] as const));
  const spoiled = ids.slice(0, 12);
  await store.reset();
  await store.bulkLoad(ids.slice(12).map((id) => [id, { card: SECRET }] as const));
  await spoil(spoiled);
  const error: unknown = await store.batchGetFeatures(ids, ['card']).catch((thrown) => thrown);
  if (!(error instanceof PartialBatchError)) throw new Error('the read did not fail in part');
  const byShard = new Map<string, number>();
  for (const id of spoiled) {
    const shard = store.shardFor(id) ?? '';
    byShard.set(shard, (byShard.get(shard) ?? 0) + 1);
  }
  expect(error.summary).toStrictEqual({
    failedCount: 12,
    byCode: { WRONG_TYPE: 12 },
    byShard: Object.fromEntries(byShard),
    firstIds: spoiled.slice(0, 5),
  });
  for (const { id, error: reason } of error.failed) expect(reason.shard).toBe(store.shardFor(id));
  expect(error.rows[20]).toStrictEqual({ card: SECRET });
  for (const text of [inspect(error, { depth: null }), JSON.stringify(error), error.stack ?? '']) {
    expect(text).not.toContain(SECRET);
    expect(text.split('\n').length).toBeLessThanOrEqual(20);
  }
});

it('a load whose source throws has its words in the cause alone', async () => {
  const thrown = new SyntaxError(`Unexpected token in {"card":"${SECRET}"}`);
  function* rows(): Generator<[string, { card: string }]> {
    yield ['u1', { card: SECRET }];
    throw thrown;
  }
  const error: unknown = await store.bulkLoad(rows()).catch((reason) => reason);
  if (!(error instanceof PartialLoadError)) throw new Error('the load did not stop');
  expect(error.cause).toBe(thrown);
  expect(error.message).toContain('SyntaxError');
  expect(inspect(error)).not.toContain(SECRET);
});

it('what is refused is not repeated, where it may be a feature or a password', async () => {
  const wrong = (value: unknown): never => value as never;
  const calls: readonly (() => Promise<unknown>)[] = [
    () => store.updateStreaming('u1', wrong(SECRET)),
    () => store.updateBatchFeature('u1', 'card', wrong([SECRET])),
    () => store.bulkLoad(wrong(SECRET)),
    () => store.bulkLoad(wrong([SECRET])),
    () => store.bulkLoad({ u1: wrong(SECRET) }),
    () => store.bulkLoad({ u1: { card: wrong(BigInt('0x5ec3e7')) } }),
    () => FeatureStore.connect(wrong(SECRET)),
    () => FeatureStore.connect({ nodes: wrong(`redis://:${SECRET}@127.0.0.1:7000`) }),
    () => FeatureStore.connect({ redis: wrong(`redis://:${SECRET}@127.0.0.1:7000`) }),
    () => FeatureStore.connect({ nodes: ['127.0.0.1:7000'], redisOptions: wrong(SECRET) }),
  ];
  for (const call of calls) {
    const error: unknown = await Promise.resolve()
      .then(call)
      .catch((reason) => reason);
    expect(error).toMatchObject({ retryable: false });
    const text = inspect(error, { depth: null }).split('\n    at ', 1)[0] ?? '';
    expect(text).not.toContain(SECRET);
    expect(text).not.toContain(String(0x5ec3e7));
  }
});
