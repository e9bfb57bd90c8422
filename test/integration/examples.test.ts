/** Every example runs as a process of its own on real servers, and does what it says. */

import { readdirSync, readFileSync } from 'node:fs';
import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { execa } from 'execa';
import { Cluster } from 'ioredis';
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest';
import { startLocalCluster, type LocalCluster } from '../../rig/local-cluster/local-cluster.ts';
import { findPortRun } from '../../rig/local-cluster/port-run.ts';
import { SlotMover } from '../../rig/soak/slot-mover.ts';
import { FeatureStore } from '../../src/index.ts';
import { Fstore } from '../cli/fstore-process.ts';
import {
  breakEntity,
  ExampleProject,
  IDS,
  Lines,
  rowsOf,
  shardOf,
  storeOn,
} from './example-project.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const ADDRESS = 'redis://127.0.0.1:7000';

let project: ExampleProject;
/** Of this file alone, to stop and to break: three primaries, and nobody takes the place of one. */
let cluster: LocalCluster;

beforeAll(async () => {
  project = new ExampleProject();
  const shape = { replicasPerPrimary: 0, nodeTimeoutMs: 120_000 };
  cluster = await startLocalCluster({ portFrom: 22_800, ...shape });
});
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
  project[Symbol.dispose]();
});

/** Files of examples/ that have tests here. */
const tested: string[] = [];

function example(name: string, tests: () => void): void {
  tested.push(name);
  describe(`examples/${name}`, () => {
    tests();
  });
}

const sourceOf = (name: string): string => readFileSync(join(root, 'examples', name), 'utf8');

example('own-ioredis-cluster.ts', () => {
  it('prints what it says, and ends once both are closed', async () => {
    const nodes = inject('clusterNodes');
    const { store } = await storeOn(nodes);
    const redis = new Cluster([...nodes]);
    onTestFinished(() => redis.disconnect());
    const { exitCode, stdout, stderr } = await project.run('own-ioredis-cluster.ts', {
      replace: { [ADDRESS]: nodes[0] ?? '', "'shop:features:'": `'${store.keyPrefix}'` },
    });
    expect({ exitCode, stderr }).toStrictEqual({ exitCode: 0, stderr: '' });
    const promised = sourceOf('own-ioredis-cluster.ts').matchAll(/^ *\/\/ (\{ .* \})$/gm);
    expect(stdout.split('\n')).toStrictEqual([...promised].map(([, line]) => line));
    expect(stdout).toBe("{ risk_segment: 'low' }\n{ cluster: 'ready', user: 'u0001' }");
    const written = { risk_segment: 'low', tx_count_7d: '14' };
    expect(await store.getFeatures('u0001')).toStrictEqual(written);
    expect(await redis.getdel('shop:session:s1')).toBe('u0001');
  });

  it('closes the Cluster also where the store could not connect', async () => {
    const { exitCode, stdout, stderr } = await project.run('own-ioredis-cluster.ts', {
      replace: { [ADDRESS]: inject('standaloneUrl') },
    });
    expect({ exitCode, stdout }).toStrictEqual({ exitCode: 1, stdout: '' });
    expect(stderr).toContain("code: 'CONNECT_FAILED'");
  });
});

example('partial-failure.ts', () => {
  it('scores every id though a shard is silent, and logs by code', async () => {
    const { store, replace } = await storeOn(cluster.urls);
    await store.bulkLoad(rowsOf(IDS, { risk_segment: 'low', tx_count_5m: 3 }));
    const { node: victim, ids: dead } = shardOf(cluster, store, 'u0');
    const [broken = '', absent = '', busy = ''] = IDS.filter((id) => !dead.includes(id));
    await breakEntity(cluster, store, broken);
    await store.deleteEntity(absent);
    await store.bulkLoad({ [busy]: { risk_segment: 'medium', tx_count_5m: 12 } });

    const port = await findPortRun(22_850, 1);
    const running = project.run('partial-failure.ts', {
      // On a machine that is busy with tests, 50 ms may pass without a fault.
      replace: { ...replace, 'DEADLINE_MS = 50': 'DEADLINE_MS = 1_000' },
      env: { PORT: String(port) },
    });
    const log = new Lines(running, 'stderr');
    const ask = (ids: readonly string[]): Promise<Response> =>
      fetch(`http://127.0.0.1:${port}/?${ids.map((id) => `id=${id}`).join('&')}`);
    const scoresOf = async (ids: readonly string[]): Promise<unknown> => (await ask(ids)).json();

    const whole = IDS.map((id) => {
      if (id === broken) return { id, score: 0.3, by: 'defaults' };
      if (id === absent) return { id, score: 0.6, by: 'new user' };
      return { id, score: id === busy ? 0.5 : 0.1, by: 'features' };
    });
    await expect.poll(() => scoresOf(IDS), { timeout: 30_000 }).toStrictEqual(whole);
    await log.find((line) => line.startsWith('{"level":"error","code":"WRONG_TYPE","count":1,'));

    victim.signal('SIGSTOP');
    onTestFinished(() => victim.signal('SIGCONT'));
    expect(await scoresOf(IDS)).toStrictEqual(
      whole.map((row) =>
        dead.includes(row.id) ? { id: row.id, score: 0.3, by: 'defaults' } : row,
      ),
    );
    const due = `{"level":"warn","code":"TIMEOUT","count":${dead.length},`;
    await log.find((line) => line.startsWith(due));
    victim.signal('SIGCONT');
    await expect.poll(() => scoresOf(IDS), { timeout: 10_000 }).toStrictEqual(whole);

    expect((await ask(['{u0}'])).status).toBe(400);
    expect(await scoresOf(['u0'])).toStrictEqual([{ id: 'u0', score: 0.1, by: 'features' }]);
    running.kill('SIGTERM');
    expect(await running).toMatchObject({ exitCode: 0, stdout: '' });
  });
});

/** What the load is to read, as JSON lines. */
const linesOf = (rows: readonly (readonly [string, object])[]): string =>
  rows.map(([id, features]) => `${JSON.stringify({ id, ...features })}\n`).join('');

async function pipeFile(): Promise<string> {
  const path = project.newPath('users.jsonl');
  await execa('mkfifo', [path]);
  return path;
}

example('nightly-load.ts', () => {
  it('loads every line, with its TTL', async () => {
    const { store, replace } = await storeOn(inject('clusterNodes'));
    const file = project.newPath('users.jsonl');
    const ids = Array.from({ length: 12_000 }, (_, n) => `u${n}`);
    await writeFile(file, linesOf(ids.map((id, n) => [id, { n, is_new: true }])));
    const { exitCode, stdout, stderr } = await project.run('nightly-load.ts', {
      replace,
      args: [file],
    });
    expect({ exitCode, stderr }).toStrictEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toBe('10000 loaded, 0 failed\n12000 loaded, 0 failed');
    expect(await store.batchGetFeatures(ids, ['n', 'is_new'])).toStrictEqual(
      ids.map((_, n) => ({ n: String(n), is_new: 'true' })),
    );
    const ttlSeconds = await store.keyTtlSeconds('u0');
    expect(ttlSeconds).toBeGreaterThan(47 * 3_600);
    expect(ttlSeconds).toBeLessThanOrEqual(48 * 3_600);
  });

  it('reports bad rows, and loads what a full server refused once more', async () => {
    const { store, replace } = await storeOn(cluster.urls);
    const { node: victim, ids: refused } = shardOf(cluster, store, 'u0');
    await victim.call('CONFIG', 'SET', 'maxmemory', 1);
    onTestFinished(async () => void (await victim.call('CONFIG', 'SET', 'maxmemory', 0)));
    const file = project.newPath('source.jsonl');
    await writeFile(file, linesOf([...rowsOf(IDS, { n: 1 }), ['bad', { n: ['a list'] }]]));
    const path = await pipeFile();
    // A pipe is read once for each writer, so the second pass begins when the test has it begin.
    const write = (): void => {
      const writing = execa({ reject: false })`sh -c ${`cat "${file}" > "${path}"`}`;
      onTestFinished(() => void writing.kill('SIGKILL'));
    };
    const running = project.run('nightly-load.ts', { replace, args: [path] });
    const lines = new Lines(running);
    write();
    await lines.find((line) => line === `${refused.length} ids once more`);
    expect(await store.batchGetFeatures(refused, ['n'])).toStrictEqual(refused.map(() => ({})));
    await victim.call('CONFIG', 'SET', 'maxmemory', 0);
    write();
    const { exitCode, stdout, stderr } = await running;
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^bad: INVALID_FEATURE [^\n]*$/);
    expect(stdout.split('\n')).toStrictEqual([
      `${IDS.length - refused.length} loaded, ${refused.length + 1} failed`,
      `${refused.length} ids once more`,
      `${refused.length} loaded, 0 failed`,
    ]);
    const rows = await store.batchGetFeatures([...IDS, 'bad'], ['n']);
    expect(rows).toStrictEqual([...IDS.map(() => ({ n: '1' })), {}]);
  });

  it('reports what failed twice', async () => {
    const { store, replace } = await storeOn(cluster.urls);
    const { node: victim, ids: refused } = shardOf(cluster, store, 'u0');
    await victim.call('CONFIG', 'SET', 'maxmemory', 1);
    onTestFinished(async () => void (await victim.call('CONFIG', 'SET', 'maxmemory', 0)));
    const file = project.newPath('users.jsonl');
    await writeFile(file, linesOf(rowsOf(IDS, { n: 1 })));
    const { exitCode, stderr } = await project.run('nightly-load.ts', { replace, args: [file] });
    expect(exitCode).toBe(1);
    expect(stderr.split('\n').map((line) => line.split(' ', 2).join(' '))).toStrictEqual(
      refused.map((id) => `${id}: OUT_OF_MEMORY`),
    );
  });

  it('stops at SIGTERM, and says how far it came', async () => {
    const { store, replace } = await storeOn(inject('clusterNodes'));
    const path = await pipeFile();
    const writer = await open(path, 'r+'); // does not wait for a reader, and the file has no end
    onTestFinished(() => writer.close().catch(() => undefined));
    const running = project.run('nightly-load.ts', { replace, args: [path] });
    const progress = new Lines(running);
    const problems = new Lines(running, 'stderr');
    const ids = Array.from({ length: 12_000 }, (_, n) => `u${n}`);
    await writer.write(linesOf(rowsOf(ids, { n: 1 })));
    await progress.find((line) => line === '10000 loaded, 0 failed');
    running.kill('SIGTERM');
    await problems.find((line) => line.startsWith('stopped after 10000 rows:'));
    await writer.close();
    const { exitCode, stderr } = await running;
    expect(exitCode).toBe(1);
    expect(stderr).toContain("code: 'ABORTED'");
    expect(stderr).toContain('Error: SIGTERM');
    expect(await store.countEntities()).toBe(10_000);
  });

  it('stops at a line that is no JSON, and at a file that is not there', async () => {
    const { store, replace } = await storeOn(inject('clusterNodes'));
    const file = project.newPath('users.jsonl');
    await writeFile(file, `${linesOf(rowsOf(['u0'], { n: 1 }))}{"id":"u1","n`);
    const cut = await project.run('nightly-load.ts', { replace, args: [file] });
    expect(cut).toMatchObject({ exitCode: 1, stdout: '' });
    expect(cut.stderr).toMatch(/^stopped after 0 rows: \{\} SyntaxError: /);
    expect(await store.countEntities()).toBe(0);
    const missing = await project.run('nightly-load.ts', { replace, args: [`${file}.gz`] });
    expect(missing).toMatchObject({ exitCode: 1, stdout: '' });
    expect(missing.stderr).toMatch(/^stopped after 0 rows: \{\} \[?Error: ENOENT/);
  });
});

/** Levels of pino. */
const [INFO, WARN] = [30, 40];

example('metrics-to-a-logger.ts', () => {
  it('logs events of every kind, and counters, until its input ends', async () => {
    const { store, replace } = await storeOn(cluster.urls);
    await using mover = await SlotMover.open(cluster);
    await store.bulkLoad(rowsOf(IDS, { risk_segment: 'low' }));
    const { node: victim, ids: dead } = shardOf(cluster, store, 'u0');
    const [broken = '', moving = ''] = IDS.filter((id) => !dead.includes(id));
    const [shard, brokenShard] = [store.shardFor('u0') ?? '', store.shardFor(broken)];
    await breakEntity(cluster, store, broken);
    const running = project.run('metrics-to-a-logger.ts', {
      // The deadline is not to pass before the test has killed a server.
      replace: { ...replace, '10_000': '50', 'timeoutMs: 100': 'timeoutMs: 3_000' },
    });
    const lines = new Lines(running);
    const find = async (due: object): Promise<void> => {
      await lines.find((line) => {
        const seen = JSON.parse(line) as object;
        return isDeepStrictEqual({ ...seen, ...due }, seen);
      });
    };
    const pipelinesOf = (line: string): number => {
      const { shards } = JSON.parse(line) as StatsLine;
      return shards?.[shard]?.pipelines ?? 0;
    };

    await find({ level: INFO, event: 'refresh', shardCount: 3, coveredSlotCount: 16_384 });
    running.stdin.write(`u0\n${broken}\n`);
    await find({ level: WARN, event: 'failure', shard: brokenShard, why: 'WRONG_TYPE', rows: 1 });

    const move = await mover.begin(store.slotFor(moving));
    await mover.moveKeys(move, 1);
    running.stdin.write(`${moving}\n`);
    const [from, to] = [move.from, move.to].map(({ host, port }) => `${host}:${port}`);
    await find({ level: WARN, event: 'redirect', shard: from, why: `moved to ${to}`, rows: 1 });
    await mover.finish(move);
    await mover.settle();

    const sent = pipelinesOf(lines.seen.findLast((line) => pipelinesOf(line) > 0) ?? '{}');
    victim.signal('SIGSTOP');
    running.stdin.end('u0\n');
    await lines.find((line) => pipelinesOf(line) > sent);
    onTestFinished(async () => {
      await cluster.restart(victim.port);
      await cluster.waitHealthy();
    });
    await cluster.kill(victim.port);
    await find({
      level: WARN,
      event: 'connection-lost',
      shard,
      attempt: 1,
      why: 'CONNECTION_LOST',
    });
    await find({ level: WARN, event: 'retry', shard, why: 'CONNECTION_LOST' });
    await find({ level: WARN, event: 'timeout', shard, why: 'TIMEOUT', rows: 1 });
    await find({ level: WARN, event: 'failure', shard, why: 'TIMEOUT', rows: 1 });
    const { exitCode, stderr } = await running;
    expect({ exitCode, stderr }).toStrictEqual({ exitCode: 0, stderr: '' });
    const last = JSON.parse(lines.seen.at(-1) ?? '') as StatsLine;
    expect(last).toMatchObject({ event: 'stats', shards: { [shard]: { failedRows: 1 } } });
  });
});

interface StatsLine {
  readonly shards?: Readonly<Record<string, { readonly pipelines: number }>>;
}

example('vip-group.ts', () => {
  it('reads the group in one pipeline, and others in one per shard', async () => {
    const nodes = inject('clusterNodes');
    const { store, replace } = await storeOn(nodes);
    const { exitCode, stdout, stderr } = await project.run('vip-group.ts', { replace });
    expect({ exitCode, stderr }).toStrictEqual({ exitCode: 0, stderr: '' });
    const others = ['u0011', 'u0012', 'u0013', 'u0014', 'u0015', 'u0016'];
    const counts = new Map<string, number>();
    for (const id of others) {
      const shard = store.shardFor(id) ?? '';
      counts.set(shard, (counts.get(shard) ?? 0) + 1);
    }
    expect(counts.size).toBeGreaterThan(1);
    const members = ['u0001', 'u0002', 'u0003', 'u0004', 'u0005', 'u0006'];
    const grouped = await FeatureStore.connect({
      nodes,
      keyPrefix: store.keyPrefix,
      vipGroups: { vip: members },
    });
    onTestFinished(() => grouped.close());
    const group = grouped.vipGroup('vip');
    const times = ', sent after <ms> ms, answered in <ms> ms';
    const [heading, ofGroup, otherHeading, ...rest] = stdout
      .replaceAll(/\d+\.\d\d(?= ms)/g, '<ms>')
      .split('\n');
    expect([heading, ofGroup, otherHeading]).toStrictEqual([
      `The group, in slot ${group.slot} of ${group.shard()}:`,
      `  6 keys of ${group.shard()}${times}`,
      'As many users of no group:',
    ]);
    expect(rest.slice(0, -1).sort()).toStrictEqual(
      [...counts].map(([shard, count]) => `  ${count} keys of ${shard}${times}`).sort(),
    );
    const promised = sourceOf('vip-group.ts').trimEnd().split('\n').at(-1);
    expect(`// ${rest.at(-1)}`).toBe(promised);
    const row = { risk_segment: 'low', tx_count_7d: '14' };
    expect(await group.batchGetFeatures(['risk_segment', 'tx_count_7d'])).toStrictEqual(
      members.map(() => row),
    );
  });
});

example('own-scorer.ts', () => {
  it('is what the command in its comment takes', async () => {
    const { store } = await storeOn(inject('clusterNodes'));
    await store.bulkLoad({
      usual: { tx_count_7d: 20, avg_amount_30d: 80, tx_count_5m: 0 },
      busy: { tx_count_7d: 40, avg_amount_30d: 120, tx_count_5m: 4 },
      expired: { tx_count_7d: 40 },
      garbled: { tx_count_7d: 40, avg_amount_30d: 'many', tx_count_5m: 'NaN' },
    });
    const [, command = ''] = /npm run fstore -- (.*)/.exec(sourceOf('own-scorer.ts')) ?? [];
    const [ids, scores] = [project.newPath('ids.txt'), project.newPath('scores.csv')];
    await writeFile(ids, 'busy\nnobody\nusual\nexpired\ngarbled\n');
    const paths = new Map([
      ['ids.txt', ids],
      ['scores.csv', scores],
      ['examples/own-scorer.ts', join(root, 'examples/own-scorer.ts')],
    ]);
    const args = command.split(' ').map((word) => paths.get(word) ?? word);
    expect([...paths.values()].filter((path) => !args.includes(path))).toStrictEqual([]);
    const fstore = new Fstore({ nodes: inject('clusterNodes'), keyPrefix: store.keyPrefix });
    const { exitCode, stderr } = await fstore.run(args);
    expect(stderr).toContain('Scored 4 of 5 ids');
    expect(exitCode).toBe(0);
    const sigmoid = (sum: number): number => 1 / (1 + Math.exp(-sum));
    expect((await readFile(scores, 'utf8')).split('\n')).toStrictEqual([
      'id,score',
      `busy,${sigmoid(-2 + 0.5 * 2 + 0.25 * 1 + 1 * 2)}`,
      'nobody,',
      `usual,${sigmoid(-2)}`,
      `expired,${sigmoid(-2 + 0.5 * 2)}`,
      `garbled,${sigmoid(-2 + 0.5 * 2)}`,
      '',
    ]);
  });
});

it('every example is run by a test, and named in README.md', () => {
  const elsewhere = ['quickstart.ts', 'testing-a-service.ts'];
  const docsTest = readFileSync(join(root, 'test/integration/docs.test.ts'), 'utf8');
  for (const name of elsewhere) expect(docsTest).toContain(`'examples/${name}'`);
  const folder = 'fraud-service'; // by the test of that name here, and by one without servers
  const names = readdirSync(join(root, 'examples')).sort();
  expect([...tested, ...elsewhere, folder].sort()).toStrictEqual(names);
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  expect(names.filter((name) => !readme.includes(`examples/${name}`))).toStrictEqual([]);
});
