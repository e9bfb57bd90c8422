// npm run test:matrix: the integration and fault suites on every kind of server, one after the other, and a table.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { execa } from 'execa';
import { MATRIX, serverFor, type MatrixName } from './matrix/servers.ts';

const SUITES = ['integration', 'faults'] as const;

interface Flags {
  readonly only: readonly MatrixName[];
  readonly project: readonly string[];
}

interface Result {
  readonly server: string;
  readonly suite: string;
  readonly passed: number;
  readonly failed: number;
  readonly seconds: number;
}

const choice = (flags: string, what: string, choices: readonly string[]): Option =>
  new Option(flags, what).choices(choices).default([...choices]);
const { only, project } = new Command('npm run test:matrix --')
  .description('The suites that need servers, on Redis, on Valkey, and on a server without HSETEX.')
  .addOption(choice('--only <servers...>', 'on these servers', MATRIX))
  .addOption(choice('--project <suites...>', 'these suites', SUITES))
  .parse()
  .opts<Flags>();

const folder = await mkdtemp(join(tmpdir(), 'fstore-matrix-'));
const results: Result[] = [];
try {
  for (const name of only) {
    await using server = await serverFor(name);
    for (const suite of project) results.push(await run(suite, server.path, server.title));
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
console.table(results);
if (results.some(({ failed }) => failed > 0)) process.exitCode = 1;

async function run(suite: string, path: string, title: string): Promise<Result> {
  console.log(`\n=== ${suite} on ${title}`);
  const report = join(folder, 'report.json');
  await rm(report, { force: true });
  const startedAtMs = performance.now();
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const { exitCode } = await execa('vitest', ['run', '--project', suite, ...reporters], {
    preferLocal: true,
    stdio: 'inherit',
    env: { REDIS_SERVER: path },
    reject: false,
  });
  const seconds = Math.round((performance.now() - startedAtMs) / 1_000);
  const { passed, failed } = await countsOf(report);
  // A run that broke before its tests, or had none, has failed too.
  const isWhole = exitCode === 0 && passed > 0;
  return { server: title, suite, passed, failed: isWhole ? failed : Math.max(failed, 1), seconds };
}

/** A test that was left out counts as failed. */
async function countsOf(report: string): Promise<{ passed: number; failed: number }> {
  try {
    const counts = JSON.parse(await readFile(report, 'utf8')) as Record<string, number>; // vitest's own
    const {
      numPassedTests = 0,
      numFailedTests = 0,
      numPendingTests = 0,
      numTodoTests = 0,
    } = counts;
    return { passed: numPassedTests, failed: numFailedTests + numPendingTests + numTodoTests };
  } catch {
    return { passed: 0, failed: 1 };
  }
}
