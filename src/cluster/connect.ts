/**
 * From what the caller names, or already holds, to something to stand on: is it a cluster or one
 * server, and does it let us in? Errors name addresses and the server's words, never a credential:
 * ioredis's own errors carry the arguments of AUTH, so they are not passed on as causes.
 */

import { Cluster, isCluster, Redis, type RedisOptions } from './ioredis.ts';
import { FeatureStoreError } from '../errors.ts';
import { formatAddress, type HostAndPort } from './address.ts';
import { Connection } from './connection.ts';
import type { ClusterLimits } from './options.ts';
import { serverWords } from './server-words.ts';
import { LATE, orLate } from './timer.ts';
import type { ConnectionMode, NatMap, Underlay } from './underlay.ts';

/** A node to begin with; what its URL says of credentials holds for every node. */
export interface Seed extends HostAndPort {
  readonly redisOptions: RedisOptions;
}

export interface ConnectSettings {
  readonly limits: ClusterLimits;
  readonly connectTimeoutMs: number;
  readonly natMap: NatMap | undefined;
  /** Whether the lanes are opened at once, not on first use. */
  readonly warmUp: boolean;
}

/** Connects to some nodes of a cluster, or to one standalone server. */
export async function connectNodes(
  seeds: readonly Seed[],
  settings: ConnectSettings,
): Promise<Connection> {
  const { seed, mode } = await firstAnswer(seeds, settings.connectTimeoutMs);
  if (mode === 'standalone' && seeds.length > 1) {
    throw new FeatureStoreError(
      'INVALID_OPTION',
      `nodes names ${seeds.length} servers, but ${formatAddress(seed)} is not part of a cluster; ` +
        'name one standalone server, or nodes of one cluster.',
    );
  }
  const redis = mode === 'cluster' ? openCluster(seed, settings) : openServer(seed);
  const { natMap } = settings;
  return start({ mode, redis, owned: true, natMap, seeds: seeds.map(formatAddress) }, settings);
}

/** Stands on an ioredis object that the caller made, and keeps. */
export async function adopt(
  redis: Cluster | Redis,
  settings: ConnectSettings,
): Promise<Connection> {
  if (redis.options.keyPrefix) {
    throw new FeatureStoreError(
      'INVALID_OPTION',
      `redis.options.keyPrefix '${redis.options.keyPrefix}' would be put before every key a second ` +
        "time; leave it out and use the store's own keyPrefix.",
    );
  }
  if (redis.status === 'wait') redis.connect().catch(() => undefined);
  const natMap: NatMap | undefined =
    settings.natMap ?? (isCluster(redis) ? (redis.options.natMap ?? undefined) : undefined);
  const mode = isCluster(redis) ? 'cluster' : await modeOf(redis, settings.connectTimeoutMs);
  return start({ mode, redis, owned: false, natMap, seeds: [] }, settings);
}

async function start(underlay: Underlay, settings: ConnectSettings): Promise<Connection> {
  const connection = new Connection(underlay, settings.limits);
  const { mode, redis } = underlay;
  try {
    if (isCluster(redis)) await clusterReady(redis, settings.connectTimeoutMs);
    if (mode === 'cluster') await connection.refresh();
    if (connection.topology.coveredSlotCount === 0) {
      throw new FeatureStoreError(
        'CONNECT_FAILED',
        'The cluster answers, but no node owns a slot: create it first (redis-cli --cluster create).',
      );
    }
    if (settings.warmUp) await warmUp(connection, settings.connectTimeoutMs);
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** A node that does not open in time is left for the call that needs it. */
async function warmUp(connection: Connection, timeoutMs: number): Promise<void> {
  await orLate(timeoutMs, connection.warmUp());
}

async function firstAnswer(
  seeds: readonly Seed[],
  timeoutMs: number,
): Promise<{ seed: Seed; mode: ConnectionMode }> {
  const attempts = seeds.map(async (seed) => ({ seed, mode: await probe(seed, timeoutMs) }));
  try {
    return await Promise.any(attempts);
  } catch (error) {
    const reasons =
      error instanceof AggregateError ? error.errors.map(messageOf) : [messageOf(error)];
    const denied = reasons.some((reason) => /NOAUTH|WRONGPASS|NOPERM/.test(reason));
    throw new FeatureStoreError(
      denied ? 'ACCESS_DENIED' : 'CONNECT_FAILED',
      `No node could be used: ${seeds.map((seed, i) => `${formatAddress(seed)}: ${reasons[i]}`).join('; ')}. ` +
        (denied
          ? 'Check redisOptions.username and redisOptions.password, and the ACL in docs/operations.md.'
          : 'Check that the server runs, its address, and tls.'),
    );
  }
}

/** Asks one node what it is, on a connection that is closed again. */
async function probe(seed: Seed, timeoutMs: number): Promise<ConnectionMode> {
  const redis = new Redis({
    ...seed.redisOptions,
    host: seed.host,
    port: seed.port,
    lazyConnect: true,
    enableReadyCheck: false,
    retryStrategy: null,
    maxRetriesPerRequest: 0,
    replyMapping: 'legacy',
  });
  let trouble = '';
  redis.on('error', (error: Error) => {
    trouble ||= messageOf(error);
  });
  try {
    return await modeOf(redis, timeoutMs);
  } catch (error) {
    throw new Error(trouble || messageOf(error));
  } finally {
    redis.disconnect();
  }
}

async function modeOf(redis: Redis, timeoutMs: number): Promise<ConnectionMode> {
  try {
    await within(timeoutMs, redis.call('CLUSTER', 'SLOTS'));
    return 'cluster';
  } catch (error) {
    if (/cluster support disabled|unknown command/i.test(messageOf(error))) return 'standalone';
    throw error instanceof FeatureStoreError ? error : new Error(messageOf(error));
  }
}

/** By the seed that answered: ioredis would ask them one after the other, and wait for each. */
function openCluster(seed: Seed, settings: ConnectSettings): Cluster {
  const { redisOptions } = seed;
  const { natMap } = settings;
  const cluster = new Cluster([{ host: seed.host, port: seed.port }], {
    redisOptions: { ...redisOptions, replyMapping: 'legacy' },
    // Our own readiness is a slot table; one dead shard shall not keep the others from serving.
    enableReadyCheck: false,
    slotsRefreshTimeout: settings.connectTimeoutMs,
    ...(natMap === undefined ? {} : { natMap }),
    // Certificates speak of names: with TLS the names of the seeds are not resolved first.
    ...(redisOptions.tls ? { dnsLookup: (name, done) => done(null, name) } : {}),
  });
  // The lanes report what matters; without a listener ioredis would print every failed attempt.
  cluster.on('error', () => undefined);
  return cluster;
}

function openServer(seed: Seed): Redis {
  const redis = new Redis({
    ...seed.redisOptions,
    host: seed.host,
    port: seed.port,
    lazyConnect: true,
    replyMapping: 'legacy',
  });
  redis.on('error', () => undefined);
  return redis;
}

async function clusterReady(cluster: Cluster, timeoutMs: number): Promise<void> {
  if (cluster.status === 'ready') return;
  let onReady = (): void => undefined;
  const ready = new Promise<void>((resolve) => {
    onReady = resolve;
    cluster.once('ready', onReady);
  });
  try {
    await within(timeoutMs, ready);
  } finally {
    cluster.off('ready', onReady); // it may be the caller's, who keeps it
  }
}

async function within<T>(timeoutMs: number, promise: Promise<T>): Promise<T> {
  const answer = await orLate(timeoutMs, promise);
  if (answer !== LATE) return answer;
  const message = `No answer within connectTimeoutMs ${timeoutMs}`;
  throw new FeatureStoreError('CONNECT_FAILED', message);
}

function messageOf(error: unknown): string {
  return serverWords(error instanceof Error ? error.message : String(error));
}
