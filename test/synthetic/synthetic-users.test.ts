import { describe, expect, test } from 'vitest';
import { sample, seededRandom } from '../../src/synthetic/seeded-random.ts';
import {
  DEFAULT_BATCH_FEATURES,
  DEFAULT_STREAMING_FEATURES,
  synthesizeUsers,
  syntheticEvent,
} from '../../src/synthetic/synthetic-users.ts';

describe('synthetic users', () => {
  test('are the same for the same seed, and others for another', () => {
    const users = [...synthesizeUsers({ count: 50 })];
    expect([...synthesizeUsers({ count: 50, seed: 42 })]).toEqual(users);
    expect([...synthesizeUsers({ count: 50, seed: 43 })]).not.toEqual(users);
  });

  test('a user does not depend on how many are asked for', () => {
    expect([...synthesizeUsers({ count: 500 })].slice(0, 50)).toEqual([
      ...synthesizeUsers({ count: 50 }),
    ]);
  });

  test('the first one stays what it is from version to version', () => {
    expect(synthesizeUsers({ count: 1 }).next().value).toMatchInlineSnapshot(`
      [
        "u0001",
        {
          "account_age_days": 2047,
          "avg_amount_30d": 65.31,
          "chargeback_count_180d": 0,
          "country_iso": "JP",
          "risk_segment": "low",
          "tx_count_7d": 54,
        },
      ]
    `);
  });

  test('ids have four digits, and more where four are not enough', () => {
    const ids = [...synthesizeUsers({ count: 10_001 })].map(([id]) => id);
    expect([ids[0], ids[9], ids[9_998], ids[9_999], ids[10_000]]).toEqual([
      'u0001',
      'u0010',
      'u9999',
      'u10000',
      'u10001',
    ]);
    expect(new Set(ids).size).toBe(10_001);
  });

  test('come one at a time', () => {
    const users = synthesizeUsers({ count: Number.MAX_SAFE_INTEGER });
    expect(users.next().value?.[0]).toBe('u0001');
    expect([...synthesizeUsers({ count: 0 })]).toEqual([]);
  });

  test('have the six batch features, within their ranges', () => {
    for (const [, features] of synthesizeUsers({ count: 2_000 })) {
      expect(Object.keys(features)).toEqual([...DEFAULT_BATCH_FEATURES]);
      expect(features['country_iso']).toMatch(/^[A-Z]{2}$/);
      expect(wholeWithin(features['account_age_days'], 7, 2_400)).toBe(true);
      expect(wholeWithin(features['tx_count_7d'], 0, 80)).toBe(true);
      expect(String(features['avg_amount_30d'])).toMatch(/^\d{1,3}(\.\d{1,2})?$/);
      expect(Number(features['avg_amount_30d'])).toBeGreaterThanOrEqual(5);
      expect(Number(features['avg_amount_30d'])).toBeLessThanOrEqual(350);
    }
  });

  test('risk and chargebacks are spread as their weights say', () => {
    const users = [...synthesizeUsers({ count: 20_000 })].map(([, features]) => features);
    const shareOf = (name: string, value: string | number): number =>
      users.filter((features) => features[name] === value).length / users.length;
    expect(shareOf('risk_segment', 'low')).toBeCloseTo(0.7, 1);
    expect(shareOf('risk_segment', 'medium')).toBeCloseTo(0.25, 1);
    expect(shareOf('risk_segment', 'high')).toBeCloseTo(0.05, 1);
    for (const [value, weight] of [0.85, 0.1, 0.04, 0.01].entries()) {
      expect(Math.abs(shareOf('chargeback_count_180d', value) - weight)).toBeLessThan(0.015);
    }
  });
});

describe('synthetic events', () => {
  test('have the five streaming features and the time they were given', () => {
    const random = seededRandom(1337);
    for (let nowMs = 1; nowMs <= 500; nowMs++) {
      const event = syntheticEvent(random, nowMs);
      expect(Object.keys(event)).toEqual([...DEFAULT_STREAMING_FEATURES]);
      expect(event.last_login_ts).toBe(nowMs);
      expect(wholeWithin(event.tx_count_5m, 0, 12)).toBe(true);
      expect([0, 1, 2, 5]).toContain(event.failed_logins_15m);
    }
  });
});

describe('a sample', () => {
  const items = Array.from({ length: 20 }, (_, index) => index);

  test('has no item twice, and the items stay as they are', () => {
    const random = seededRandom(1);
    for (let round = 0; round < 200; round++) {
      expect(new Set(sample(random, items, 7)).size).toBe(7);
    }
    expect(items).toEqual(Array.from({ length: 20 }, (_, index) => index));
  });

  test('is all of them when there are no more', () => {
    expect(sample(seededRandom(1), items, 30).sort((left, right) => left - right)).toEqual(items);
    expect(sample(seededRandom(1), [], 5)).toEqual([]);
  });

  test('takes every item sooner or later', () => {
    const random = seededRandom(5);
    const seen = new Set<number>();
    for (let round = 0; round < 100; round++)
      for (const at of sample(random, items, 2)) seen.add(at);
    expect(seen.size).toBe(items.length);
  });
});

function wholeWithin(value: unknown, min: number, max: number): boolean {
  return Number.isInteger(value) && Number(value) >= min && Number(value) <= max;
}
