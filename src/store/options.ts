/** The options of `FeatureStore.connect`: what they are, their defaults, and what is refused. */

import type { Credentials, CredentialsFunction } from '../cluster/control/credentials.ts';
import { judgeRedis } from '../cluster/control/ioredis-copy.ts';
import type {
  Cluster,
  IoredisClient,
  OnShardDown,
  Redis,
  RedisOptions,
  Seed,
} from '../cluster/control/connect.ts';
import { parseAddress, type HostAndPort } from '../cluster/address.ts';
import { MAX_PORT } from '../cluster/limits.ts';
import { KeyLayout } from './key-layout.ts';
import { checkDatabase, checkRedisOptions } from './redis-options.ts';
import {
  checkInteger,
  checkKeys,
  checkTimeoutMs,
  checkTtlSeconds,
  checkWord,
  isRecord,
  pathTo,
  refuse,
  show,
  showKind,
} from './option-checks.ts';
import { MAX_HOST_CHARACTERS, MAX_NODES, MAX_TIMEOUT_MS } from './limits.ts';

/**
 * What `FeatureStore.connect` takes: `nodes` or `redis`, and the rest where a default does not fit.
 * @example
 * ```ts
 * const store = await FeatureStore.connect({
 *   nodes: ['rediss://redis-1:6379', 'rediss://redis-2:6379'],
 *   timeoutMs: 500,
 *   vipGroups: { vip: ['u0001', 'u0007'] },
 * });
 * ```
 */
export interface FeatureStoreOptions {
  /**
   * Some nodes of a cluster, or one standalone server, 1,000 at the most: `redis://host:port`,
   * `rediss://…` for TLS, or `host:port`. A user and password in a URL hold for every node. Either
   * this or `redis`.
   */
  readonly nodes?: readonly string[];
  /**
   * An ioredis Cluster or Redis that the caller made and keeps: `close` leaves it open. It may come
   * from another copy of ioredis, of a version in the peer dependency's range, and be in any state.
   */
  readonly redis?: IoredisClient;
  /**
   * ioredis options for every connection that the store opens: `tls`, `username`, `password`, …, by
   * the table in docs/options.md. Only with `nodes`; a given `redis` has its own.
   * @default `{}`
   */
  readonly redisOptions?: RedisOptions;
  /**
   * Gives the credentials that are valid now, or a promise of them. It is asked at each login, and
   * before `expiresAt`, when open connections log in anew: for passwords that rotate, and tokens.
   * Instead of a username and password in `nodes` and `redisOptions`. With a given `redis` the
   * object's own logins say the same.
   */
  readonly credentials?: () => Credentials | Promise<Credentials>;
  /**
   * How the addresses that nodes announce are reached from here, as in ioredis: the host and port
   * to use, by the `host:port` that is announced.
   * @default `{}`, or the map of a given Cluster
   */
  readonly natMap?: Readonly<Record<string, HostAndPort>>;
  /**
   * What every key begins with: not empty, no braces, 4,096 bytes at the most. `reset` deletes
   * everything under it, so give each store one of its own.
   * @default `'fs:user:'`
   */
  readonly keyPrefix?: string;
  /**
   * Key TTL of bulk loads in seconds, 1 to 3,153,600,000: the batch cycle with room for a failed
   * run.
   * @default `86_400`
   */
  readonly batchTtlSeconds?: number;
  /**
   * Field TTL of streaming writes in seconds, 1 to 3,153,600,000: a few times the interval of
   * updates.
   * @default `300`
   */
  readonly streamingTtlSeconds?: number;
  /**
   * The ids of the members by group name. The keys of a group share one slot, so one pipeline reads
   * it. An id is in one group at the most, and a group has 10,000 members at the most.
   * `'recorded'`: those that the store has that wrote the entities.
   * @default `{}`
   */
  readonly vipGroups?: Readonly<Record<string, readonly string[]>> | 'recorded';
  /**
   * The groups are recorded in the cluster before the first write of a store that has some.
   * `'check'`: `connect` rejects where other groups are recorded, as members would not be found.
   * `'replace'`: the first write records this store's groups, whose members are then loaded anew.
   * `'ignore'`: nothing is read or recorded.
   * @default `'check'`
   */
  readonly vipGroupsRecord?: 'check' | 'replace' | 'ignore';
  /**
   * The deadline of a call in milliseconds; of each window of rows for loads, each chunk for
   * streams, and each page for scans. The default outlasts a failover at Redis's own
   * `cluster-node-timeout` of 15 s.
   * @default `30_000`
   */
  readonly timeoutMs?: number;
  /**
   * How long `connect` goes on trying, in milliseconds, while servers, host names or the cluster
   * are not there yet. One call of `credentials` may take as long.
   * @default `10_000`
   */
  readonly connectTimeoutMs?: number;
  /**
   * Whether the connections of reads and bulk work to every shard are opened while connecting;
   * otherwise the first call that needs one opens it.
   * @default `false`
   */
  readonly warmUp?: boolean;
  /**
   * What becomes of rows whose shard's primary does not answer. `'wait'`: they are tried until the
   * deadline. `'fail-fast'`: after a few proofs they fail at once with SHARD_UNAVAILABLE, and the
   * node is asked in the background until it answers.
   * @default `'wait'`
   */
  readonly onShardDown?: 'wait' | 'fail-fast';
}

/** The options of `FeatureStore.connect` that are used where they are not given. */
export const defaultOptions = {
  /** What every key begins with. */
  keyPrefix: 'fs:user:',
  /** Key TTL of bulk loads, in seconds: a day. */
  batchTtlSeconds: 86_400,
  /** Field TTL of streaming writes, in seconds: five minutes. */
  streamingTtlSeconds: 300,
  /** Deadline of a call, in milliseconds. */
  timeoutMs: 30_000,
  /** How long `connect` goes on trying, in milliseconds. */
  connectTimeoutMs: 10_000,
  /** Groups that differ from those that are recorded are refused. */
  vipGroupsRecord: 'check',
  /** Connections are opened when they are first used. */
  warmUp: false,
  /** Rows of a shard that is down are tried until the deadline. */
  onShardDown: 'wait',
} as const;

export interface ResolvedOptions {
  /** Where to connect: seeds, or the caller's own object. */
  readonly target: { readonly seeds: readonly Seed[] } | { readonly redis: Cluster | Redis };
  readonly natMap: Readonly<Record<string, HostAndPort>> | undefined;
  readonly credentials: CredentialsFunction | undefined;
  readonly layout: KeyLayout;
  /** Whether the groups of the layout are those that the cluster has recorded. */
  readonly takesRecordedGroups: boolean;
  readonly vipGroupsRecord: 'check' | 'replace' | 'ignore';
  readonly batchTtlSeconds: number;
  readonly streamingTtlSeconds: number;
  readonly timeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly warmUp: boolean;
  readonly onShardDown: OnShardDown;
}

/** What the options of a store are called. */
export const OPTION_NAMES: readonly (keyof FeatureStoreOptions)[] = [
  'nodes',
  'redis',
  'redisOptions',
  'credentials',
  'natMap',
  'keyPrefix',
  'batchTtlSeconds',
  'streamingTtlSeconds',
  'vipGroups',
  'vipGroupsRecord',
  'timeoutMs',
  'connectTimeoutMs',
  'warmUp',
  'onShardDown',
];

const RECORD_MODES = ['check', 'replace', 'ignore'] as const;

/** @throws FeatureStoreError INVALID_OPTION, INVALID_ID */
export function resolveOptions(options: FeatureStoreOptions): ResolvedOptions {
  checkKeys('options', options, OPTION_NAMES);
  const given = { ...defaultOptions, ...withoutUndefined(options) };
  const { vipGroups = {}, vipGroupsRecord } = given;
  if (!isRecord(vipGroups) && vipGroups !== 'recorded') {
    refuse(
      "vipGroups must be an object of id arrays by group name, or 'recorded', but is " +
        `${show(vipGroups)}.`,
    );
  }
  if (typeof given.warmUp !== 'boolean') {
    refuse(`warmUp must be true or false, but is ${show(given.warmUp)}.`);
  }
  if (given.onShardDown !== 'wait' && given.onShardDown !== 'fail-fast') {
    refuse(`onShardDown must be 'wait' or 'fail-fast', but is ${show(given.onShardDown)}.`);
  }
  if (given.natMap !== undefined) checkNatMap(given.natMap);
  if (given.credentials !== undefined && typeof given.credentials !== 'function') {
    // Not shown: it may be the secret itself.
    refuse('credentials must be a function that gives { username?, password, expiresAt? }.');
  }
  return {
    target: resolveTarget(given),
    natMap: given.natMap,
    credentials: given.credentials,
    layout: new KeyLayout(given.keyPrefix, vipGroups === 'recorded' ? {} : vipGroups),
    takesRecordedGroups: vipGroups === 'recorded',
    vipGroupsRecord: checkWord('vipGroupsRecord', vipGroupsRecord, RECORD_MODES),
    batchTtlSeconds: checkTtlSeconds('batchTtlSeconds', given.batchTtlSeconds),
    streamingTtlSeconds: checkTtlSeconds('streamingTtlSeconds', given.streamingTtlSeconds),
    timeoutMs: Math.min(checkTimeoutMs('timeoutMs', given.timeoutMs), MAX_TIMEOUT_MS),
    connectTimeoutMs: Math.min(
      checkTimeoutMs('connectTimeoutMs', given.connectTimeoutMs),
      MAX_TIMEOUT_MS,
    ),
    warmUp: given.warmUp,
    onShardDown: given.onShardDown,
  };
}

function checkNatMap(natMap: unknown): void {
  if (!isRecord(natMap)) {
    refuse(`natMap must be an object of { host, port } by address, but is ${show(natMap)}.`);
  }
  for (const [address, to] of Object.entries(natMap)) {
    const { host, port }: { host?: unknown; port?: unknown } = isRecord(to) ? to : {};
    const path = pathTo('natMap', address);
    if (typeof host !== 'string' || !isHost(host)) refuse(`${path}.host must be a name.`);
    checkInteger(`${path}.port`, port, { min: 1, max: MAX_PORT });
  }
}

function resolveTarget({
  nodes,
  redis,
  redisOptions,
  credentials,
}: FeatureStoreOptions): ResolvedOptions['target'] {
  if (redis !== undefined) {
    if (nodes !== undefined) refuse('nodes and redis contradict each other: give one of them.');
    if (redisOptions !== undefined) {
      refuse('redisOptions goes with nodes; a given redis keeps the options it was made with.');
    }
    return { redis: ownRedis(redis) };
  }
  if (nodes === undefined) {
    refuse("Give nodes, such as ['redis://127.0.0.1:7000'], or redis, an ioredis object.");
  }
  if (!Array.isArray(nodes) || nodes.length === 0) {
    refuse(`nodes must be an array with at least one address, but is ${showKind(nodes)}.`);
  }
  if (nodes.length > MAX_NODES) {
    refuse(`nodes has ${nodes.length} addresses; the limit is ${MAX_NODES}. A few are enough.`);
  }
  if (redisOptions !== undefined) checkRedisOptions(redisOptions);
  const seeds = [...nodes].map((node, i) => parseSeed(`nodes[${i}]`, node, redisOptions));
  checkSeeds(seeds, credentials !== undefined);
  return { seeds };
}

/** What one says of a connection holds for all, as any of them may be the first to answer. */
function checkSeeds(seeds: readonly Seed[], hasCredentials: boolean): void {
  for (const [i, { redisOptions }] of seeds.entries()) {
    if (redisOptions.db !== seeds[0]?.redisOptions.db) {
      refuse(`nodes[${i}] names another database than nodes[0]; name one for all, or none.`);
    }
    if (hasCredentials && (redisOptions.username ?? redisOptions.password) !== undefined) {
      refuse(
        `credentials, and a username or password in nodes[${i}] or redisOptions, contradict each ` +
          'other: give one of them.',
      );
    }
  }
}

function ownRedis(redis: unknown): Cluster | Redis {
  if (typeof redis !== 'object' || redis === null) {
    refuse(`redis must be an ioredis Cluster or Redis, but is ${showKind(redis)}.`);
  }
  const judgement = judgeRedis(redis);
  if ('trouble' in judgement) refuse(`redis ${judgement.trouble}.`);
  return judgement.redis;
}

/** Whether it could be a name or an address; what is in the DNS is not asked here. */
function isHost(host: string): boolean {
  return /^[^\s\p{Cc}\p{Surrogate}]+$/u.test(host) && host.length <= MAX_HOST_CHARACTERS;
}

const NODE_FORMS = "'redis://host:port', 'rediss://host:port' or 'host:port'";

function parseSeed(path: string, node: unknown, redisOptions: RedisOptions = {}): Seed {
  if (typeof node !== 'string') refuse(`${path} must be a string, but is ${show(node)}.`);
  if (!node.includes('://')) {
    // Not shown: what is meant to be a URL may hold a password.
    if (/[@/?#]/.test(node)) refuse(`${path} is not an address; write ${NODE_FORMS}.`);
    const place = parseAddress(node);
    if (place && isHost(place.host)) return { ...place, redisOptions };
    return refuse(`${path} ${show(node)} is not an address; write ${NODE_FORMS}.`);
  }
  const url = URL.canParse(node) ? new URL(node) : undefined;
  // The URL may hold a password, so the message does not show it.
  if (!url || !isHost(url.hostname)) refuse(`${path} is not a valid URL; write ${NODE_FORMS}.`);
  if (url.protocol !== 'redis:' && url.protocol !== 'rediss:') {
    refuse(`${path} has the protocol ${show(url.protocol)}; write ${NODE_FORMS}.`);
  }
  if (url.search !== '' || url.hash !== '') {
    refuse(
      `${path} has a '?' or '#' part, which nobody reads; a '#' in a password is written %23.`,
    );
  }
  if (url.port === '0') refuse(`${path} has port 0; a port is 1 to 65535.`);
  const db = databaseOf(path, url.pathname, redisOptions.db);
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? 6379 : Number(url.port),
    redisOptions: {
      ...redisOptions,
      ...(url.username === '' ? {} : { username: decode(path, url.username) }),
      ...(url.password === '' ? {} : { password: decode(path, url.password) }),
      ...(url.protocol === 'rediss:' ? { tls: redisOptions.tls ?? {} } : {}),
      ...(db === undefined || db === 0 ? {} : { db }),
    },
  };
}

/** @param given in redisOptions */
function databaseOf(path: string, pathname: string, given: number | undefined): number | undefined {
  const digits = pathname.replace(/^\//, '');
  if (digits === '') return given;
  if (!/^\d+$/.test(digits)) refuse(`${path} has a path that is no database number.`);
  const db = checkDatabase(`${path}'s database`, Number(digits));
  if (given !== undefined && given !== db) {
    refuse(`${path} names database ${db}, and redisOptions.db ${given}: name one of them.`);
  }
  return db;
}

function decode(path: string, escaped: string): string {
  try {
    return decodeURIComponent(escaped);
  } catch {
    return refuse(
      `${path} has a user or password with a '%' that is not an escape; write it as %25.`,
    );
  }
}

function withoutUndefined<T extends object>(options: T): T {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as T;
}
