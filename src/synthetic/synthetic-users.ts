/**
 * Made-up users, in place of a warehouse and an event stream. The same seed gives the same rows;
 * user n has the same features however many users are asked for.
 */

import type { Features } from '../index.ts';
import { seededRandom, type Random } from './seeded-random.ts';

/** What a nightly job computes: under the key TTL of the entity. */
export const DEFAULT_BATCH_FEATURES = [
  'country_iso',
  'risk_segment',
  'account_age_days',
  'tx_count_7d',
  'avg_amount_30d',
  'chargeback_count_180d',
] as const;

/** What an event stream keeps fresh: each under a field TTL of its own. */
export const DEFAULT_STREAMING_FEATURES = [
  'last_login_ts',
  'last_device_id',
  'tx_count_5m',
  'failed_logins_15m',
  'session_country',
] as const;

const COUNTRIES = ['US', 'GB', 'DE', 'FR', 'BR', 'IN', 'JP', 'AU', 'CA', 'NL'] as const;

const DEVICES = [
  'ios-4c1e',
  'ios-b7d0',
  'android-2fa9',
  'android-93ce',
  'web-5d18',
  'web-e06b',
  'tablet-71f4',
] as const;

/** Width of the number in `u0001`; numbers past it are longer, not cut. */
const ID_DIGITS = 4;

export interface SyntheticUsersOptions {
  readonly count: number;
  /** @default 42 */
  readonly seed?: number;
}

/** Users `u0001`, `u0002`, …, one at a time, so that millions need no memory. */
export function* synthesizeUsers({
  count,
  seed = 42,
}: SyntheticUsersOptions): Generator<[id: string, features: Features]> {
  const random = seededRandom(seed);
  for (let number = 1; number <= count; number++) {
    yield [`u${String(number).padStart(ID_DIGITS, '0')}`, batchFeatures(random)];
  }
}

function batchFeatures(random: Random): Features & Record<BatchFeature, string | number> {
  return {
    country_iso: random.pick(COUNTRIES),
    risk_segment: random.weighted([
      ['low', 70],
      ['medium', 25],
      ['high', 5],
    ]),
    account_age_days: random.integer(7, 2400),
    tx_count_7d: random.integer(0, 80),
    avg_amount_30d: random.integer(500, 35_000) / 100,
    chargeback_count_180d: random.weighted([
      [0, 85],
      [1, 10],
      [2, 4],
      [3, 1],
    ]),
  };
}

/** The streaming features of one user, as of one event. */
export function syntheticEvent(
  random: Random,
  nowMs: number,
): Features & Record<StreamingFeature, string | number> {
  return {
    last_login_ts: nowMs,
    last_device_id: random.pick(DEVICES),
    tx_count_5m: random.integer(0, 12),
    failed_logins_15m: random.weighted([
      [0, 70],
      [1, 20],
      [2, 8],
      [5, 2],
    ]),
    session_country: random.pick(COUNTRIES),
  };
}

export type BatchFeature = (typeof DEFAULT_BATCH_FEATURES)[number];
export type StreamingFeature = (typeof DEFAULT_STREAMING_FEATURES)[number];
