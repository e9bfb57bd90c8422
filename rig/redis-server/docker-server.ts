// The last resort: the image redis:8, run so that it looks like a local program. The wrapper shares
// the host's network and process numbers and runs as the caller, so ports, pids and signals mean
// what they mean for a program; the working folder, and nothing else, is visible inside under its
// own name.
import { execFile } from 'node:child_process';
import { chmod, mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findOnPath } from './executable.ts';

const run = promisify(execFile);

const IMAGE = 'redis:8';
const ENGINE_TIMEOUT_MS = 10_000;
const PULL_TIMEOUT_MS = 300_000;

/** The path of a wrapper that runs redis-server in a container. Rejects with the reason why not. */
export async function dockerServer(cache: string, log: (line: string) => void): Promise<string> {
  if ((await findOnPath('docker')) === undefined) throw new Error('no docker command on PATH');
  if (process.platform !== 'linux') {
    throw new Error(
      'host networking needs Linux; use `npm run cluster -- up --compose` with Docker on this system',
    );
  }
  await engineAnswers();
  await imageIsHere(log);
  const folder = join(cache, 'docker');
  await mkdir(folder, { recursive: true });
  for (const name of ['redis-server', 'redis-cli', 'redis-benchmark']) {
    await writeWrapper(join(folder, name), name);
  }
  return join(folder, 'redis-server');
}

export function wrapperScript(program: string): string {
  const flags = ['--rm', '-i', '--network host', '--pid host', '--user "$(id -u):$(id -g)"'].join(
    ' ',
  );
  return `#!/bin/sh
exec docker run ${flags} -v "$PWD:$PWD" -w "$PWD" --entrypoint ${program} ${IMAGE} "$@"
`;
}

async function writeWrapper(path: string, program: string): Promise<void> {
  const fresh = `${path}.${process.pid}`;
  await writeFile(fresh, wrapperScript(program));
  await chmod(fresh, 0o755);
  await rename(fresh, path);
}

async function engineAnswers(): Promise<void> {
  try {
    await run('docker', ['info'], { timeout: ENGINE_TIMEOUT_MS });
  } catch {
    throw new Error('no Docker engine answers `docker info`');
  }
}

async function imageIsHere(log: (line: string) => void): Promise<void> {
  const timeout = { timeout: ENGINE_TIMEOUT_MS };
  const present = await run('docker', ['image', 'inspect', IMAGE], timeout).catch(() => undefined);
  if (present !== undefined) return;
  log(`pulling the image ${IMAGE}`);
  try {
    await run('docker', ['pull', '-q', IMAGE], { timeout: PULL_TIMEOUT_MS });
  } catch (error) {
    const [why] = (error as { stderr?: string }).stderr?.trim().split('\n') ?? [];
    throw new Error(`the image ${IMAGE} is not here and cannot be pulled: ${why}`, {
      cause: error,
    });
  }
}
