import { Cluster } from 'ioredis';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { Fstore, lastLine } from '../cli/fstore-process.ts';

let fstore: Fstore;
let redis: Cluster;

beforeAll(() => {
  fstore = new Fstore({ nodes: inject('clusterNodes') });
  redis = new Cluster(inject('clusterNodes'));
});
afterAll(() => redis.disconnect());

it('measures batch reads, and leaves nothing behind', async () => {
  const args = ['bench', '--entities', '200', '--seconds', '1', '--json'];
  const { exitCode, stdout, stderr } = await fstore.run(args);
  expect({ exitCode, stderr }).toStrictEqual({ exitCode: 0, stderr: '' });
  const results = JSON.parse(stdout) as Record<string, number>[];
  expect(results.map(({ idsPerCall }) => idsPerCall)).toStrictEqual([1, 10, 100, 1_000, 10_000]);
  for (const { calls, idsPerSecond, p50Ms, p99Ms, maxMs, clientCpuUsPerId } of results) {
    expect(calls).toBeGreaterThan(0);
    expect(idsPerSecond).toBeGreaterThan(0);
    expect(clientCpuUsPerId).toBeGreaterThan(0);
    expect([p50Ms, p99Ms, maxMs]).toStrictEqual([p50Ms, p99Ms, maxMs].toSorted((a, b) => a! - b!));
  }
  expect(await benchKeys()).toStrictEqual([]);
});

it('deletes its entities when it is interrupted', async () => {
  const running = fstore.run(['bench', '--entities', '2000', '--seconds', '30']);
  await expect.poll(async () => (await benchKeys()).length, { timeout: 20_000 }).toBe(2_000);
  running.kill('SIGINT');
  const { exitCode, stderr } = await running;
  expect(exitCode).toBe(130);
  expect(lastLine(stderr)).toBe('fstore: stopped by SIGINT [INTERRUPTED]');
  expect(await benchKeys()).toStrictEqual([]);
});

it('deletes what it wrote when it is interrupted while it loads', async () => {
  const running = fstore.run(['bench', '--entities', '200000', '--seconds', '30']);
  await expect.poll(async () => (await benchKeys()).length, { timeout: 20_000 }).toBeGreaterThan(0);
  running.kill('SIGINT');
  const { exitCode, stderr } = await running;
  expect(exitCode).toBe(130);
  expect(lastLine(stderr)).toMatch(
    /^fstore: stopped by SIGINT; \d+ rows are known to be written \[INTERRUPTED\]$/,
  );
  expect(await benchKeys()).toStrictEqual([]);
});

async function benchKeys(): Promise<string[]> {
  const found = await Promise.all(redis.nodes('master').map((node) => node.keys('fstore-bench:*')));
  return found.flat();
}
