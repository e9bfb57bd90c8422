/**
 * From what the caller names, or already holds, to something to stand on: is it a cluster or one
 * server, and does it let us in? Until `connectTimeoutMs` it goes on trying, as servers, names and
 * clusters may come later than the process that needs them; what cannot change by itself, such as wrong
 * credentials, is reported at once. Errors name addresses and the server's words, never a credential:
 * ioredis's own errors carry the arguments of AUTH, so they are not passed on as causes.
 */

import { Cluster, isCluster, Redis } from './ioredis.ts';
import { FeatureStoreError } from '../errors.ts';
import { formatAddress } from './address.ts';
import { Connection } from './connection.ts';
import { explained, isDenial, isFinal } from './first-words.ts';
import type { ClusterLimits } from './options.ts';
import { Patience } from './patience.ts';
import { searchSeeds, type Seed } from './seed-search.ts';
import { SLOT_COUNT } from './slot.ts';
import { addressOf, reachBy, type ConnectionMode, type NatMap, type Underlay } from './underlay.ts';

export type { Seed } from './seed-search.ts';

export interface ConnectSettings {
  readonly limits: ClusterLimits;
  readonly connectTimeoutMs: number;
  readonly natMap: NatMap | undefined;
  /** Whether the lanes are opened at once, not on first use. */
  readonly warmUp: boolean;
  /** Gives up when it fires. */
  readonly signal?: AbortSignal | undefined;
}

/** A cluster of which some slots have no owner may be one that is being made: it has this long. */
const SETTLE_MS = 2_000;

/** ioredis knows no way to nodes that announce no host; the store asks them itself. */
const OWN_CLUSTER_MS = 1_000;

/** Connects to some nodes of a cluster, or to one standalone server. */
export function connectNodes(
  seeds: readonly Seed[],
  settings: ConnectSettings,
): Promise<Connection> {
  const { natMap } = settings;
  return patiently(settings, async (patience) => {
    const { seed, mode } = await searchSeeds(seeds, patience, reachBy(natMap));
    const redis = mode === 'cluster' ? openCluster(seed, settings) : openServer(seed);
    const addresses = seeds.map(formatAddress);
    return start({ mode, redis, owned: true, natMap, seeds: addresses }, settings, patience);
  });
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
  const natMap: NatMap | undefined =
    settings.natMap ?? (isCluster(redis) ? (redis.options.natMap ?? undefined) : undefined);
  const isOurs = isUnopened(redis); // to close again, where nothing comes of it
  return patiently(settings, async (patience) => {
    try {
      const mode = isCluster(redis) ? 'cluster' : await modeOf(redis, patience);
      return await start({ mode, redis, owned: false, natMap, seeds: [] }, settings, patience);
    } catch (error) {
      if (isOurs) redis.disconnect();
      throw error;
    }
  });
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
    connection.close();
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
  const connection = new Connection(underlay, settings.limits);
  const { mode, redis } = underlay;
  try {
    if (isCluster(redis)) await clusterReady(redis, underlay.owned, patience);
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

/** Asks the caller's own object, which may not be connected yet, or not any more. */
async function modeOf(redis: Redis, patience: Patience): Promise<ConnectionMode> {
  let trouble = '';
  const listen = (error: Error): void => void (trouble ||= error.message);
  redis.on('error', listen);
  try {
    for (let times = 0; !patience.isOver; times++) {
      trouble = '';
      if (isUnopened(redis)) redis.connect().catch(() => undefined);
      try {
        await patience.within(patience.attemptMs, redis.call('CLUSTER', 'SLOTS'));
        return 'cluster';
      } catch (error) {
        const said = error instanceof Error ? error.message : String(error);
        if (/cluster support disabled|unknown command/i.test(said)) return 'standalone';
        noteWords(patience, addressOf(redis), trouble || said);
      }
      await patience.pause(times);
    }
  } finally {
    redis.off('error', listen);
  }
  throw patience.error();
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

/** ioredis goes on trying by itself, unless it has given up. The store's own object is not waited for long. */
async function clusterReady(cluster: Cluster, owned: boolean, patience: Patience): Promise<void> {
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
    if (owned) return await patience.within(OWN_CLUSTER_MS, ready).catch(() => undefined);
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
