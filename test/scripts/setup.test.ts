import { spawn, spawnSync } from 'node:child_process';
import type { SpawnSyncReturns } from 'node:child_process';
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

const LOCK = { packages: { '': {}, 'node_modules/a': { version: '1.0.0', integrity: 'x' } } };
// Stands in for npm, whose registry a test must not need: it leaves what npm leaves, and counts its
// calls.
const NPM = `#!/bin/sh
echo "$@" >> npm-calls
[ -e npm-fails ] && exit 7
rm -rf node_modules && mkdir node_modules
cp package-lock.json node_modules/.package-lock.json
`;

let root = '';

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'setup-'));
  await mkdir(join(root, 'scripts'));
  await mkdir(join(root, 'bin'));
  await copyFile('scripts/setup.mjs', join(root, 'scripts', 'setup.mjs'));
  await writeFile(join(root, 'package-lock.json'), JSON.stringify(LOCK));
  await writeFile(join(root, 'bin', 'npm'), NPM);
  await chmod(join(root, 'bin', 'npm'), 0o755);
});
afterEach(() => rm(root, { recursive: true }));

function setUp(): SpawnSyncReturns<string> {
  return spawnSync(process.execPath, [join(root, 'scripts', 'setup.mjs')], {
    encoding: 'utf8',
    env: environment(),
  });
}

function environment(): NodeJS.ProcessEnv {
  const { npm_execpath: _npm, ...env } = process.env;
  return { ...env, PATH: `${join(root, 'bin')}${delimiter}${env['PATH']}` };
}

async function npmCalls(): Promise<number> {
  const text = await readFile(join(root, 'npm-calls'), 'utf8').catch(() => '');
  return text.split('\n').length - 1;
}

test('installs when node_modules is missing, then is silent', async () => {
  expect(setUp()).toMatchObject({
    status: 0,
    stdout: '',
    stderr: 'Installing packages (npm ci) …\n',
  });
  expect(await readFile(join(root, 'npm-calls'), 'utf8')).toMatch(/^ci --include=dev /u);
  expect(setUp()).toMatchObject({ status: 0, stdout: '', stderr: '' });
  expect(await npmCalls()).toBe(1);
});

test('installs again when the lock file names something else', async () => {
  setUp();
  const packages = { ...LOCK.packages, 'node_modules/b': { version: '2.0.0', integrity: 'y' } };
  await writeFile(join(root, 'package-lock.json'), JSON.stringify({ packages }));
  expect(setUp().status).toBe(0);
  expect(await npmCalls()).toBe(2);
});

test('accepts what npm itself installed from the same lock file', async () => {
  const optional = { version: '1.0.0', optional: true };
  const packages = { ...LOCK.packages, 'node_modules/other-platform': optional };
  await writeFile(join(root, 'package-lock.json'), JSON.stringify({ packages }));
  await mkdir(join(root, 'node_modules'));
  await writeFile(join(root, 'node_modules', '.package-lock.json'), JSON.stringify(LOCK));
  expect(setUp()).toMatchObject({ status: 0, stderr: '' });
  expect(await npmCalls()).toBe(0);
});

test('a failed install is an error now and tried again next time', async () => {
  await writeFile(join(root, 'npm-fails'), '');
  const failed = setUp();
  expect(failed.status).toBe(1);
  expect(failed.stderr).toContain('npm ci failed (7)');
  await rm(join(root, 'npm-fails'));
  expect(setUp().status).toBe(0);
  expect(await npmCalls()).toBe(2);
});

test('two at once install once', async () => {
  const codes = await Promise.all(
    [1, 2].map(
      () =>
        new Promise((resolve) => {
          const script = join(root, 'scripts', 'setup.mjs');
          spawn(process.execPath, [script], { env: environment() }).once('close', resolve);
        }),
    ),
  );
  expect(codes).toEqual([0, 0]);
  expect(await npmCalls()).toBe(1);
});

test('an older Node is refused with both versions', async () => {
  const script = join(root, 'scripts', 'setup.mjs');
  const text = await readFile(script, 'utf8');
  await writeFile(script, text.replace('OLDEST_NODE = 20', 'OLDEST_NODE = 999'));
  const refused = setUp();
  expect(refused.status).toBe(1);
  expect(refused.stderr).toContain(`Node 999 or newer is needed; this is ${process.version}`);
});
