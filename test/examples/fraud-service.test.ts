/** examples/fraud-service without a server: what a team would test of it, in memory. */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { createTestStore, type TestStore } from 'cluster-feature-store/testing';
import { pino, type Logger } from 'pino';
import { describe, expect, it, onTestFinished } from 'vitest';
import { EventLines } from '../../examples/fraud-service/event-lines.ts';
import { loadUsers } from '../../examples/fraud-service/load.ts';
import { Metrics } from '../../examples/fraud-service/metrics.ts';
import { run } from '../../examples/fraud-service/run.ts';
import { DEFAULTS, FEATURES, fraudScore } from '../../examples/fraud-service/scoring.ts';
import { buildService } from '../../examples/fraud-service/service.ts';
import { followEvents } from '../../examples/fraud-service/stream.ts';

const USER = {
  risk_segment: 'low',
  account_age_days: 700,
  chargeback_count_180d: 1,
  country_iso: 'US',
};
const BATCH_ROW = {
  risk_segment: 'low',
  account_age_days: '700',
  chargeback_count_180d: '1',
  country_iso: 'US',
};
const BATCH_SCORE = fraudScore(BATCH_ROW);
const DEFAULT_SCORE = fraudScore({});

/** What the service logged, line by line. */
function logOf(): { readonly logger: Logger; readonly lines: string[] } {
  const lines: string[] = [];
  return { logger: pino({}, { write: (line) => void lines.push(line) }), lines };
}

interface Served extends TestStore {
  readonly service: FastifyInstance;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly lines: string[];
  ask(ids: readonly unknown[]): Promise<{ status: number; body: unknown }>;
}

async function serve(deadlineMs = 50): Promise<Served> {
  const test = await createTestStore();
  const metrics = new Metrics();
  const { logger, lines } = logOf();
  const service = buildService({ store: test.store, metrics, logger, deadlineMs });
  onTestFinished(() => service.close());
  return {
    ...test,
    service,
    metrics,
    logger,
    lines,
    ask: async (ids) => {
      const answer = await service.inject({ method: 'POST', url: '/score', payload: { ids } });
      return { status: answer.statusCode, body: answer.json() };
    },
  };
}

const linesOf = (...rows: readonly object[]): string =>
  rows.map((row) => `${JSON.stringify(row)}\n`).join('');

function offsetFile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'fraud-service-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return join(folder, 'events.offset');
}

describe('the model', () => {
  it('rises with what speaks for fraud', () => {
    expect(fraudScore({ ...BATCH_ROW, tx_count_5m: '9' })).toBeGreaterThan(BATCH_SCORE);
    expect(fraudScore({ ...BATCH_ROW, session_country: 'DE' })).toBeGreaterThan(BATCH_SCORE);
    expect(fraudScore({ ...BATCH_ROW, session_country: 'US' })).toBe(BATCH_SCORE);
  });

  it('takes the default for a feature that is absent or no number', () => {
    expect(fraudScore({})).toBe(fraudScore(DEFAULTS));
    expect(fraudScore({ ...BATCH_ROW, tx_count_5m: 'many' })).toBe(BATCH_SCORE);
    expect(fraudScore({ risk_segment: 'constructor' })).toBe(fraudScore({ risk_segment: 'low' }));
  });
});

describe('scores', () => {
  it('are by features, and by defaults of those who are absent, in the order of the ids', async () => {
    const { store, ask } = await serve();
    await store.bulkLoad({ u1: USER });
    expect(await ask(['nobody', 'u1', 'u1'])).toStrictEqual({
      status: 200,
      body: {
        scores: [
          { id: 'nobody', score: DEFAULT_SCORE, source: 'default' },
          { id: 'u1', score: BATCH_SCORE, source: 'features' },
          { id: 'u1', score: BATCH_SCORE, source: 'features' },
        ],
      },
    });
  });

  it('come within the deadline though a shard is frozen', async () => {
    const { store, faults, ask, lines } = await serve();
    await store.bulkLoad({ u1: USER, u3: USER });
    const frozen = store.shardFor('u3') ?? '';
    expect(frozen).not.toBe(store.shardFor('u1'));
    faults.delay({ ms: Infinity, shard: frozen });
    expect(await ask(['u1', 'u3'])).toMatchObject({
      status: 200,
      body: { scores: [{ source: 'features' }, { score: DEFAULT_SCORE, source: 'default' }] },
    });
    const [line = ''] = lines;
    expect(JSON.parse(line)).toMatchObject({
      level: 40,
      batches: 1,
      last: { code: 'PARTIAL_BATCH', failedCount: 1, byCode: { TIMEOUT: 1 }, firstIds: ['u3'] },
    });
  });

  it('an id that is none spoils no other', async () => {
    const { store, ask } = await serve();
    await store.bulkLoad({ u1: USER });
    expect(await ask(['u1', '{u1}'])).toMatchObject({
      status: 200,
      body: { scores: [{ source: 'features' }, { id: '{u1}', source: 'default' }] },
    });
  });

  it.each([{}, { ids: [] }, { ids: 'u1' }, { ids: [1] }, { ids: ['u1'], names: [] }])(
    'refuses the body %j',
    async (payload) => {
      const { service } = await serve();
      const answer = await service.inject({ method: 'POST', url: '/score', payload });
      expect(answer.statusCode).toBe(400);
    },
  );

  it('forget what the stream said once it stops', async () => {
    const { store, clock, ask } = await serve();
    await store.bulkLoad({ u1: USER });
    await store.updateStreaming('u1', { tx_count_5m: 9 });
    const busy = fraudScore({ ...BATCH_ROW, tx_count_5m: '9' });
    expect(await ask(['u1'])).toMatchObject({ body: { scores: [{ score: busy }] } });
    clock.advanceSeconds(store.streamingTtlSeconds + 1);
    expect(await ask(['u1'])).toMatchObject({
      body: { scores: [{ score: BATCH_SCORE, source: 'features' }] },
    });
  });

  it('is asked for again later where the store is closed', async () => {
    const { store, ask } = await serve();
    await store.close();
    expect(await ask(['u1'])).toStrictEqual({ status: 503, body: { error: 'try again later' } });
  });

  it('logs one line a second of failed ids, and never a feature', async () => {
    const { store, faults, ask, lines } = await serve();
    const secret = 'an-iso-code-nobody-has';
    await store.bulkLoad({ u1: { ...USER, country_iso: secret }, u2: USER });
    faults.failIds(['u2'], 'WRONG_TYPE');
    for (let n = 0; n < 5; n++) await ask(['u1', 'u2']);
    expect(lines).toHaveLength(1);
    expect(lines.join('')).toContain('"byCode":{"WRONG_TYPE":1}');
    expect(lines.join('')).not.toContain(secret);
  });
});

describe('metrics', () => {
  it('count requests, their time, default scores by reason, and what shards did', async () => {
    const { store, faults, service, ask } = await serve();
    await store.bulkLoad({ u1: USER });
    await ask(['u1', 'nobody', '{u1}']);
    faults.failAll('SHARD_UNAVAILABLE');
    await ask(['u1']);
    await ask([]);
    const { body, headers } = await service.inject('/metrics');
    expect(headers['content-type']).toContain('text/plain');
    const shard = store.shardFor('u1');
    for (const line of [
      'fraud_requests_total{status="200"} 2',
      'fraud_requests_total{status="400"} 1',
      'fraud_request_seconds_count 3',
      'fraud_default_scores_total{reason="absent"} 1',
      'fraud_default_scores_total{reason="INVALID_ID"} 1',
      'fraud_default_scores_total{reason="SHARD_UNAVAILABLE"} 1',
      `feature_store_shard_up{shard="${shard}"} 1`,
    ]) {
      expect(body.split('\n')).toContain(line);
    }
    expect(body).toMatch(
      new RegExp(`^feature_store_commands_total\\{shard="${shard}"\\} [1-9]`, 'm'),
    );
    expect((await service.inject('/healthz')).json()).toStrictEqual({ status: 'ok' });
  });
});

describe('the stream', () => {
  it('writes what is newer, of users that there are, and commits behind it', async () => {
    const { store, service, metrics, logger, lines } = await serve();
    await store.bulkLoad({ u1: USER, u2: USER });
    const file = offsetFile();
    const input = Readable.from([
      linesOf({ id: 'u1', at_ms: 2_000, tx_count_5m: 3 }),
      linesOf({ id: 'u1', at_ms: 1_000, tx_count_5m: 2 }), // late
      linesOf({ id: 'nobody', at_ms: 1_000, tx_count_5m: 2 }),
      '{"id":"u2","tx_cou\n',
      linesOf({ id: 'u2', at_ms: 1_000, tx_count_5m: 5 }),
    ]);
    const source = new EventLines(input, file);
    await followEvents({ store, source, metrics, logger });
    expect(await store.batchGetFeatures(['u1', 'u2', 'nobody'], ['tx_count_5m'])).toStrictEqual([
      { tx_count_5m: '3' },
      { tx_count_5m: '5' },
      {},
    ]);
    expect(readFileSync(file, 'utf8')).toBe('5');
    const { body } = await service.inject('/metrics');
    for (const [outcome, count] of [
      ['written', 2],
      ['older', 1],
      ['absent', 1],
      ['failed', 1],
    ]) {
      expect(body).toContain(`fraud_events_total{outcome="${outcome}"} ${count}`);
    }
    expect(lines.filter((line) => line.includes('events were not written'))).toHaveLength(1);
  });

  it('goes on after what was committed', async () => {
    const { store, metrics, logger } = await serve();
    await store.bulkLoad({ u1: USER });
    const file = offsetFile();
    const events = [1, 2, 3].map((n) => linesOf({ id: 'u1', at_ms: n, tx_count_5m: n }));
    const follow = (lines: readonly string[]): Promise<{ pulled: number }> => {
      const source = new EventLines(Readable.from(lines), file);
      return followEvents({ store, source, metrics, logger });
    };
    expect(await follow(events.slice(0, 2))).toMatchObject({ pulled: 2, loaded: 2 });
    expect(await follow(events)).toMatchObject({ pulled: 1, loaded: 1 });
  });
});

describe('the nightly load', () => {
  const linesFrom = (...lines: readonly string[]): AsyncIterable<string> => Readable.from(lines);

  it('replaces what was there, and leaves what the stream wrote', async () => {
    const { store, logger } = await serve();
    await store.bulkLoad({ u1: { ...USER, old_feature: 1 } });
    await store.updateStreaming('u1', { tx_count_5m: 3 });
    const lines = linesFrom(JSON.stringify({ id: 'u1', ...USER }));
    expect(await loadUsers({ store, lines, logger })).toBe(true);
    expect(await store.getFeatures('u1')).toStrictEqual({ ...BATCH_ROW, tx_count_5m: '3' });
    expect(await store.keyTtlSeconds('u1')).toBe(48 * 3_600);
  });

  it('says which lines were bad, and loads the others', async () => {
    const { store, logger, lines: logged } = await serve();
    const lines = linesFrom(
      '{"id":"u1","risk_segment":null}',
      '{"id":"","n":1}',
      '{"id":"u2","n":1}',
    );
    expect(await loadUsers({ store, lines, logger })).toBe(false);
    expect(await store.getFeatures('u2')).toStrictEqual({ n: '1' });
    expect(logged.join('')).toContain('"code":"INVALID_ID","count":1,"lines":[2]');
  });
});

describe('a graceful stop', () => {
  it('answers what is under way, and writes and commits what was taken', async () => {
    const { store, connect, faults } = await createTestStore();
    await store.bulkLoad({ u1: USER });
    const { logger, lines } = logOf();
    const input = new PassThrough();
    const file = offsetFile();
    const source = new EventLines(input, file);
    const { url, stop } = await run({ store, source, logger, port: 0, deadlineMs: 5_000 });
    input.write(linesOf({ id: 'u1', at_ms: 1_000, tx_count_5m: 1 }));
    await expect
      .poll(() => store.getFeatures('u1', ['tx_count_5m']))
      .toStrictEqual({ tx_count_5m: '1' });

    faults.delay({ ms: 300 });
    const before = pipelinesOf(store);
    const answer = fetch(`${url}/score`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ids: ['u1'] }),
    });
    await expect.poll(() => pipelinesOf(store)).toBeGreaterThan(before);
    input.write(linesOf({ id: 'u1', at_ms: 2_000, tx_count_5m: 2 }));
    await expect.poll(() => input.readableLength).toBe(0);
    await stop();
    expect((await answer).status).toBe(200);
    await expect(fetch(`${url}/healthz`)).rejects.toThrow('fetch failed');
    await expect(store.getFeatures('u1')).rejects.toMatchObject({ code: 'CLOSED' });
    const other = await connect();
    faults.clear();
    expect(await other.getFeatures('u1', ['tx_count_5m'])).toStrictEqual({ tx_count_5m: '2' });
    expect(readFileSync(file, 'utf8')).toBe('2');
    expect(lines.at(-1)).toContain('the stream has ended');
  });
});

function pipelinesOf(store: TestStore['store']): number {
  return Object.values(store.stats().shards).reduce((sum, { pipelines }) => sum + pipelines, 0);
}

it('reads features that a store takes as names', () => {
  expect(FEATURES).toHaveLength(new Set(FEATURES).size);
});
