// The servers that the suites run on: Redis, Valkey, and a Redis that does not know HSETEX, as 7.4
// does not.
import { chmod, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { findServerOf } from '../../rig/redis-server/find-flavour.ts';
import type { RedisServer } from '../../rig/redis-server/find.ts';

export const MATRIX = ['redis', 'valkey', 'without-hsetex'] as const;

export type MatrixName = (typeof MATRIX)[number];

export interface MatrixServer extends AsyncDisposable {
  /** For REDIS_SERVER. */
  readonly path: string;
  readonly title: string;
}

export async function serverFor(name: MatrixName): Promise<MatrixServer> {
  const server = await findServerOf(name === 'valkey' ? 'valkey' : 'redis');
  const title = `${server.flavour} ${server.version}`;
  if (name === 'without-hsetex') return withoutHsetex(server, `${title} without HSETEX`);
  return { path: server.path, title, [Symbol.asyncDispose]: async () => {} };
}

/**
 * The same server, behind a script that takes the command away from whatever configuration it is
 * given.
 */
async function withoutHsetex(server: RedisServer, title: string): Promise<MatrixServer> {
  const folder = await mkdtemp(join(tmpdir(), 'fstore-matrix-'));
  const path = join(folder, 'redis-server');
  // With one argument it is asked for its version or its help.
  const script = [
    '#!/bin/sh',
    `server='${server.path}'`,
    '[ $# -le 1 ] && [ "$1" != "${1#-}" ] && exec "$server" "$@"',
    // Taking it away twice is an error.
    `grep -qs 'rename-command HSETEX' "$1" && exec "$server" "$@"`,
    'exec "$server" "$@" --rename-command HSETEX ""',
    '',
  ];
  await writeFile(path, script.join('\n'));
  await chmod(path, 0o755);
  for (const companion of [server.cliPath, server.benchmarkPath]) {
    if (companion !== undefined) await symlink(companion, join(folder, basename(companion)));
  }
  return {
    path,
    title,
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}
