import { Cluster } from 'ioredis';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { synthesizeUsers } from '../../src/synthetic/synthetic-users.ts';
import { Fstore, lastLine } from '../cli/fstore-process.ts';

let fstore: Fstore;
let redis: Cluster;

beforeAll(() => {
  fstore = new Fstore({ nodes: inject('clusterNodes') });
  redis = new Cluster(inject('clusterNodes'));
});
afterAll(async () => {
  await fstore.run(['reset', '--yes']);
  redis.disconnect();
});

it('builds features that a plain client reads under the key TTL', async () => {
  const { exitCode, stdout, stderr } = await fstore.run([
    'build-features',
    '--count',
    '500',
    '--ttl-seconds',
    '3600',
    '--seed',
    '7',
  ]);
  expect({ exitCode, stderr }).toStrictEqual({ exitCode: 0, stderr: '' });
  expect(stdout.split('\n')[0]).toBe(
    `Materialized 500 users at ${fstore.keyPrefix}* with a 3600s key-level TTL.`,
  );
  expect(stdout).toMatch(/^[\d.]+ s, [\d,]+ rows\/s$/m);
  const perShard = [...stdout.matchAll(/127\.0\.0\.1:\d+ (\d+)/g)].map(([, count]) =>
    Number(count),
  );
  expect(perShard).toHaveLength(3);
  expect(perShard.reduce((a, b) => a + b)).toBe(500);
  for (const [id, features] of synthesizeUsers({ count: 500, seed: 7 })) {
    const stored = Object.entries(features).map(([name, value]) => [name, String(value)]);
    expect(await redis.hgetall(fstore.keyPrefix + id)).toStrictEqual(Object.fromEntries(stored));
  }
  expect(await redis.ttl(`${fstore.keyPrefix}u0001`)).toSatisfy(
    (ttl) => ttl > 3_540 && ttl <= 3_600,
  );
});

it('says which users could not be written', async () => {
  const own = new Fstore({ nodes: inject('clusterNodes') });
  await redis.set(`${own.keyPrefix}u0002`, 'not a hash', 'EX', 60);
  const { exitCode, stdout, stderr } = await own.run(['build-features', '--count', '3']);
  expect(exitCode).toBe(1);
  expect(stdout).toContain('Materialized 2 users');
  expect(stderr).toMatch(
    /^ {2}id 'u0002' failed: .*\[WRONG_TYPE\]\nfstore: 1 of 3 users .*\[ROWS_FAILED\]\n$/,
  );
  await own.run(['reset', '--yes']);
});

it('inspects an entity with both kinds of TTL', async () => {
  const key = `${fstore.keyPrefix}seen`;
  await redis.hset(key, { risk_segment: 'low', note: 'a\u001b[31m\nb', tx_count_5m: '3' });
  await redis.expire(key, 900);
  await redis.call('HEXPIRE', key, '300', 'FIELDS', '1', 'tx_count_5m');
  const { stdout } = await fstore.run(['inspect', 'seen', '--json']);
  const finding: unknown = JSON.parse(stdout);
  expect(finding).toMatchObject({
    id: 'seen',
    key,
    slot: await redis.call('CLUSTER', 'KEYSLOT', key),
    shard: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
    exists: true,
    keyTtlSeconds: expect.toSatisfy((ttl) => ttl > 840 && ttl <= 900),
    fields: [
      { name: 'note', value: 'a\u001b[31m\nb', ttlSeconds: -1 },
      { name: 'risk_segment', value: 'low', ttlSeconds: -1 },
      { name: 'tx_count_5m', value: '3', ttlSeconds: expect.toSatisfy((ttl) => ttl > 240) },
    ],
  });
  const { stdout: text, exitCode } = await fstore.run(['inspect', 'seen']);
  expect(exitCode).toBe(0);
  expect(text).toContain(`key    ${key}\n`);
  expect(text).toMatch(
    /^FIELD +VALUE +TTL\nnote +a\\u001b\[31m\\u000ab +none\nrisk_segment +low +none\ntx_count_5m +3 +\d+ s\n$/m,
  );
});

it('says that an entity does not exist', async () => {
  const plain = await fstore.run(['inspect', 'nobody']);
  expect(plain).toMatchObject({ exitCode: 1, stdout: '' });
  expect(plain.stderr).toMatch(/^fstore: no entity 'nobody': .* \[NOT_FOUND\]\n$/);
  const json = await fstore.run(['inspect', 'nobody', '--json']);
  expect(json.exitCode).toBe(1);
  expect(JSON.parse(json.stdout)).toMatchObject({ exists: false, keyTtlSeconds: -2, fields: [] });
});

it('finds the member of a VIP group at its own key', async () => {
  const key = `${fstore.keyPrefix}{gold}:g1`;
  await redis.hset(key, 'risk_segment', 'low');
  const { stdout } = await fstore.run(['inspect', 'g1', '--vip', 'gold=g1,g2', '--json']);
  expect(JSON.parse(stdout)).toMatchObject({ key, exists: true });
  expect((await fstore.run(['inspect', 'g1'])).exitCode).toBe(1);
});

it('shows the topology with the entities of each shard', async () => {
  const own = new Fstore({ nodes: inject('clusterNodes') });
  await own.run(['build-features', '--count', '300']);
  const report = JSON.parse((await own.run(['topology', '--json'])).stdout);
  expect(report).toMatchObject({ mode: 'cluster', keyPrefix: own.keyPrefix, entityCount: 300 });
  expect(report.shards).toHaveLength(3);
  const counts = report.shards.map((shard: { entityCount: number }) => shard.entityCount);
  expect(report.skew).toBeCloseTo(Math.max(...counts) / 100, 9);
  const slotCounts = report.shards.map((shard: { slotCount: number }) => shard.slotCount);
  expect(slotCounts.reduce((a: number, b: number) => a + b)).toBe(16_384);
  const { stdout } = await own.run(['topology']);
  expect(stdout).toMatch(/^SHARD +SLOTS +RANGES +REPLICAS +ENTITIES\n/);
  expect(stdout).toContain(`cluster, 3 shards, 300 entities at ${own.keyPrefix}*, skew 1.`);
  expect((await own.run(['reset', '--yes'])).stdout).toBe(
    `Deleted 300 keys under ${own.keyPrefix}*.\n`,
  );
  expect((await own.run(['topology'])).stdout).toContain(`0 entities at ${own.keyPrefix}*\n`);
});

it('does the same on one server', async () => {
  const own = new Fstore({ nodes: [inject('standaloneUrl')] });
  expect((await own.run(['build-features', '--count', '20'])).exitCode).toBe(0);
  expect((await own.run(['topology'])).stdout).toContain('standalone, 1 shard, 20 entities');
  const { stdout } = await own.run(['score', '--all']);
  expect(stdout.trimEnd().split('\n')).toHaveLength(21);
  expect((await own.run(['reset', '--yes'])).stdout).toContain('Deleted 20 keys');
});

it('does not delete anything unasked where there is no terminal', async () => {
  await redis.hset(`${fstore.keyPrefix}kept`, 'a', '1');
  const { exitCode, stderr } = await fstore.run(['reset'], { input: 'yes\n' });
  expect(exitCode).toBe(2);
  expect(stderr).toMatch(/^fstore: .*--yes \[USAGE\]\n$/);
  expect(await redis.exists(`${fstore.keyPrefix}kept`)).toBe(1);
});

it('prints its version and its help', async () => {
  expect(await fstore.run(['--version'])).toMatchObject({
    exitCode: 0,
    stdout: `${packageJson.version}\n`,
  });
  const { exitCode, stdout } = await fstore.run(['--help']);
  expect(exitCode).toBe(0);
  for (const name of ['build-features', 'score', 'inspect', 'topology', 'reset', 'drop-feature']) {
    expect(stdout).toMatch(new RegExp(`^ {2}${name}\\b`, 'm'));
  }
});

it.each([
  [['bogus'], "unknown command 'bogus'"],
  [['topology', '--bogus'], "unknown option '--bogus'"],
  [['topology', 'more'], 'too many arguments'],
  [['inspect'], "missing required argument 'id'"],
  [['build-features', '--count', '-1'], 'whole number'],
  [['build-features', '--count', '1.5'], 'whole number'],
  [['topology', '--nodes', 'http://a:1'], "protocol 'http:'"],
  [['topology', '--key-prefix', 'a{b}'], 'braces'],
  [['inspect', 'a{b}'], 'braces'],
])('ends with 2 and one line on %j', async (args, problem) => {
  const { exitCode, stdout, stderr } = await fstore.run(args);
  expect({ exitCode, stdout }).toStrictEqual({ exitCode: 2, stdout: '' });
  expect(stderr).toMatch(/^fstore: .* \[[A-Z_]+\]\n$/);
  expect(stderr).toContain(problem);
});

it('prints the help and ends with 2 without a command', async () => {
  const { exitCode, stderr } = await fstore.run([]);
  expect(exitCode).toBe(2);
  expect(stderr).toMatch(/^Usage: fstore/);
});

it('ends with 1 when no server answers, without the password in sight', async () => {
  const { exitCode, stdout, stderr } = await fstore.run([
    'topology',
    '--nodes',
    'redis://alice:hunter2@127.0.0.1:1',
  ]);
  expect({ exitCode, stdout }).toStrictEqual({ exitCode: 1, stdout: '' });
  expect(lastLine(stderr)).toMatch(/^fstore: .* \[CONNECT_FAILED\]$/);
  expect(stderr).not.toContain('hunter2');
});
