// Makes a redis-server or a valkey-server out of Debian's source package, without root and without
// touching the machine's own package sources: a private list names a newer suite at the mirror that
// this machine already uses, and all that apt writes goes into a folder of ours. apt checks the
// signatures and hashes as always.
//
//     apt-get indextargets ─▶ mirror ─▶ apt-get source ─▶ tar ─▶ make ─▶ rename into the cache
//
// Invariant: a folder `built-…` in the cache is a finished build; it gets that name in one step, at
// the end.
import { execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { builtFolder, builtServers, isTlsBuild } from './cache-folder.ts';
import { debianMirror } from './debian-mirror.ts';
import { findOnPath } from './executable.ts';
import { withFileLock } from './file-lock.ts';
import { type Flavour, PRODUCTS, programsOf } from './flavour.ts';

const run = promisify(execFile);

const TOOLS = ['apt-get', 'tar', 'make', 'cc', 'g++'];
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
const DOWNLOAD_TIMEOUT_MS = 180_000;
const BUILD_TIMEOUT_MS = 1_200_000;
const PROGRESS_EVERY_MS = 20_000;

type Log = (line: string) => void;

export interface BuildOptions {
  readonly flavour: Flavour;
  /** Where finished builds are kept. */
  readonly cache: string;
  readonly log: Log;
  /**
   * Only a server with TLS will do. It has TLS anyway where OpenSSL's headers are.
   * @default false
   */
  readonly tls?: boolean;
}

/**
 * The path of a server built now, or by another process in the meantime. Rejects with the reason
 * why not.
 */
export async function buildFromDebian(options: BuildOptions): Promise<string> {
  const { flavour, cache, log, tls = false } = options;
  const missing: string[] = [];
  for (const tool of TOOLS) if ((await findOnPath(tool)) === undefined) missing.push(tool);
  if (tls && !(await hasOpenssl())) missing.push("OpenSSL's headers (libssl-dev)");
  if (missing.length > 0) throw new Error(`needs ${missing.join(', ')}, not installed here`);
  const mirror = await debianMirror();
  return withFileLock(
    join(cache, 'build.lock'),
    async () => {
      const built = await builtServers(cache, flavour);
      const ready = built.find((path) => !tls || isTlsBuild(path));
      if (ready !== undefined) return ready;
      await removeUnfinished(cache);
      return buildNewest(options, mirror);
    },
    { onWait: (pid) => log(`process ${pid} is building a server: waiting for it`) },
  );
}

async function removeUnfinished(cache: string): Promise<void> {
  for (const name of await readdir(cache)) {
    if (name.startsWith('building-')) await rm(join(cache, name), { recursive: true, force: true });
  }
}

async function buildNewest(options: BuildOptions, mirror: string): Promise<string> {
  const reasons: string[] = [];
  for (const suite of PRODUCTS[options.flavour].suites) {
    const folder = await mkdtemp(join(options.cache, 'building-'));
    try {
      return await buildSuite(options, folder, mirror, suite);
    } catch (error) {
      reasons.push(`${suite}: ${lastLine(error)}`);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
  throw new Error(reasons.join('; '));
}

async function buildSuite(
  { flavour, cache, log }: BuildOptions,
  folder: string,
  mirror: string,
  suite: string,
): Promise<string> {
  const { title } = PRODUCTS[flavour];
  log(`fetching the source of ${title} from Debian ${suite}`);
  const { tarball, version } = await download(flavour, folder, mirror, suite);
  const source = join(folder, 'source');
  await mkdir(source);
  await run('tar', ['-xf', tarball, '-C', source, '--strip-components=1']);
  const tls = await hasOpenssl();
  const how = `${tls ? 'with' : 'without'} TLS; this takes a few minutes, once`;
  log(`building ${title} ${version} ${how}`);
  const startedAt = Date.now();
  const programs = programsOf(flavour);
  await compile(source, programs, tls, log);
  const finished = join(folder, 'finished');
  await mkdir(finished);
  for (const name of programs) await rename(join(source, 'src', name), join(finished, name));
  const target = builtFolder(cache, { flavour, version, tls });
  await rename(finished, target);
  log(`built ${target} in ${Math.round((Date.now() - startedAt) / 1000)} s`);
  return join(target, `${flavour}-server`);
}

async function download(
  flavour: Flavour,
  folder: string,
  mirror: string,
  suite: string,
): Promise<{ tarball: string; version: string }> {
  const signedBy = (await readFile(KEYRING).catch(() => undefined)) && `[signed-by=${KEYRING}] `;
  const list = join(folder, 'sources.list');
  await writeFile(list, `deb-src ${signedBy ?? ''}${mirror} ${suite} main\n`);
  await mkdir(join(folder, 'lists', 'partial'), { recursive: true });
  await mkdir(join(folder, 'apt', 'archives', 'partial'), { recursive: true });
  const settings = [
    `Dir::Etc::sourcelist=${list}`,
    'Dir::Etc::sourceparts=/dev/null',
    `Dir::State::Lists=${join(folder, 'lists')}`,
    `Dir::Cache=${join(folder, 'apt')}`,
    'Acquire::Languages=none',
    'Acquire::Retries=3',
  ].flatMap((setting) => ['-o', setting]);
  const options = { cwd: folder, timeout: DOWNLOAD_TIMEOUT_MS, maxBuffer: 1 << 24 };
  await run('apt-get', [...settings, '-q', 'update'], options);
  await run('apt-get', [...settings, '-q', 'source', '--download-only', flavour], options);
  const names = await readdir(folder);
  const orig = new RegExp(`^${flavour}_(?:\\d+:)?([\\w.~+]+)\\.orig\\.tar\\.[a-z0-9]+$`, 'u');
  const tarball = names.find((name) => orig.test(name));
  const version = orig.exec(tarball ?? '')?.[1];
  if (tarball === undefined || version === undefined) throw new Error('no source tarball came');
  return { tarball: join(folder, tarball), version };
}

async function hasOpenssl(): Promise<boolean> {
  const question = run('cc', ['-fsyntax-only', '-x', 'c', '-']);
  question.child.stdin?.end('#include <openssl/ssl.h>\n');
  return question.then(
    () => true,
    () => false,
  );
}

async function compile(
  source: string,
  programs: readonly string[],
  tls: boolean,
  log: Log,
): Promise<void> {
  const jobs = `-j${availableParallelism()}`;
  const args = ['-C', join(source, 'src'), jobs, ...(tls ? ['BUILD_TLS=yes'] : []), ...programs];
  // A make above us must not hand its own flags down.
  const { MAKEFLAGS: _flags, MFLAGS: _short, ...env } = process.env;
  const make = spawn('make', args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let words = '';
  for (const stream of [make.stdout, make.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      words = (words + text).slice(-4000);
    });
  }
  const startedAt = Date.now();
  const progress = setInterval(() => {
    log(`still compiling, ${Math.round((Date.now() - startedAt) / 1000)} s so far`);
  }, PROGRESS_EVERY_MS);
  const limit = setTimeout(() => make.kill(), BUILD_TIMEOUT_MS);
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      make.once('error', reject);
      make.once('close', resolve);
    });
    if (code !== 0) throw new Error(`make ended with ${code}: ${lastWords(words)}`);
  } finally {
    clearInterval(progress);
    clearTimeout(limit);
  }
}

function lastWords(text: string): string {
  const lines = text.trim().split('\n');
  const errors = lines.filter((line) => /error/iu.test(line));
  return (errors.length > 0 ? errors : lines).slice(0, 3).join(' | ');
}

function lastLine(error: unknown): string {
  const { stderr, message } = error as { stderr?: string; message: string };
  const problem = (stderr ?? '').split('\n').find((line) => line.startsWith('E:'));
  return problem ?? message.split('\n')[0] ?? message;
}
