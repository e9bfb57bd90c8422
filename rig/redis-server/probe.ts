// What a server can do is asked of the server itself: versions do not tell, for Valkey reports
// Redis 7.2.4. It is started on a unix socket in a folder of its own, with nothing written to disk,
// and killed after.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { Flavour } from './flavour.ts';

const TIMEOUT_MS = 15_000;

/** What a redis-server or valkey-server says of itself. */
export interface ServerAbilities {
  /** The product's own version: Valkey's, not the Redis version it is compatible with. */
  readonly version: string;
  readonly flavour: Flavour;
  /** Fields with a TTL: Redis 7.4, Valkey 9.0. */
  readonly hasHexpire: boolean;
  /** Fields written with their TTL in one command: Redis 8.0, Valkey 9.0. */
  readonly hasHsetex: boolean;
}

/**
 * Starts the server, asks, and ends it. Rejects with the server's own last words when it does not
 * start.
 */
export async function probeServer(path: string): Promise<ServerAbilities> {
  const dir = await mkdtemp(join(tmpdir(), 'cfs-probe-'));
  const socket = join(dir, 's');
  const args = ['--port', '0', '--unixsocket', socket, '--save', '', '--appendonly', 'no'];
  const child = spawn(path, [...args, '--dir', dir], { cwd: dir });
  let words = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      words = (words + text).slice(-2000);
    });
  }
  const ending = new Promise<Error>((resolve) => {
    child.once('error', resolve);
    child.once('close', (code) => {
      const last = words.trim().split('\n').slice(-2).join(' ');
      resolve(new Error(`${path} ended with ${code}${last === '' ? '' : `: ${last}`}`));
    });
  });
  try {
    const answer = await Promise.race([ask(child, socket), ending]);
    if (answer instanceof Error) throw answer;
    return answer;
  } finally {
    child.kill('SIGTERM');
    const late = setTimeout(() => child.kill('SIGKILL'), 2000);
    await ending;
    clearTimeout(late);
    await rm(dir, { recursive: true, force: true });
  }
}

async function ask(child: ChildProcess, socket: string): Promise<ServerAbilities> {
  const deadline = Date.now() + TIMEOUT_MS;
  for (;;) {
    const client = new Redis({
      path: socket,
      lazyConnect: true,
      enableReadyCheck: false,
      retryStrategy: () => null,
      commandTimeout: TIMEOUT_MS,
    });
    client.on('error', () => {});
    try {
      await client.connect();
      return await abilities(client);
    } catch (error) {
      if (Date.now() > deadline || child.exitCode !== null) throw error;
      await pause(20);
    } finally {
      client.disconnect();
    }
  }
}

async function abilities(client: Redis): Promise<ServerAbilities> {
  const [info, commands] = await Promise.all([
    client.call('INFO', 'server'),
    client.call('COMMAND', 'INFO', 'HEXPIRE', 'HSETEX'),
  ]);
  const [hexpire, hsetex] = commands as unknown[];
  const valkey = /^valkey_version:(\S+)/mu.exec(String(info))?.[1];
  return {
    version: valkey ?? /^redis_version:(\S+)/mu.exec(String(info))?.[1] ?? 'unknown',
    flavour: valkey === undefined ? 'redis' : 'valkey',
    hasHexpire: isCommand(hexpire),
    hasHsetex: isCommand(hsetex),
  };
}

/** An unknown command is null, or an empty array, according to the protocol. */
function isCommand(reply: unknown): boolean {
  return Array.isArray(reply) && reply.length > 0;
}
