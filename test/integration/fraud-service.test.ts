/** examples/fraud-service as processes on a real cluster: the nightly load, the stream, scores, SIGTERM. */

import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { expect, inject, it, onTestFinished } from 'vitest';
import { fraudScore } from '../../examples/fraud-service/scoring.ts';
import { Lines, storeOn, type ProcessOptions, type RunningExample } from './example-project.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const TSX = import.meta.resolve('tsx');

/** As `npx tsx examples/fraud-service/<file> <args>` would. */
function start(
  file: string,
  env: Record<string, string>,
  args: readonly string[] = [],
): RunningExample {
  const path = join(root, 'examples/fraud-service', file);
  const options: ProcessOptions = { reject: false, cwd: root, env, timeout: 50_000 };
  return execa(process.execPath, ['--import', TSX, path, ...args], options);
}

/** The environment of both programs, on a prefix of their own, and files that go with the test. */
async function stage(): Promise<{
  store: Awaited<ReturnType<typeof storeOn>>['store'];
  env: Record<string, string>;
  path: (name: string) => string;
}> {
  const nodes = inject('clusterNodes');
  const { store } = await storeOn(nodes);
  const folder = mkdtempSync(join(tmpdir(), 'fraud-service-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = (name: string): string => join(folder, name);
  const env = {
    NODES: nodes.join(','),
    KEY_PREFIX: store.keyPrefix,
    PORT: '0',
    OFFSET_FILE: path('events.offset'),
    DEADLINE_MS: '2000', // on a machine that is busy with tests, 50 ms may pass without a fault
  };
  return { store, env, path };
}

async function urlOf(lines: Lines): Promise<string> {
  const line = await lines.find((one) => one.includes('Server listening at'));
  return /http:\/\/[\d.:]+/.exec(line)?.[0] ?? '';
}

it('loads, streams, scores, and at SIGTERM answers what is under way and ends with code 0', async () => {
  const { store, env, path } = await stage();
  const user = { risk_segment: 'low', account_age_days: '700' };
  writeFileSync(
    path('users.jsonl'),
    `${JSON.stringify({ id: 'u1', ...user })}\n${JSON.stringify({ id: 'u2', ...user })}\n`,
  );
  const load = await start('nightly.ts', env, [path('users.jsonl')]);
  expect(load).toMatchObject({ exitCode: 0, stderr: '' });
  expect(await store.countEntities()).toBe(2);

  const service = start('main.ts', env);
  const log = new Lines(service);
  const url = await urlOf(log);
  const scoresOf = async (ids: readonly string[]): Promise<unknown> => {
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ ids });
    return (await fetch(`${url}/score`, { method: 'POST', headers, body })).json();
  };
  service.stdin.write('{"id":"u1","at_ms":1000,"tx_count_5m":9}\n');
  const busy = fraudScore({ ...user, tx_count_5m: '9' });
  await expect
    .poll(() => scoresOf(['u1', 'nobody', 'u2']), { timeout: 20_000 })
    .toStrictEqual({
      scores: [
        { id: 'u1', score: busy, source: 'features' },
        { id: 'nobody', score: fraudScore({}), source: 'default' },
        { id: 'u2', score: fraudScore(user), source: 'features' },
      ],
    });
  const metrics = await (await fetch(`${url}/metrics`)).text();
  expect(metrics).toContain('fraud_events_total{outcome="written"} 1');
  expect(metrics).toMatch(/^feature_store_shard_up\{shard="127\.0\.0\.1:\d+"\} 1$/m);

  // A request is under way once the service has its head: it says so, and has no body yet.
  const late = request(`${url}/score`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', expect: '100-continue' },
  });
  late.flushHeaders();
  await once(late, 'continue');
  service.kill('SIGTERM');
  await log.find((line) => line.includes('"stopping"'));
  await expect.poll(() => fetch(`${url}/healthz`).catch(() => 'refused')).toBe('refused');
  late.end(JSON.stringify({ ids: ['u1'] }));
  const [response] = await once(late, 'response');
  expect(response).toMatchObject({ statusCode: 200 });
  expect(await json(response)).toStrictEqual({
    scores: [{ id: 'u1', score: busy, source: 'features' }],
  });
  expect(await service).toMatchObject({ exitCode: 0, stderr: '' });
  expect(log.seen.at(-1)).toContain('"stopped"');
  expect(readFileSync(env['OFFSET_FILE'] ?? '', 'utf8')).toBe('1');
});

it('goes on with the stream where it was stopped', async () => {
  const { store, env } = await stage();
  await store.bulkLoad({ u1: { risk_segment: 'low' } });
  const event = (n: number): string => `{"id":"u1","at_ms":${n},"tx_count_5m":${n}}\n`;
  const runWith = async (text: string, count: number): Promise<string[]> => {
    const service = start('main.ts', env);
    const log = new Lines(service);
    service.stdin.end(text);
    await log.find((line) => line.includes('the stream has ended'));
    await urlOf(log);
    service.kill('SIGTERM');
    expect(await service).toMatchObject({ exitCode: 0 });
    expect(await store.getFeatures('u1', ['tx_count_5m'])).toStrictEqual({
      tx_count_5m: String(count),
    });
    return log.seen.filter((line) => line.includes('the stream has ended'));
  };
  const [first] = await runWith(event(1) + event(2), 2);
  expect(first).toContain('"loaded":2');
  const [second] = await runWith(event(1) + event(2) + event(3), 3);
  expect(second).toContain('"loaded":1');
});

it('the nightly load ends with code 1 where a line is bad, and loads the others', async () => {
  const { store, env, path } = await stage();
  writeFileSync(path('users.jsonl'), '{"id":"{u1}","n":1}\n{"id":"u2","n":1}\n');
  const { exitCode, stdout } = await start('nightly.ts', env, [path('users.jsonl')]);
  expect(exitCode).toBe(1);
  expect(stdout).toContain('"code":"INVALID_ID","count":1,"lines":[1]');
  expect(await store.getFeatures('u2')).toStrictEqual({ n: '1' });
  const missing = await start('nightly.ts', env, [path('no-such-file')]);
  expect(missing.exitCode).toBe(1);
  expect(missing.stdout).toContain('ENOENT');
});
