import { describe, expect, inject, test } from 'vitest';
import { StreamingWorker } from '../../src/demo/streaming-worker.ts';
import { createDemoServer } from '../../src/demo/server.ts';
import {
  DEFAULT_BATCH_FEATURES,
  DEFAULT_STREAMING_FEATURES,
  synthesizeUsers,
} from '../../src/synthetic/synthetic-users.ts';
import { FeatureStore } from '../../src/index.ts';
import { demoFixture } from './demo-fixture.ts';

const KEY_PREFIX = 'test:demo-routes:';
const READ_FEATURES = ['risk_segment', 'tx_count_7d', 'tx_count_5m'];
const demo = demoFixture(KEY_PREFIX);

describe('GET /state', () => {
  test('has the whole state, and the cluster', async () => {
    // A replica is in the table once the node that was asked knows of it.
    await expect
      .poll(async () => (await demo.store.topology({ refresh: true })).shards)
      .toMatchObject(Array.from({ length: 3 }, () => ({ replicas: [expect.any(String)] })));
    const { status, body } = await demo.call('GET', '/state');
    expect(status).toBe(200);
    expect(body).toEqual({
      key_prefix: KEY_PREFIX,
      batch_ttl_seconds: 86_400,
      streaming_ttl_seconds: 300,
      entity_count: 50,
      entity_ids: [...synthesizeUsers({ count: 50 })].map(([id]) => id),
      stats: {
        batch_writes_total: 50,
        streaming_writes_total: 0,
        reads_total: 0,
        read_fields_total: 0,
      },
      worker: { running: false, paused: false, tick_count: 0, writes_count: 0 },
      cluster: { mode: 'cluster', shards: expect.any(Array) },
    });
    const { shards } = (body as { cluster: { shards: Record<string, unknown>[] } }).cluster;
    expect(shards).toHaveLength(3);
    for (const shard of shards) {
      expect(shard).toEqual({
        address: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
        role: 'primary',
        slot_count: expect.any(Number),
        slot_share: Number(shard['slot_count']) / 16_384,
        slot_ranges: expect.arrayContaining([[expect.any(Number), expect.any(Number)]]),
        replicas: [expect.stringMatching(/^127\.0\.0\.1:\d+$/)],
        entity_count: expect.any(Number),
      });
    }
    const sumOf = (name: string): number =>
      shards.reduce((sum, shard) => sum + Number(shard[name]), 0);
    expect([sumOf('slot_count'), sumOf('entity_count')]).toEqual([16_384, 50]);
  });

  test('counts all users and lists the first 500', async () => {
    await demo.call('POST', '/bulk-load', { count: 600 });
    const { body } = await demo.call('GET', '/state');
    const { entity_count, entity_ids } = body as { entity_count: number; entity_ids: string[] };
    expect(entity_count).toBe(600);
    expect(entity_ids).toHaveLength(500);
    expect(entity_ids.at(-1)).toBe('u0500');
  });

  test('a standalone server is one shard', async () => {
    await using single = await FeatureStore.connect({
      nodes: [inject('standaloneUrl')],
      keyPrefix: KEY_PREFIX,
    });
    const listIds = async (): Promise<string[]> => [];
    await using idle = new StreamingWorker({ store: single, listIds });
    const other = await createDemoServer({ store: single, worker: idle });
    await other.inject({ method: 'POST', url: '/bulk-load', payload: { count: 7 } });
    const { cluster } = (await other.inject('/state')).json<{ cluster: unknown }>();
    expect(cluster).toEqual({
      mode: 'standalone',
      shards: [
        {
          address: new URL(inject('standaloneUrl')).host,
          role: 'primary',
          slot_count: 16_384,
          slot_share: 1,
          slot_ranges: [[0, 16_383]],
          replicas: [],
          entity_count: 7,
        },
      ],
    });
    await single.reset();
    await other.close();
  });
});

describe('POST /read', () => {
  test.each([
    ['JSON', { user: 'u0001', field: READ_FEATURES }],
    ['a form', `user=u0001&${READ_FEATURES.map((name) => `field=${name}`).join('&')}`],
  ])('gives values and TTLs, asked with %s', async (_, parameters) => {
    const { status, body } = await demo.call('POST', '/read', parameters);
    expect(status).toBe(200);
    expect(body).toEqual({
      requested: READ_FEATURES,
      values: await demo.store.getFeatures('u0001', READ_FEATURES),
      ttls: { risk_segment: -1, tx_count_7d: -1, tx_count_5m: -2 },
      key_ttl_seconds: expect.any(Number),
      returned_count: 2,
      elapsed_ms: expect.any(Number),
      shard: demo.store.shardFor('u0001'),
      slot: demo.store.slotFor('u0001'),
    });
  });

  test('one field in a form is a list of one', async () => {
    const { body } = await demo.call('POST', '/read', 'user=u0001&field=risk_segment');
    expect(body).toMatchObject({ requested: ['risk_segment'], returned_count: 1 });
  });

  test('no field: nothing is read but the TTL', async () => {
    const { body } = await demo.call('POST', '/read', { user: 'u0001' });
    expect(body).toMatchObject({
      requested: [],
      values: {},
      ttls: {},
      returned_count: 0,
      elapsed_ms: 0,
    });
    expect((body as { key_ttl_seconds: number }).key_ttl_seconds).toBeGreaterThan(80_000);
    expect(demo.store.stats().readsTotal).toBe(0);
  });

  test('an absent user has no values', async () => {
    const { status, body } = await demo.call('POST', '/read', {
      user: 'nobody',
      field: ['a', 'b'],
    });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      values: {},
      ttls: { a: -2, b: -2 },
      key_ttl_seconds: -2,
      returned_count: 0,
    });
  });

  test('values come as they are, whatever they hold', async () => {
    const text = '<img src=x onerror=alert(1)> "é" \u0000 \u2028';
    await demo.store.updateBatchFeature('u0001', 'note', text);
    const { body } = await demo.call('POST', '/read', { user: 'u0001', field: 'note' });
    expect(body).toMatchObject({ values: { note: text } });
  });

  test.each([[undefined], [{}], [{ user: '' }], [{ user: '  ' }], ['field=a'], ['user=']])(
    'refuses %j: no user',
    async (parameters) => {
      const { status, body } = await demo.call('POST', '/read', parameters);
      expect([status, body]).toEqual([400, { error: 'user is required' }]);
    },
  );

  test.each([
    ['two users', 'user=u0001&user=u0002', /^user must be one id/],
    ['a number for a user', { user: 1 }, /^user must be one id/],
    ['a user with braces', { user: '{a}b' }, /braces/],
    ['a field that is no name', { user: 'u0001', field: [1] }, /^field must be/],
    ['257 fields', { user: 'u0001', field: Array.from({ length: 257 }, String) }, /^field must be/],
    ['JSON that is none', '{"user":', /user is required/],
  ])('refuses %s', async (_, parameters, error) => {
    const { status, body } = await demo.call('POST', '/read', parameters);
    expect([status, body]).toEqual([400, { error: expect.stringMatching(error) }]);
  });
});

interface BatchReply {
  readonly entity_count: number;
  readonly elapsed_ms: number;
  readonly sample: { readonly id: string }[];
  readonly shards: {
    readonly shard: string;
    readonly id_count: number;
    readonly start_ms: number;
    readonly elapsed_ms: number;
  }[];
}

describe('POST /batch-read', () => {
  test('reads the first users of the listing, and says how they were split', async () => {
    const { status, body } = await demo.call('POST', '/batch-read', { count: 40 });
    expect(status).toBe(200);
    const reply = body as BatchReply;
    expect(body).toEqual({
      entity_count: 40,
      failed_count: 0,
      field_count: 6,
      elapsed_ms: expect.any(Number),
      sample: Array.from({ length: 10 }, (_, index) => ({
        id: `u${String(index + 1).padStart(4, '0')}`,
        field_count: 1,
      })),
      shards: expect.any(Array),
    });
    expect(reply.shards.map(({ shard }) => shard)).toEqual(
      (await demo.store.topology()).shards.map(({ address }) => address).sort(),
    );
    for (const part of reply.shards) {
      expect(part).toMatchObject({ pipeline_count: 1 });
      expect(part.start_ms + part.elapsed_ms).toBeLessThanOrEqual(reply.elapsed_ms + 1);
      const own = reply.sample.filter(({ id }) => demo.store.shardFor(id) === part.shard);
      expect(part.id_count).toBeGreaterThanOrEqual(own.length);
    }
    expect(reply.shards.reduce((sum, { id_count }) => sum + id_count, 0)).toBe(40);
  });

  test.each([
    ['count=0', 1],
    ['count=-5', 1],
    ['count=501', 50],
    ['', 50],
  ])('form %j reads %d of the 50 users', async (parameters, entityCount) => {
    const { body } = await demo.call('POST', '/batch-read', parameters);
    expect(body).toMatchObject({ entity_count: entityCount });
  });

  test('reads 500 users at the most', async () => {
    await demo.call('POST', '/bulk-load', { count: 600 });
    const { body } = await demo.call('POST', '/batch-read', { count: 9_999 });
    expect(body).toMatchObject({ entity_count: 500 });
  });

  test('reads the fields that are asked for', async () => {
    const { body } = await demo.call(
      'POST',
      '/batch-read',
      'count=3&field=risk_segment&field=nothing',
    );
    expect(body).toMatchObject({
      entity_count: 3,
      field_count: 2,
      sample: [{ field_count: 1 }, {}, {}],
    });
  });

  test('an empty store is an empty batch', async () => {
    await demo.call('POST', '/reset');
    const { body } = await demo.call('POST', '/batch-read');
    expect(body).toMatchObject({ entity_count: 0, sample: [], shards: [] });
  });

  test('refuses a count that is no number', async () => {
    const { status, body } = await demo.call('POST', '/batch-read', 'count=abc');
    expect([status, body]).toEqual([400, { error: 'count must be a whole number' }]);
  });
});

describe('GET /inspect', () => {
  test('lists known features, missing ones too, and others', async () => {
    await demo.store.updateBatchFeature('u0001', 'a_new_one', 'x');
    await demo.store.updateStreaming('u0001', { tx_count_5m: 3 });
    const { status, body } = await demo.call('GET', '/inspect?user=u0001');
    expect(status).toBe(200);
    const { fields, ...rest } = body as {
      fields: { name: string; value: string; ttl_seconds: number }[];
    };
    expect(rest).toEqual({ exists: true, key_ttl_seconds: expect.any(Number) });
    const known = [...DEFAULT_BATCH_FEATURES, ...DEFAULT_STREAMING_FEATURES];
    expect(fields.map(({ name }) => name)).toEqual([...known, 'a_new_one'].sort());
    const found = (name: string): unknown => fields.find((field) => field.name === name);
    expect(found('a_new_one')).toEqual({ name: 'a_new_one', value: 'x', ttl_seconds: -1 });
    expect(found('last_login_ts')).toEqual({ name: 'last_login_ts', value: '', ttl_seconds: -2 });
    expect(found('tx_count_5m')).toMatchObject({ value: '3', ttl_seconds: expect.any(Number) });
  });

  test('a missing user does not exist', async () => {
    const { status, body } = await demo.call('GET', '/inspect?user=nobody');
    expect([status, body]).toEqual([200, { exists: false, key_ttl_seconds: -2 }]);
  });

  test.each(['/inspect', '/inspect?user='])('refuses %s', async (url) => {
    const { status, body } = await demo.call('GET', url);
    expect([status, body]).toEqual([400, { error: 'user is required' }]);
  });
});
