// Which server to run where TLS is to be tried: the one that is used anyway if it has TLS, else
// another of the same product.
//
//     findRedisServer ─▶ PATH ─▶ cache ─▶ built from Debian's source, with OpenSSL's headers
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder } from './cache-folder.ts';
import {
  builtCandidates,
  type FindOptions,
  findRedisServer,
  firstThatWorks,
  pathCandidate,
  type RedisServer,
} from './find.ts';
import { probeServer } from './probe.ts';

const PROBE_TIMEOUT_MS = 10_000;
const run = promisify(execFile);

/** A server with TLS and field TTLs. Rejects with what to install where there is none. */
export async function findTlsServer(options: FindOptions = {}): Promise<RedisServer> {
  const { env = process.env } = options;
  const log = options.log ?? ((line: string) => void process.stderr.write(`${line}\n`));
  const usual = await findRedisServer(options);
  if (await hasTls(usual.path)) return usual;
  const { flavour } = usual;
  const built = await builtCandidates(flavour, { cache: cacheFolder(env), log, tls: true });
  try {
    const server = await firstThatWorks(
      [pathCandidate(flavour, env), ...built],
      env,
      async (path) => {
        if (!(await hasTls(path))) throw new Error(`${path} was built without TLS`);
        return probeServer(path);
      },
    );
    log(`${usual.path} has no TLS: where TLS is tried, ${server.path} is used`);
    return server;
  } catch (error) {
    const [tried] = (error instanceof Error ? error.message : '').split('\nWays to get one:');
    throw new Error(
      `${usual.path} has no TLS, and no other server that has could be found or built. On Debian: ` +
        `apt-get install libssl-dev make g++.\n${tried}`,
      { cause: error },
    );
  }
}

/**
 * Asked to listen with TLS, a server that has it misses its certificate; one that has not knows no
 * such thing.
 */
export async function hasTls(path: string): Promise<boolean> {
  const cwd = await mkdtemp(join(tmpdir(), 'cfs-tls-'));
  try {
    const args = ['--port', '0', '--tls-port', '65535', '--bind', '127.0.0.1', '--save', ''];
    const ending: { stdout: string } = await run(path, args, {
      cwd,
      timeout: PROBE_TIMEOUT_MS,
    }).catch((error: { stdout?: string }) => ({ stdout: error.stdout ?? '' }));
    return ending.stdout.includes('tls-cert-file');
  } finally {
    await rm(cwd, { recursive: true, force: true });
  }
}
