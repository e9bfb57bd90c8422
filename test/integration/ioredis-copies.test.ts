/** Applications have an ioredis of their own: objects of another copy, and of another version. */

import { Redis as RedisOld } from 'ioredis-old';
import { Cluster as Cluster5, Redis as Redis5 } from 'ioredis-5';
import { Cluster as OtherCluster, Redis as OtherRedis } from 'ioredis-copy';
import { Redis as Iovalkey } from 'iovalkey';
import { readFileSync } from 'node:fs';
import { Redis } from 'ioredis';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { IOREDIS_RANGE, type IoredisClient } from '../../src/cluster/lanes/ioredis.ts';
import { FeatureStore } from '../../src/index.ts';

const manifest = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
) as Record<string, Record<string, string>>;

interface Place {
  readonly host: string;
  readonly port: number;
  readonly lazyConnect?: boolean;
}

function place(url: string): Place {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port) };
}

/** Writes, reads and deletes rows by way of an object of the application's. */
async function tryOut(redis: IoredisClient): Promise<FeatureStore> {
  onTestFinished(() => redis.disconnect());
  const store = await FeatureStore.connect({ redis, keyPrefix: 'copies:' });
  onTestFinished(() => store.close());
  const ids = Array.from({ length: 50 }, (_, i) => `u${i}`);
  const rows = ids.map((id, n) => [id, { n }] as const);
  expect(await store.bulkLoad(rows)).toMatchObject({ loaded: 50 });
  await store.updateStreaming('u1', { s: 1 });
  const read = await store.batchGetFeatures(ids, ['n']);
  expect(read).toStrictEqual(ids.map((_, n) => ({ n: String(n) })));
  expect(await store.reset()).toBe(50);
  return store;
}

const standalone = (): Place => place(inject('standaloneUrl'));
const nodes = (): Place[] => inject('clusterNodes').map(place);

const ofOther = {
  redis: (options: Place) => new OtherRedis(options),
  cluster: () => new OtherCluster(nodes()),
  extended: () => new (class OwnClass extends OtherRedis {})(standalone()),
};
const of5 = {
  redis: (options: Place) => new Redis5(options),
  cluster: () => new Cluster5(nodes()),
  extended: () => new (class OwnClass extends Redis5 {})(standalone()),
};

describe.each([
  ['of the same version', ofOther],
  ['of the oldest version', of5],
])('objects of another copy of ioredis, %s', (_, make) => {
  it('may be a Redis of one server, and stay open', async () => {
    const redis = make.redis(standalone());
    expect(redis).not.toBeInstanceOf(Redis);
    const store = await tryOut(redis);
    await store.close();
    expect(await redis.ping()).toBe('PONG');
  });

  it('may be a Redis of one node of a cluster', async () => {
    const store = await tryOut(
      make.redis({ ...place(inject('clusterNodes')[1] ?? ''), lazyConnect: true }),
    );
    expect(await store.topology()).toMatchObject({ mode: 'cluster', shards: { length: 3 } });
  });

  it('may be a Cluster, and stay open', async () => {
    const cluster = make.cluster();
    const store = await tryOut(cluster);
    await store.close();
    expect(await cluster.set('copies-given', '1', 'EX', 10)).toBe('OK');
  });

  it('may be of a class of the application that extends it', async () => {
    const store = await tryOut(make.extended());
    expect(await store.topology()).toMatchObject({ mode: 'standalone' });
  });
});

describe('a copy out of range', () => {
  const refusal = async (redis: unknown): Promise<unknown> => {
    const given = redis as IoredisClient; // what the types would not allow
    onTestFinished(() => given.disconnect());
    return FeatureStore.connect({ redis: given }).catch((error: unknown) => error);
  };

  it('is refused, and the message names both versions and the range', async () => {
    expect(await refusal(new RedisOld({ lazyConnect: true }))).toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringMatching(
        /ioredis 5\.4\.2.*\^5\.\S+ \|\| \^6\.0\.0.* 6\.\d+\.\d+ itself/,
      ),
    });
  });

  it('is refused where it is another package of that shape', async () => {
    expect(await refusal(new Iovalkey({ lazyConnect: true }))).toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringContaining('iovalkey 0.4.0'),
    });
  });

  it('whose package is unknown is recognised by what it lacks', async () => {
    const lookalike = {
      isCluster: true,
      status: 'ready',
      options: {},
      disconnect: () => undefined,
    };
    expect(await refusal(lookalike)).toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringContaining(
        'lacks call, connect, on, once, off, nodes, refreshSlotsCache',
      ),
    });
  });
});

it('the store runs on ioredis 6, and the oldest whose objects it takes is tested', () => {
  expect(manifest['peerDependencies']).toStrictEqual({ ioredis: '^6.0.0' });
  const least = /^\^(\S+)/.exec(IOREDIS_RANGE)?.[1];
  expect(manifest['devDependencies']).toMatchObject({ 'ioredis-5': `npm:ioredis@${least}` });
});
