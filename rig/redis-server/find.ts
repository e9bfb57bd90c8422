// Which redis-server to run: the one asked for, else the nearest one that is new enough, else one
// made for the purpose. New enough means fields with a TTL (HEXPIRE): Redis 7.4, Valkey 9.0.
//
//     REDIS_SERVER ─▶ PATH ─▶ cache ─▶ built from Debian's source ─▶ Docker
//
// Invariants: what REDIS_SERVER names is used or refused, never replaced by another; a server is
// returned only after it has run here and said what it can do; when none works, every one that was
// tried is named with its reason.
import { builtServers, cacheFolder, makeCacheFolder } from './cache-folder.ts';
import { buildFromDebian } from './debian-build.ts';
import { dockerServer } from './docker-server.ts';
import { findCompanion, findOnPath, resolveCommand } from './executable.ts';
import { type Flavour, PRODUCTS } from './flavour.ts';
import { probeServer, type ServerAbilities } from './probe.ts';

export type ServerSource = 'REDIS_SERVER' | 'path' | 'cache' | 'built' | 'docker';

export interface RedisServer {
  readonly path: string;
  readonly cliPath?: string;
  readonly benchmarkPath?: string;
  readonly version: string;
  readonly flavour: Flavour;
  readonly hasHsetex: boolean;
  readonly source: ServerSource;
}

export interface FindOptions {
  /** What takes long is said here. @default stderr */
  readonly log?: (line: string) => void;
  /** @default process.env */
  readonly env?: NodeJS.ProcessEnv;
}

/** One place where a server may be: gives its path, or rejects with the reason why not. */
export interface Candidate {
  readonly name: string;
  readonly source: ServerSource;
  readonly locate: () => Promise<string>;
}

let found: Promise<RedisServer> | undefined;

/** A redis-server or valkey-server with field TTLs. It is looked for once per process. */
export async function findRedisServer(options: FindOptions = {}): Promise<RedisServer> {
  if (options.env !== undefined) return search(options);
  found ??= search(options);
  try {
    return await found;
  } catch (error) {
    found = undefined;
    throw error;
  }
}

async function search(options: FindOptions): Promise<RedisServer> {
  const env = options.env ?? process.env;
  const log = options.log ?? ((line: string) => void process.stderr.write(`${line}\n`));
  const asked = env['REDIS_SERVER'];
  if (asked !== undefined && asked !== '') return askedFor(asked, env);
  return firstThatWorks(await candidates(env, log), env);
}

async function askedFor(asked: string, env: NodeJS.ProcessEnv): Promise<RedisServer> {
  const candidate: Candidate = {
    name: asked,
    source: 'REDIS_SERVER',
    locate: async () => {
      const path = await resolveCommand(asked, env);
      if (path === undefined) throw new Error('there is no such program');
      return path;
    },
  };
  try {
    return await tryCandidate(candidate, env, probeServer);
  } catch (error) {
    throw new Error(
      `REDIS_SERVER names ${asked}, which cannot be used: ${reasonOf(error)}. ` +
        'Unset REDIS_SERVER to have another one looked for.',
      { cause: error },
    );
  }
}

async function candidates(
  env: NodeJS.ProcessEnv,
  log: (line: string) => void,
): Promise<Candidate[]> {
  const cache = cacheFolder(env);
  return [
    pathCandidate('redis', env),
    pathCandidate('valkey', env),
    ...(await builtCandidates('redis', { cache, log })),
    { name: 'Docker', source: 'docker', locate: () => dockerServer(cache, log) },
  ];
}

export function pathCandidate(flavour: Flavour, env: NodeJS.ProcessEnv): Candidate {
  const program = `${flavour}-server`;
  return {
    name: `${program} on PATH`,
    source: 'path',
    locate: async () => {
      const path = await findOnPath(program, env);
      if (path === undefined) throw new Error('not there');
      return path;
    },
  };
}

/** What was built before, the newest first, and what can be built. */
export async function builtCandidates(
  flavour: Flavour,
  options: { readonly cache: string; readonly log: (line: string) => void; readonly tls?: boolean },
): Promise<Candidate[]> {
  await makeCacheFolder(options.cache);
  const cached = (await builtServers(options.cache, flavour)).map((path): Candidate => ({
    name: path,
    source: 'cache',
    locate: async () => path,
  }));
  const fromSource: Candidate = {
    name: `Debian's source package ${flavour}`,
    source: 'built',
    locate: () => buildFromDebian({ flavour, ...options }),
  };
  return [...cached, fromSource];
}

/** The first candidate that is there and able; an error that names them all when there is none. */
export async function firstThatWorks(
  list: readonly Candidate[],
  env: NodeJS.ProcessEnv = process.env,
  probe: (path: string) => Promise<ServerAbilities> = probeServer,
): Promise<RedisServer> {
  const tried: string[] = [];
  for (const candidate of list) {
    try {
      return await tryCandidate(candidate, env, probe);
    } catch (error) {
      tried.push(`  ${candidate.name}: ${reasonOf(error)}`);
    }
  }
  throw new Error(nothingFound(tried));
}

async function tryCandidate(
  candidate: Candidate,
  env: NodeJS.ProcessEnv,
  probe: (path: string) => Promise<ServerAbilities>,
): Promise<RedisServer> {
  const path = await candidate.locate();
  const { version, flavour, hasHexpire, hasHsetex } = await probe(path);
  if (!hasHexpire) {
    throw new Error(
      `${path} is ${PRODUCTS[flavour].title} ${version}, without field TTLs (HEXPIRE needs Redis 7.4 or Valkey 9.0)`,
    );
  }
  const cliPath = await findCompanion(path, 'cli', flavour, env);
  const benchmarkPath = await findCompanion(path, 'benchmark', flavour, env);
  return {
    path,
    ...(cliPath === undefined ? {} : { cliPath }),
    ...(benchmarkPath === undefined ? {} : { benchmarkPath }),
    version,
    flavour,
    hasHsetex,
    source: candidate.source,
  };
}

function nothingFound(tried: readonly string[]): string {
  return `no redis-server that is new enough (Redis 7.4 or Valkey 9.0, for HEXPIRE) was found. Tried:
${tried.join('\n')}
Ways to get one:
  Debian 13 or newer:  apt-get install redis-server
  Debian 12:           apt-get install make g++   (it is then built from Debian's source)
  Ubuntu:              apt-get install docker.io, or Redis 8 from Redis's own apt repository
  macOS:               brew install redis
  Docker:              npm run cluster -- up --compose
Or set REDIS_SERVER to the path of one.`;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
