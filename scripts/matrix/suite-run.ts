// One run of vitest projects, and what it came to by vitest's own report.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';

const VITEST = 'node_modules/vitest/vitest.mjs';

export interface SuiteRun {
  /** Of server or Node. */
  readonly title: string;
  readonly suite: string;
  /** @default the Node that runs this */
  readonly node?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Globs of test files that are left out. */
  readonly leftOut?: readonly string[];
}

export interface SuiteResult {
  readonly on: string;
  readonly suite: string;
  readonly passed: number;
  readonly failed: number;
  readonly seconds: number;
}

export async function runSuite(suiteRun: SuiteRun): Promise<SuiteResult> {
  const { title, suite, node = process.execPath, env = {}, leftOut = [] } = suiteRun;
  console.log(`\n=== ${suite} on ${title}`);
  const folder = await mkdtemp(join(tmpdir(), 'fstore-suite-'));
  const report = join(folder, 'report.json');
  const startedAtMs = performance.now();
  try {
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
    const exclude = leftOut.flatMap((glob) => ['--exclude', glob]);
    const args = ['run', '--project', suite, ...exclude, ...reporters];
    const { exitCode } = await execa(node, [VITEST, ...args], {
      stdio: 'inherit',
      env,
      reject: false,
    });
    const seconds = Math.round((performance.now() - startedAtMs) / 1_000);
    const { passed, failed } = await countsOf(report);
    // A run that broke before its tests, or had none, has failed too.
    const isWhole = exitCode === 0 && passed > 0;
    return { on: title, suite, passed, failed: isWhole ? failed : Math.max(failed, 1), seconds };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
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
