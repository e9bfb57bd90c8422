/**
 * The entities that every rival reads: the same for the same seed, each computed from its number
 * alone, so that any row can be checked without a copy of the data. Ids carry 12 digits because
 * that is what redis-benchmark puts in place of `__rand_int__`.
 */

import { seededRandom } from '../src/synthetic/seeded-random.ts';

export type Value = string | number;
export type Entity = Readonly<Record<string, Value>>;
export type EntityRow = readonly [id: string, features: Entity];

const ID_DIGITS = 12;
const NARROW_COUNT = 100_000;
const WIDE_COUNT = 20_000;
const WIDE_FEATURE_COUNT = 50;

const COUNTRIES = ['US', 'GB', 'DE', 'FR', 'BR', 'IN', 'JP', 'AU', 'CA', 'NL'] as const;
const DEVICES = ['ios-4c1e', 'ios-b7d0', 'android-2fa9', 'android-93ce', 'web-5d18'] as const;
/** A moment near the one at which the data was made up; fixed, as the data is. */
const EPOCH_MS = 1_760_000_000_000;

/** Entities of one shape, at `{prefix}u000000000000` and on. */
export interface EntitySet {
  readonly name: string;
  readonly prefix: string;
  readonly count: number;
  /** What a read asks for. */
  readonly readNames: readonly string[];
  readonly featureCount: number;
  entity(index: number): Entity;
}

export function idOf(index: number): string {
  return `u${String(index).padStart(ID_DIGITS, '0')}`;
}

/** 11 features, as the demo has them: six of a nightly job and five of a stream; six are read. */
export function narrowSet(seed: number): EntitySet {
  return {
    name: '6 of 11 features',
    prefix: 'fs:user:',
    count: NARROW_COUNT,
    readNames: [
      'country_iso',
      'risk_segment',
      'account_age_days',
      'avg_amount_30d',
      'tx_count_5m',
      'last_device_id',
    ],
    featureCount: 11,
    entity: (index) => ({ ...batchFeatures(seed, index), ...streamFeatures(seed, index) }),
  };
}

/** 50 numeric features, all of them read. */
export function wideSet(seed: number): EntitySet {
  const names = Array.from({ length: WIDE_FEATURE_COUNT }, (_, at) => `feature_${at}_30d`);
  return {
    name: '50 of 50 features',
    prefix: 'fs:wide:',
    count: WIDE_COUNT,
    readNames: names,
    featureCount: WIDE_FEATURE_COUNT,
    entity: (index) => {
      const random = seededRandom(mix(seed, index, 3));
      return Object.fromEntries(names.map((name) => [name, random.integer(0, 9_999_999) / 1_000]));
    },
  };
}

/** What a nightly job writes for an entity. */
export function batchFeatures(seed: number, index: number): Entity {
  const random = seededRandom(mix(seed, index, 1));
  return {
    country_iso: random.pick(COUNTRIES),
    risk_segment: random.pick(['low', 'low', 'low', 'medium', 'high']),
    account_age_days: random.integer(7, 2_400),
    tx_count_7d: random.integer(0, 80),
    avg_amount_30d: random.integer(500, 35_000) / 100,
    chargeback_count_180d: random.integer(0, 3),
  };
}

/** What an event writes for an entity. */
export function streamFeatures(seed: number, index: number): Entity {
  const random = seededRandom(mix(seed, index, 2));
  return {
    last_login_ts: EPOCH_MS + random.integer(0, 86_400_000),
    last_device_id: random.pick(DEVICES),
    tx_count_5m: random.integer(0, 12),
    failed_logins_15m: random.integer(0, 5),
    session_country: random.pick(COUNTRIES),
  };
}

/** Indexes of a set, drawn evenly: the same for the same seed. */
export function drawIndexes(seed: number, count: number, below: number): number[] {
  const random = seededRandom(mix(seed, count, 4));
  return Array.from({ length: count }, () => random.integer(0, below - 1));
}

function mix(seed: number, index: number, purpose: number): number {
  return Math.imul(seed + purpose * 0x9e37, 0x85eb_ca6b) ^ Math.imul(index + 1, 0xc2b2_ae35);
}
