import { spawn } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Cluster } from 'ioredis';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { features, score } from '../../src/cli/fraud-scorer.ts';
import { Fstore, lastLine } from '../cli/fstore-process.ts';
import { temporaryFolder } from '../cli/temporary-folder.ts';

const USER_COUNT = 3_000;

let fstore: Fstore;
let redis: Cluster;
let allIds: string[];

beforeAll(async () => {
  fstore = new Fstore({ nodes: inject('clusterNodes') });
  redis = new Cluster(inject('clusterNodes'));
  await fstore.run(['build-features', '--count', String(USER_COUNT)]);
  allIds = Array.from({ length: USER_COUNT }, (_, i) => `u${String(i + 1).padStart(4, '0')}`);
});
afterAll(async () => {
  await fstore.run(['reset', '--yes']);
  redis.disconnect();
});

/** By a plain client, id by id. */
async function expectedScores(ids: readonly string[]): Promise<string[]> {
  const replies = await Promise.all(
    ids.map((id) => redis.hmget(fstore.keyPrefix + id, ...features)),
  );
  return replies.map((values, i) => {
    const present = features.flatMap((name, at) => {
      const value = values[at];
      return value === null || value === undefined ? [] : [[name, value] as const];
    });
    if (present.length === 0) return `${ids[i]},`;
    return `${ids[i]},${score([Object.fromEntries(present)])[0]}`;
  });
}

function dataLines(csv: string): string[] {
  const [header, ...lines] = csv.trimEnd().split('\n');
  expect(header).toBe('id,score');
  return lines;
}

async function writeScorer(source: string): Promise<string> {
  const path = join(await temporaryFolder(), 'scorer.mjs');
  await writeFile(path, source);
  return path;
}

it('scores a list in its order, duplicates and absent ids included', async () => {
  const folder = await temporaryFolder();
  const ids = [...allIds.toReversed(), 'nobody', 'u0001', 'u0001'];
  await writeFile(join(folder, 'ids.txt'), `\ufeff${ids.join('\r\n')}\r\n\r\n`);
  const out = join(folder, 'scores.csv');
  const { exitCode, stdout, stderr } = await fstore.run([
    'score',
    '--ids',
    join(folder, 'ids.txt'),
    '--out',
    out,
    '--chunk-size',
    '257',
  ]);
  expect({ exitCode, stdout }).toStrictEqual({ exitCode: 0, stdout: '' });
  expect(dataLines(await readFile(out, 'utf8'))).toStrictEqual(await expectedScores(ids));
  expect(stderr).toMatch(
    /^Scored 3,002 of 3,003 ids to .*: 1 absent, 0 failed; [\d.]+ s, [\d,]+ ids\/s\n/,
  );
  expect((await readdir(folder)).sort()).toStrictEqual(['ids.txt', 'scores.csv']);
});

it('scores everybody', async () => {
  const { exitCode, stdout, stderr } = await fstore.run(['score', '--all']);
  expect(exitCode).toBe(0);
  expect(dataLines(stdout).sort()).toStrictEqual(await expectedScores(allIds));
  const perShard = [...stderr.matchAll(/127\.0\.0\.1:\d+ ([\d,]*\d)/g)];
  const counts = perShard.map(([, count = '']) => Number(count.replace(',', '')));
  expect(counts).toHaveLength(3);
  expect(counts.reduce((a, b) => a + b)).toBe(USER_COUNT);
});

it('reads the features that are named, and hands rows and ids to the scorer of the user', async () => {
  const scorer = await writeScorer(`
    export const features = ['not_these']
    export const score = (rows, ids) => Float64Array.from(rows, (row, i) =>
      Object.keys(row).join() === 'tx_count_7d' && ids[i] === 'u0002' ? row.tx_count_7d : -1)`);
  const { stdout } = await fstore.run(
    [
      'score',
      '--ids',
      '-',
      '--scorer',
      scorer,
      '--features',
      'tx_count_7d,nothing',
      '--format',
      'jsonl',
    ],
    { input: 'u0002\nnobody' },
  );
  const stored = await redis.hget(`${fstore.keyPrefix}u0002`, 'tx_count_7d');
  expect(stdout).toBe(`{"id":"u0002","score":${stored}}\n{"id":"nobody","score":null}\n`);
});

it('leaves absent entities out when it is told to', async () => {
  const { stdout, stderr } = await fstore.run(['score', '--ids', '-', '--absent', 'skip'], {
    input: 'nobody\nu0001\n',
  });
  expect(dataLines(stdout)).toStrictEqual(await expectedScores(['u0001']));
  expect(stderr).toContain('1 absent');
});

it('reports every failed id with its reason, scores the others, and ends with 1', async () => {
  const folder = await temporaryFolder();
  const out = join(folder, 'scores.csv');
  await redis.set(`${fstore.keyPrefix}text`, 'not a hash', 'EX', 60);
  const input = Buffer.concat([
    Buffer.from('u0001\nbr{a}ce\ntext\n'),
    Buffer.from([0xff, 0x0a]),
    Buffer.from(`${'x'.repeat(5_000)}\nu0002`),
  ]);
  const { exitCode, stderr } = await fstore.run(['score', '--ids', '-', '--out', out], { input });
  expect(exitCode).toBe(1);
  expect(dataLines(await readFile(out, 'utf8'))).toStrictEqual(
    await expectedScores(['u0001', 'u0002']),
  );
  const failed = (await readFile(`${out}.failed.jsonl`, 'utf8')).trimEnd().split('\n');
  expect(failed.map((line) => JSON.parse(line))).toStrictEqual(
    expect.arrayContaining([
      {
        id: 'br{a}ce',
        code: 'INVALID_ID',
        message: expect.stringContaining('braces'),
        retryable: false,
      },
      { id: 'text', code: 'WRONG_TYPE', message: expect.any(String), retryable: false },
      {
        id: '\ufffd',
        code: 'INVALID_ID',
        message: expect.stringContaining('Line 4'),
        retryable: false,
      },
      {
        id: 'x'.repeat(5_000),
        code: 'INVALID_ID',
        message: expect.stringContaining('4096'),
        retryable: false,
      },
    ]),
  );
  expect(failed).toHaveLength(4);
  expect(stderr).toContain("  id 'br{a}ce' failed: ");
  expect(lastLine(stderr)).toBe(
    `fstore: 4 of 6 ids failed; they are in ${out}.failed.jsonl [IDS_FAILED]`,
  );
  const again = await fstore.run(['score', '--ids', '-', '--out', out], { input: 'u0001\n' });
  expect(again.exitCode).toBe(0);
  expect(await readdir(folder)).toStrictEqual(['scores.csv']);
});

it('reports failed ids on standard error when the scores go to standard output', async () => {
  const bad = Array.from({ length: 30 }, (_, i) => `{${i}}`);
  const { exitCode, stdout, stderr } = await fstore.run(['score', '--ids', '-'], {
    input: ['u0001', ...bad].join('\n'),
  });
  expect(exitCode).toBe(1);
  expect(dataLines(stdout)).toHaveLength(1);
  expect(stderr.match(/^fstore: id '\{\d+\}' failed: .* \[INVALID_ID\]$/gm)).toHaveLength(30);
});

it.each([
  [
    'a score that is none',
    'export const score = (rows) => rows.map((_, i) => i === 1 ? NaN : 0)',
    /scorer .*scorer\.mjs gave NaN for row 1 .*, id 'u0002'; .*\[SCORER_FAILED\]/,
  ],
  [
    'a score too few',
    'export const score = (rows) => rows.slice(1).map(() => 0)',
    /gave 1 scores for the chunk of 2 rows .*\[SCORER_FAILED\]/,
  ],
  [
    'an error',
    'export const score = () => { throw new Error("no\\nmodel") }',
    /threw on .*: no model \[SCORER_FAILED\]/,
  ],
  [
    'no function',
    'export const predict = () => []',
    /must export a function score.*\[INVALID_SCORER\]/,
  ],
])('stops at a scorer with %s, and leaves no file', async (_, source, line) => {
  const scorer = await writeScorer(source);
  const folder = await temporaryFolder();
  const { exitCode, stderr } = await fstore.run(
    [
      'score',
      '--ids',
      '-',
      '--scorer',
      scorer,
      '--features',
      'tx_count_7d',
      '--out',
      join(folder, 's.csv'),
    ],
    { input: 'u0001\nu0002\n' },
  );
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(/^fstore: .*\n$/);
  expect(stderr).toMatch(line);
  expect(await readdir(folder)).toStrictEqual([]);
});

it.each([
  [['--all', '--ids', 'x'], 'cannot be used with'],
  [[], 'give --ids <file>, or --all'],
  [['--all', '--out', 'x.parquet'], 'add --format'],
  [['--all', '--features', 'a,,b'], 'empty name'],
  [['--all', '--absent', 'never'], 'Allowed choices are empty, skip'],
  [['--all', '--chunk-size', '0'], 'whole number'],
  [['--all', '--out', 'a.csv', '--failed-out', './a.csv'], 'the same file'],
])('ends with 2 on %j', async (args, problem) => {
  const { exitCode, stdout, stderr } = await fstore.run(['score', ...args]);
  expect({ exitCode, stdout }).toStrictEqual({ exitCode: 2, stdout: '' });
  expect(stderr).toMatch(/^fstore: .* \[USAGE\]\n$/);
  expect(stderr).toContain(problem);
});

it('says that a list of ids is not there', async () => {
  const { exitCode, stderr } = await fstore.run(['score', '--ids', 'nowhere.txt']);
  expect(exitCode).toBe(1);
  expect(stderr).toBe('fstore: cannot read nowhere.txt: no such file or directory [ENOENT]\n');
});

const MARK = `
  import { writeFileSync } from 'node:fs'
  const mark = () => writeFileSync(new URL('called', import.meta.url), '')
`;
const NEVER = `${MARK} export const score = () => { mark(); return new Promise(() => {}) }`;
const COUNT = `${MARK} export const score = (rows) => { mark(); return rows.map(() => 1) }`;

it.each([
  ['ids are waited for', COUNT, 'SIGINT', 130],
  ['the scorer does not answer', NEVER, 'SIGINT', 130],
  ['it is told to end', COUNT, 'SIGTERM', 143],
] as const)('leaves no file when it is stopped while %s', async (_, source, signal, code) => {
  const scorer = await writeScorer(source);
  const folder = await temporaryFolder();
  const running = fstore.run([
    'score',
    '--ids',
    '-',
    '--out',
    join(folder, 's.csv'),
    '--scorer',
    scorer,
    '--features',
    'tx_count_7d',
    '--chunk-size',
    '1',
  ]);
  running.stdin.write('{bad}\nu0001\nu0002\nu0003\n');
  await expect.poll(() => readdir(dirname(scorer)), { timeout: 20_000 }).toContain('called');
  expect(await readdir(folder)).not.toStrictEqual([]);
  running.kill(signal);
  const { exitCode, stderr } = await running;
  expect(exitCode).toBe(code);
  expect(stderr).toBe(`fstore: stopped by ${signal} [INTERRUPTED]\n`);
  expect(await readdir(folder)).toStrictEqual([]);
});

it('leaves no file when the scorer ends the process', async () => {
  const scorer = await writeScorer('export const score = () => process.exit(7)');
  const folder = await temporaryFolder();
  const { exitCode } = await fstore.run(
    [
      'score',
      '--ids',
      '-',
      '--out',
      join(folder, 's.csv'),
      '--scorer',
      scorer,
      '--features',
      'tx_count_7d',
    ],
    { input: '{bad}\nu0001\n' },
  );
  expect(exitCode).toBe(7);
  expect(await readdir(folder)).toStrictEqual([]);
});

it('ends quietly when the reader has seen enough', async () => {
  const running = fstore.run(['score', '--ids', '-', '--chunk-size', '10']);
  running.stdin.write(`${allIds.join('\n')}\n`);
  running.stdout.once('data', () => running.stdout.destroy());
  const { exitCode, stderr } = await running;
  expect({ exitCode, stderr }).toStrictEqual({ exitCode: 0, stderr: '' });
});

it('waits for a slow reader, and then gives it everything', async () => {
  const folder = await temporaryFolder();
  const log = join(folder, 'chunks');
  await writeFile(log, '');
  const padding = 'x'.repeat(1_000);
  const scorer = await writeScorer(`
    import { appendFileSync } from 'node:fs'
    export const features = ['a']
    export const score = (rows) => { appendFileSync('${log}', '.'); return rows.map(() => 1) }`);
  const id = `slow-${padding}`;
  await redis.hset(fstore.keyPrefix + id, 'a', '1');
  const idsPath = join(folder, 'ids.txt');
  await writeFile(idsPath, `${id}\n`.repeat(4_000));
  const args = [
    '--import',
    'tsx',
    'src/cli/main.ts',
    'score',
    '--ids',
    idsPath,
    '--scorer',
    scorer,
  ];
  const child = spawn(process.execPath, [...args, '--chunk-size', '20'], {
    env: {
      ...process.env,
      FSTORE_NODES: inject('clusterNodes').join(),
      FSTORE_KEY_PREFIX: fstore.keyPrefix,
    },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const chunkCounts: number[] = [];
  const isStill = async (): Promise<boolean> => {
    chunkCounts.push((await readFile(log)).length);
    const last = chunkCounts.slice(-10);
    return last.length === 10 && (last[0] ?? 0) > 0 && new Set(last).size === 1;
  };
  await expect.poll(isStill, { timeout: 30_000, interval: 50 }).toBe(true);
  expect(chunkCounts.at(-1)).toBeLessThan(100); // of 200: 4 MB do not fit between two processes
  let text = '';
  for await (const part of child.stdout) text += String(part);
  expect(text).toBe(`id,score\n${`${id},1\n`.repeat(4_000)}`);
});
