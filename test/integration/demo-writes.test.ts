import { describe, expect, test } from 'vitest';
import {
  DEFAULT_BATCH_FEATURES,
  DEFAULT_STREAMING_FEATURES,
  synthesizeUsers,
} from '../../src/synthetic/synthetic-users.ts';
import { demoFixture } from './demo-fixture.ts';

const demo = demoFixture('test:demo-writes:');

describe('POST /bulk-load', () => {
  test.each([
    ['JSON', { count: 30, ttl: 60 }],
    ['JSON with strings', { count: '30', ttl: '60' }],
    ['a form', 'count=30&ttl=60'],
  ])('takes %s', async (_, parameters) => {
    await demo.call('POST', '/reset');
    const { status, body } = await demo.call('POST', '/bulk-load', parameters);
    expect(status).toBe(200);
    const elapsed_ms: unknown = expect.any(Number);
    expect(body).toEqual({ loaded: 30, failed_count: 0, ttl_seconds: 60, elapsed_ms });
    await expect(demo.store.countEntities()).resolves.toBe(30);
    const ttlSeconds = await demo.store.keyTtlSeconds('u0030');
    expect(ttlSeconds).toBeGreaterThan(50);
    expect(ttlSeconds).toBeLessThanOrEqual(60);
    await expect(demo.store.getFeatures('u0001', ['tx_count_7d'])).resolves.toEqual({
      tx_count_7d: String([...synthesizeUsers({ count: 1 })][0]?.[1]['tx_count_7d']),
    });
  });

  test('without parameters loads 200 for the TTL of the store', async () => {
    const { body } = await demo.call('POST', '/bulk-load');
    expect(body).toMatchObject({ loaded: 200, ttl_seconds: 86_400 });
  });

  test.each([
    [
      { count: 0, ttl: 0 },
      { loaded: 1, ttl_seconds: 5 },
    ],
    [
      { count: -7, ttl: -7 },
      { loaded: 1, ttl_seconds: 5 },
    ],
    [
      { count: 9_999_999, ttl: 9_999_999 },
      { loaded: 2_000, ttl_seconds: 172_800 },
    ],
  ])('takes %j to the nearest that is allowed', async (parameters, expected) => {
    expect((await demo.call('POST', '/bulk-load', parameters)).body).toMatchObject(expected);
  });

  test.each([
    ['count=abc', 'count must be a whole number'],
    ['count=', 'count must be a whole number'],
    ['count=1.5', 'count must be a whole number'],
    ['count=1&count=2', 'count must be a whole number'],
    ['ttl=soon', 'ttl must be a whole number of seconds'],
    [{ count: 1.5 }, 'count must be a whole number'],
    [{ count: null }, 'count must be a whole number'],
    [{ count: true }, 'count must be a whole number'],
    [{ count: {} }, 'count must be a whole number'],
    [[1], 'the parameters must be a JSON object or an urlencoded form'],
  ])('refuses %j', async (parameters, error) => {
    const { status, body } = await demo.call('POST', '/bulk-load', parameters);
    expect([status, body]).toEqual([400, { error }]);
    await expect(demo.store.countEntities()).resolves.toBe(50);
  });
});

describe('POST /worker/toggle', () => {
  test('starts, pauses and resumes', async () => {
    const replies: unknown[] = [];
    for (let press = 0; press < 3; press++) {
      replies.push((await demo.call('POST', '/worker/toggle')).body);
    }
    expect(replies).toEqual([
      { paused: false, running: true },
      { paused: true, running: true },
      { paused: false, running: true },
    ]);
    await expect
      .poll(async () => (await demo.call('GET', '/state')).body)
      .toMatchObject({ worker: { running: true, paused: false, tick_count: expect.any(Number) } });
    await expect.poll(() => demo.worker.writesCount).toBeGreaterThanOrEqual(25);
    expect(demo.store.stats().streamingWritesTotal).toBeGreaterThanOrEqual(25);
  });

  test('what it writes expires by the field, not with the key', async () => {
    await demo.call('POST', '/worker/toggle');
    await expect.poll(() => demo.worker.tickCount).toBeGreaterThan(0);
    await demo.worker.stop();
    const ids = await demo.store.listEntityIds(50);
    const rows = await demo.store.batchGetFeatures(ids, DEFAULT_STREAMING_FEATURES);
    const at = rows.findIndex((row) => Object.keys(row).length > 0);
    const { fields, keyTtlSeconds } = await demo.store.inspect(ids[at] ?? '');
    expect(keyTtlSeconds).toBeGreaterThan(80_000);
    const limited = fields.filter(({ ttlSeconds }) => ttlSeconds > 200).map(({ name }) => name);
    const unlimited = fields.filter(({ ttlSeconds }) => ttlSeconds === -1).map(({ name }) => name);
    expect(limited).toEqual([...DEFAULT_STREAMING_FEATURES].sort());
    expect(unlimited).toEqual([...DEFAULT_BATCH_FEATURES].sort());
  });
});

describe('POST /reset', () => {
  test('deletes everybody, zeroes both counts, and leaves a stopped worker stopped', async () => {
    await demo.call('POST', '/batch-read');
    const { status, body } = await demo.call('POST', '/reset');
    expect([status, body]).toEqual([200, { deleted: 50 }]);
    expect((await demo.call('GET', '/state')).body).toMatchObject({
      entity_count: 0,
      entity_ids: [],
      stats: {
        batch_writes_total: 0,
        streaming_writes_total: 0,
        reads_total: 0,
        read_fields_total: 0,
      },
      worker: { running: false, tick_count: 0, writes_count: 0 },
    });
  });

  test('a running worker runs on and brings nobody back; a paused one stays paused', async () => {
    demo.worker.start();
    await expect.poll(() => demo.worker.tickCount).toBeGreaterThan(0);
    await demo.call('POST', '/reset');
    expect(demo.worker.state).toBe('running');
    await expect.poll(() => demo.worker.tickCount).toBeGreaterThan(2);
    await expect(demo.store.countEntities()).resolves.toBe(0);
    demo.worker.pause();
    await demo.call('POST', '/reset');
    expect(demo.worker.state).toBe('paused');
  });

  test('many at once take turns with loads', async () => {
    demo.worker.start();
    const calls = ['/reset', '/bulk-load', '/reset', '/bulk-load', '/reset'];
    const replies = await Promise.all(calls.map((url) => demo.call('POST', url)));
    expect(replies.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect(replies.map(({ body }) => (body as { deleted?: number }).deleted)).toEqual([
      50,
      undefined,
      200,
      undefined,
      200,
    ]);
    expect(demo.worker.state).toBe('running');
  });

  test('gives up on a worker that does not become idle, and deletes nothing', async () => {
    let go: () => void = () => undefined;
    demo.listing = new Promise((resolve) => {
      go = resolve;
    });
    try {
      demo.worker.start();
      await expect.poll(() => demo.worker.waitForIdle(1)).toBe(false);
      const { status, body } = await demo.call('POST', '/reset');
      expect([status, body]).toEqual([503, { error: 'streaming worker did not become idle' }]);
      expect(demo.worker.state).toBe('running');
      await expect(demo.store.countEntities()).resolves.toBe(50);
    } finally {
      go();
      demo.listing = undefined;
    }
  });
});
