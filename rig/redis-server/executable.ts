import { access, constants, stat } from 'node:fs/promises';
import { delimiter, dirname, isAbsolute, join, resolve } from 'node:path';
import type { Flavour } from './flavour.ts';

/** The first file of this name on PATH that may be run. */
export async function findOnPath(
  name: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<string | undefined> {
  for (const folder of (env['PATH'] ?? '').split(delimiter)) {
    if (!isAbsolute(folder)) continue;
    const path = join(folder, name);
    if (await isExecutable(path)) return path;
  }
  return undefined;
}

/** A command as a shell would understand it: a name is looked up on PATH, a path is a path. */
export async function resolveCommand(
  command: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<string | undefined> {
  if (!command.includes('/')) return findOnPath(command, env);
  const path = resolve(command);
  return (await isExecutable(path)) ? path : undefined;
}

/**
 * `redis-cli` for `…/redis-server`, `valkey-cli` for `…/valkey-server`: beside the server, or on
 * PATH.
 */
export async function findCompanion(
  serverPath: string,
  tool: 'cli' | 'benchmark',
  flavour: Flavour,
  env: NodeJS.ProcessEnv = process.env,
): Promise<string | undefined> {
  const names = flavour === 'valkey' ? ['valkey', 'redis'] : ['redis', 'valkey'];
  for (const name of names) {
    const beside = join(dirname(serverPath), `${name}-${tool}`);
    if (await isExecutable(beside)) return beside;
  }
  for (const name of names) {
    const found = await findOnPath(`${name}-${tool}`, env);
    if (found !== undefined) return found;
  }
  return undefined;
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}
