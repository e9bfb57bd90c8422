/**
 * The options that connections are opened with: what the caller gave, by the table
 * (option-table.ts), and what the store decides by itself. Whatever the table does not call obeyed
 * never comes to a connection.
 */

import { FeatureStoreError } from '../../errors.ts';
import { isCluster, type Cluster, type Redis, type RedisOptions } from '../lanes/ioredis.ts';
import { serverWords } from '../routing/server-words.ts';
import { CLUSTER_OPTIONS, REDIS_OPTIONS } from './option-table.ts';

/**
 * The options that the table calls obeyed; those that it has no row for are a `Connector`'s own.
 */
export function obeyedOf(given: RedisOptions): RedisOptions {
  const rows: Readonly<Record<string, { readonly redis: string }>> = REDIS_OPTIONS;
  const kept = Object.entries(given).filter(
    ([name, value]) =>
      value !== undefined && (!Object.hasOwn(rows, name) || rows[name]?.redis === 'obeyed'),
  );
  return Object.fromEntries(kept) as RedisOptions;
}

/** The template that a given object is. The nodes of a Cluster are reached by their addresses. */
export function templateOf(redis: Cluster | Redis, mode: 'cluster' | 'standalone'): RedisOptions {
  if (isCluster(redis)) {
    const { redisOptions } = redis.options;
    // A node of its own has what only ioredis knows, such as the name that TLS checks.
    const node = redis.nodes('all')[0]?.options;
    return withoutPlace(obeyedOf({ ...redisOptions, ...node }));
  }
  const options = obeyedOf(redis.options);
  // The database that SELECT has chosen since the object was made.
  const db = redis.condition?.select ?? options.db ?? 0;
  return mode === 'cluster' ? withoutPlace({ ...options, db }) : { ...options, db };
}

function withoutPlace(options: RedisOptions): RedisOptions {
  const { host: _, port: __, path: ___, sentinels: ____, ...rest } = options;
  return rest;
}

/** @throws FeatureStoreError INVALID_OPTION an option of a given object does not go with a store */
export function checkOwnRedis(redis: Cluster | Redis): void {
  const rows: Readonly<Record<string, { readonly redis: string; readonly why: string }>> =
    isCluster(redis) ? CLUSTER_OPTIONS : REDIS_OPTIONS;
  const options: object = redis.options;
  for (const [name, { redis: treatment, why }] of Object.entries(rows)) {
    if (treatment !== 'refused' || !Reflect.get(options, name)) continue;
    // A prefix is no secret; another value may be.
    const value = name === 'keyPrefix' ? ` '${String(Reflect.get(options, name))}'` : '';
    refuse(`redis.options.${name}${value} does not go with a store. ${why}`);
  }
  if (isCluster(redis) && redis.options.redisOptions) {
    const inner = redis.options.redisOptions as RedisOptions;
    if (inner.keyPrefix) refuse('redis.options.redisOptions.keyPrefix does not go with a store.');
  }
}

/**
 * ioredis goes on in database 0 where SELECT is refused, and rows would land there.
 * @throws FeatureStoreError INVALID_OPTION
 */
export async function checkDatabase(
  redis: Redis,
  mode: 'cluster' | 'standalone',
  db = 0,
): Promise<void> {
  if (db === 0) return;
  try {
    await redis.call('SELECT', String(db));
  } catch (error) {
    const words = serverWords(error instanceof Error ? error.message : String(error));
    // No cause: ioredis's errors hold the arguments of commands.
    // oxlint-disable-next-line preserve-caught-error
    if (!words.startsWith('ERR ')) throw new Error(words);
    refuse(
      `There is no database ${db} here: '${words}'. ` +
        (mode === 'cluster'
          ? 'A cluster has database 0 alone, but for Valkey 9 with cluster-databases above 1.'
          : "The server's setting databases says how many there are."),
    );
  }
}

function refuse(message: string): never {
  throw new FeatureStoreError('INVALID_OPTION', message);
}
