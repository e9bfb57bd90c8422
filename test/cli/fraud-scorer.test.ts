import { expect, it } from 'vitest';
import { features, score } from '../../src/cli/fraud-scorer.ts';
import {
  DEFAULT_BATCH_FEATURES,
  DEFAULT_STREAMING_FEATURES,
} from '../../src/synthetic/synthetic-users.ts';

it('reads features that the demo has', () => {
  const known = new Set<string>([...DEFAULT_BATCH_FEATURES, ...DEFAULT_STREAMING_FEATURES]);
  expect(features.filter((feature) => !known.has(feature))).toStrictEqual([]);
});

it('is the logistic function of the documented sum', () => {
  const row = {
    account_age_days: '730',
    avg_amount_30d: '50',
    chargeback_count_180d: '2',
    risk_segment: 'high',
    country_iso: 'DE',
    session_country: 'FR',
  };
  const z = -4.5 - 0.7 + 0.1 + 2.2 + 1.6 + 0.8;
  expect(score([row])[0]).toBeCloseTo(1 / (1 + Math.exp(-z)), 12);
});

it('takes what is absent or no number as neutral', () => {
  const [nothing] = score([{}]);
  expect(nothing).toBeCloseTo(1 / (1 + Math.exp(4.5)), 12);
  expect(score([{ tx_count_5m: 'many', risk_segment: '?', country_iso: 'DE' }])).toStrictEqual([
    nothing,
  ]);
});

it('rises with every sign of fraud', () => {
  const signs = [{ failed_logins_15m: '5' }, { tx_count_5m: '12' }, { risk_segment: 'medium' }];
  const [nothing = 1, ...scores] = score([{}, ...signs]);
  for (const value of scores) expect(value).toBeGreaterThan(nothing);
});

it('asks a row for its own features alone', () => {
  const inherited = Object.create({ chargeback_count_180d: '9', risk_segment: 'high' }) as object;
  expect(score([{ ...inherited }, inherited as Record<string, string>])).toStrictEqual(
    score([{}, {}]),
  );
});
