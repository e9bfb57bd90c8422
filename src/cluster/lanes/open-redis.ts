/** Opens connections of ioredis: for a lane, or for a few questions. Nothing else in the package does. */

import { FeatureStoreError } from '../../errors.ts';
import { parseAddress, type Address } from '../address.ts';
import { Redis, type RedisOptions } from './ioredis.ts';
import { LoginRedis, type LoginSource } from './login.ts';
import { inRealTime } from './real-time.ts';

/** What a given ioredis object, or `nodes` and `redisOptions`, say of every connection. */
export interface ConnectionTemplate {
  readonly options: RedisOptions;
  /** Gives what each login says, where it changes. */
  readonly credentials: LoginSource | undefined;
}

/** What the store decides by itself, of every connection. */
const FIXED: RedisOptions = {
  lazyConnect: true,
  readOnly: false,
  // What was under way when the connection closed is the dispatcher's to decide about.
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  // LOADING comes as a reply, and is treated as one.
  enableReadyCheck: false,
};

/** A lane: its connection reopens by itself, in the pace of wire.ts, and ioredis queues nothing. */
export function openLane(template: ConnectionTemplate, to: Address, purpose: string): Redis {
  const { options } = template;
  return open(template, {
    ...options,
    ...placeOf(options, to),
    ...FIXED,
    // CLIENT LIST then says what a connection is for.
    connectionName: `${options.connectionName ?? 'fstore'}:${purpose}`,
    enableOfflineQueue: false,
  });
}

/** A connection for a few questions, that is closed again. Its first failure is its last. */
export function openProbe(template: ConnectionTemplate, to?: Address): Redis {
  const { options } = template;
  const place = to === undefined ? {} : placeOf(options, to);
  // Database 0 is always there; whether another one is, `checkDatabase` asks.
  return open(template, { ...options, ...place, ...FIXED, retryStrategy: null, db: 0 });
}

/**
 * @throws FeatureStoreError INVALID_OPTION ioredis, or the caller's `Connector`, refuses the
 * options
 */
function open({ credentials }: ConnectionTemplate, options: RedisOptions): Redis {
  try {
    return inRealTime(
      credentials
        ? new LoginRedis(options, credentials)
        : new Redis({ ...options, replyMapping: 'legacy' }),
    );
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    throw new FeatureStoreError('INVALID_OPTION', `ioredis refuses its options: ${words}`, {
      cause: error,
    });
  }
}

/** One server may be reached by a socket's path or by sentinels, which its options name. */
function placeOf(options: RedisOptions, to: Address): RedisOptions {
  const place = parseAddress(to);
  if (options.sentinels || place === undefined) return {};
  return place;
}
