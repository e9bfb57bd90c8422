// Runs before everything else, so before node_modules exists: no dependencies, no TypeScript.
//
// Makes sure of Node 20 or newer and of the packages that package-lock.json names. After `npm ci`
// it leaves a stamp with the lock file's hash in node_modules; while the two agree it says nothing
// and does nothing.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const OLDEST_NODE = 20;
const LOCK_TIMEOUT_MS = 600_000;
const LOCK_POLL_MS = 200;

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const lockFile = join(root, 'package-lock.json');
const stampFile = join(root, 'node_modules', '.setup-stamp');
const busyFile = join(root, '.data', 'setup.lock');

main();

function main() {
  const major = Number(process.versions.node.split('.')[0]);
  if (!(major >= OLDEST_NODE)) {
    fail(
      `Node ${OLDEST_NODE} or newer is needed; this is ${process.version} (${process.execPath}).`,
    );
  }
  if (isInstalled()) return;
  takeTurn();
  try {
    // Another one may have installed them while this one waited.
    if (!isInstalled()) install();
  } finally {
    rmSync(busyFile, { force: true });
  }
}

function isInstalled() {
  const lock = readText(lockFile);
  if (lock === undefined) fail(`${lockFile} is missing, so what to install is unknown.`);
  const hash = createHash('sha256').update(lock).digest('hex');
  if (readText(stampFile) === hash) return true;
  if (!isEquivalent(lock)) return false;
  writeFileSync(stampFile, hash);
  return true;
}

/** Whether npm itself recorded that it installed just what the lock file names. */
function isEquivalent(lock) {
  const recorded = readText(join(root, 'node_modules', '.package-lock.json'));
  if (recorded === undefined) return false;
  const wanted = JSON.parse(lock).packages;
  const present = JSON.parse(recorded).packages;
  for (const [path, entry] of Object.entries(wanted)) {
    const found = present[path];
    // Optional packages of other platforms are in the lock file only.
    if (path === '' || (found === undefined && entry.optional === true)) continue;
    if (found?.version !== entry.version || found?.integrity !== entry.integrity) return false;
  }
  return Object.keys(present).every((path) => path in wanted);
}

function install() {
  process.stderr.write('Installing packages (npm ci) …\n');
  const args = ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'];
  // npm tells its scripts where it is itself; another npm on PATH may be of another Node.
  const npm = process.env.npm_execpath;
  const [command, all] = npm?.endsWith('.js') ? [process.execPath, [npm, ...args]] : ['npm', args];
  // Its words go to stderr: stdout belongs to the script that comes after.
  const { status, error } = spawnSync(command, all, { cwd: root, stdio: ['inherit', 2, 2] });
  if (error !== undefined) fail(`npm could not be started: ${error.message}`);
  if (status !== 0) fail(`npm ci failed (${status}); the packages are not installed.`);
  const hash = createHash('sha256').update(readFileSync(lockFile)).digest('hex');
  writeFileSync(stampFile, hash);
}

/** Waits until no other process installs, and says that this one does. */
function takeTurn() {
  mkdirSync(dirname(busyFile), { recursive: true });
  const deadline = Date.now() + LOCK_TIMEOUT_MS;
  for (;;) {
    try {
      writeFileSync(busyFile, String(process.pid), { flag: 'wx' });
      return;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    const owner = Number(readText(busyFile));
    if (owner > 0 && !exists(owner)) rmSync(busyFile, { force: true });
    else if (Date.now() > deadline) fail(`${busyFile} is still held by process ${owner}.`);
    else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOCK_POLL_MS);
  }
}

function exists(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function readText(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function fail(message) {
  process.stderr.write(`${message}\n`);
  if (readText(busyFile) === String(process.pid)) rmSync(busyFile, { force: true });
  process.exit(1);
}
