/**
 * From what the caller names, or already holds, to something to stand on: is it a cluster or one
 * server, and does it let us in? Until `connectTimeoutMs` it goes on trying, as servers, names and
 * clusters may come later than the process that needs them; what cannot change by itself, such as
 * wrong credentials, is reported at once. Errors name addresses and the server's words, never a
 * credential: ioredis's own errors carry the arguments of AUTH, so they are not passed on as
 * causes.
 */

import { FeatureStoreError } from '../../errors.ts';
import { formatAddress } from '../address.ts';
import { checkOwnRedis, obeyedOf, templateOf } from './connection-options.ts';
import { Connection } from './connection.ts';
import { CredentialsKeeper, type CredentialsFunction } from './credentials.ts';
import { explained, isDenial, isFinal } from '../lanes/first-words.ts';
import { isCluster, type Cluster, type Redis } from '../lanes/ioredis.ts';
import { type ClusterLimits, SETTLE_MS } from '../limits.ts';
import type { OnShardDown } from './shard-health.ts';
import { keepLoggedIn } from './own-login.ts';
import { Patience } from './patience.ts';
import { searchSeeds, type Seed } from './seed-search.ts';
import { SLOT_COUNT } from '../limits.ts';
import { addressOf, reachBy, type NatMap, type Underlay } from './underlay.ts';

// What the store names of the layers below.
export type { Cluster, IoredisClient, Redis, RedisOptions } from '../lanes/ioredis.ts';
export type { Shard } from '../routing/topology.ts';
export type { ShardStats } from './counters.ts';
export type { OnShardDown } from './shard-health.ts';
export type { Seed } from './seed-search.ts';
export type { ConnectionMode } from './underlay.ts';

export interface ConnectSettings {
  readonly limits: ClusterLimits;
  readonly connectTimeoutMs: number;
  readonly natMap: NatMap | undefined;
  /** Whether the lanes are opened at once, not on first use. */
  readonly warmUp: boolean;
  /** What becomes of rows whose shard is down; they wait where it is not given. */
  readonly onShardDown?: OnShardDown;
  /** Gives up when it fires. */
  readonly signal?: AbortSignal | undefined;
  /** Gives what a login says, where it changes. */
  readonly credentials: CredentialsKeeper | undefined;
}

/** Connects to what the caller names, or stands on what the caller holds. */
export async function connect(
  target: { readonly seeds: readonly Seed[] } | { readonly redis: Cluster | Redis },
  given: Omit<ConnectSettings, 'credentials'> & {
    readonly credentials: CredentialsFunction | undefined;
  },
): Promise<Connection> {
  const { credentials: ask, connectTimeoutMs } = given;
  const credentials = ask && new CredentialsKeeper(ask, connectTimeoutMs);
  const settings: ConnectSettings = { ...given, credentials };
  try {
    if ('seeds' in target) return await connectNodes(target.seeds, settings);
    return await adopt(target.redis, settings);
  } catch (error) {
    credentials?.close();
    throw error;
  }
}

/** Connects to some nodes of a cluster, or to one standalone server. */
export function connectNodes(
  seeds: readonly Seed[],
  settings: ConnectSettings,
): Promise<Connection> {
  const { natMap, credentials } = settings;
  return patiently(settings, async (patience) => {
    if (credentials) await firstCredentials(credentials, patience);
    const { seed, mode, topology } = await searchSeeds(
      seeds,
      patience,
      reachBy(natMap),
      credentials,
    );
    const options = obeyedOf(seed.redisOptions);
    const addresses = [seed, ...seeds.filter((other) => other !== seed)].map(formatAddress);
    const named = { natMap, credentials, own: undefined, seeds: addresses, reported: topology };
    return start({ mode, options: () => options, ...named }, settings, patience);
  });
}

/** Stands on an ioredis object that the caller made, and keeps: on its options, not its sockets. */
export async function adopt(
  redis: Cluster | Redis,
  settings: ConnectSettings,
): Promise<Connection> {
  checkOwnRedis(redis);
  const { credentials } = settings;
  const natMap: NatMap | undefined =
    settings.natMap ?? (isCluster(redis) ? (redis.options.natMap ?? undefined) : undefined);
  const isOurs = isCluster(redis) && isUnopened(redis); // to close again, where nothing comes of it
  return patiently(settings, async (patience) => {
    try {
      if (credentials) {
        await firstCredentials(credentials, patience);
        await keepLoggedIn(redis, credentials);
      }
      if (isCluster(redis)) await clusterReady(redis, patience);
      const nodes = isCluster(redis) ? redis.nodes('all') : [redis];
      const seeds = nodes.map((node) => seedOf(redis, node));
      const { seed, mode, topology } = await searchSeeds(
        seeds,
        patience,
        reachBy(natMap),
        credentials,
      );
      const options = isCluster(redis) ? () => templateOf(redis, mode) : () => seed.redisOptions;
      const addresses = nodes.map(addressOf);
      const named = { natMap, credentials, own: redis, seeds: addresses, reported: topology };
      return await start({ mode, options, ...named }, settings, patience);
    } catch (error) {
      if (isOurs) redis.disconnect();
      throw error;
    }
  });
}

/** A node of the caller's own. A Unix socket has its path for a host. */
function seedOf(own: Cluster | Redis, { options }: Redis): Seed {
  const redisOptions = templateOf(own, isCluster(own) ? 'cluster' : 'standalone');
  const { host = '127.0.0.1', port = 6379, path } = options;
  return path ? { host: path, port: 0, redisOptions } : { host, port, redisOptions };
}

/** Asked again until `connectTimeoutMs`; nonsense is reported at once. */
async function firstCredentials(credentials: CredentialsKeeper, patience: Patience): Promise<void> {
  for (let times = 0; ; times++) {
    try {
      await credentials.fresh();
      return;
    } catch (error) {
      const isNonsense = error instanceof FeatureStoreError && !error.retryable;
      if (isNonsense || patience.isOver) throw error;
      await patience.pause(times);
    }
  }
}

/** Runs the attempt until it ends or the signal fires. */
async function patiently(
  { connectTimeoutMs, signal }: ConnectSettings,
  attempt: (patience: Patience) => Promise<Connection>,
): Promise<Connection> {
  const patience = new Patience(connectTimeoutMs);
  const end = (): void => patience.end();
  signal?.addEventListener('abort', end);
  try {
    if (signal?.aborted) end();
    const connection = await attempt(patience);
    if (!signal?.aborted) return connection;
    await connection.close();
    throw patience.error();
  } catch (error) {
    if (!signal?.aborted) throw error;
    const reason = { cause: signal.reason };
    throw new FeatureStoreError('ABORTED', 'connect was aborted by its signal.', reason);
  } finally {
    signal?.removeEventListener('abort', end);
  }
}

async function start(
  underlay: Underlay,
  settings: ConnectSettings,
  patience: Patience,
): Promise<Connection> {
  const connection = new Connection(underlay, settings.limits, settings.onShardDown);
  const { mode } = underlay;
  try {
    if (mode === 'cluster') await settle(connection, patience);
    // A node that does not open in time is left for the call that needs it.
    const { leftMs } = patience;
    if (settings.warmUp) await patience.within(leftMs, connection.warmUp()).catch(() => undefined);
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** Until each slot has an owner; a cluster that lacks some for longer is used as it is. */
async function settle(connection: Connection, patience: Patience): Promise<void> {
  const fromMs = patience.elapsedMs;
  for (let times = 0; ; times++) {
    await patience.within(patience.leftMs, connection.refresh()).catch(() => undefined);
    const { coveredSlotCount } = connection.topology;
    if (coveredSlotCount === SLOT_COUNT) return;
    const isLate = patience.isOver || patience.elapsedMs - fromMs >= SETTLE_MS;
    if (coveredSlotCount > 0 && isLate) return;
    if (patience.isOver) throw patience.error();
    await patience.pause(times);
  }
}

/** ioredis goes on trying by itself, unless it has given up. */
async function clusterReady(cluster: Cluster, patience: Patience): Promise<void> {
  let denial: unknown;
  const listen = (error: Error, address: string): void => {
    try {
      noteWords(patience, address, error.message);
    } catch (refusal) {
      denial = refusal;
    }
  };
  let onReady = (): void => undefined;
  const ready = new Promise<void>((resolve) => (onReady = resolve));
  cluster.once('ready', onReady);
  cluster.on('node error', listen);
  try {
    for (let times = 0; cluster.status !== 'ready'; times++) {
      if (denial !== undefined) throw denial;
      if (patience.isOver) throw patience.error();
      if (isUnopened(cluster)) cluster.connect().catch(() => undefined);
      await Promise.race([ready, patience.pause(Math.min(times, 2))]);
    }
  } finally {
    cluster.off('ready', onReady);
    cluster.off('node error', listen);
  }
}

function isUnopened(redis: Cluster | Redis): boolean {
  return redis.status === 'wait' || redis.status === 'end';
}

/** @throws FeatureStoreError what the same attempt cannot bring right */
function noteWords(patience: Patience, address: string, words: string): void {
  patience.note(address, explained(words));
  if (!isFinal(words)) return;
  throw new FeatureStoreError(
    isDenial(words) ? 'ACCESS_DENIED' : 'CONNECT_FAILED',
    `${address} cannot be used: ${explained(words)}. Check the options of the ioredis object.`,
  );
}
