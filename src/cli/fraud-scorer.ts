/**
 * The scorer that `fstore score` takes when none is named: the chance that a user's next payment is
 * fraud, by logistic regression over the features of the demo.
 *
 *   score = 1 / (1 + e^-z),   z = INTERCEPT + Σ coefficient × value
 *
 * The coefficients are plausible, not trained: they show what a scorer looks like. A feature that
 * is absent, because it expired or never came, or that is no number, adds nothing to z.
 */

import type { FeatureRow } from '../index.ts';

/** z of a user of whom nothing speaks for fraud: a score of about 1.1 %. */
const INTERCEPT = -4.5;

/** What one unit of the feature adds to z. */
const COEFFICIENTS: readonly (readonly [feature: string, perUnit: number, unit: number])[] = [
  ['account_age_days', -0.35, 365], // per year: an old account is a safer one
  ['tx_count_7d', 0.01, 1], // per payment of the week
  ['avg_amount_30d', 0.2, 100], // per 100 of the usual amount
  ['chargeback_count_180d', 1.1, 1], // per chargeback: the strongest sign of all
  ['tx_count_5m', 0.18, 1], // per payment of the last minutes: card testing comes in bursts
  ['failed_logins_15m', 0.45, 1], // per failed login: someone guesses the password
];

/** What a segment adds to z; low is the baseline. */
const RISK_SEGMENTS: ReadonlyMap<string, number> = new Map([
  ['low', 0],
  ['medium', 0.7],
  ['high', 1.6],
]);

/** Added to z when the login comes from another country than the user's. */
const FOREIGN_COUNTRY = 0.8;

export const features: readonly string[] = [
  'country_iso',
  'risk_segment',
  ...COEFFICIENTS.map(([feature]) => feature),
  'session_country',
];

export function score(rows: readonly FeatureRow[]): number[] {
  return rows.map(fraudProbability);
}

function fraudProbability(row: FeatureRow): number {
  let z = INTERCEPT;
  for (const [feature, perUnit, unit] of COEFFICIENTS) {
    const value = Number(valueOf(row, feature) ?? 0);
    if (Number.isFinite(value)) z += perUnit * (value / unit);
  }
  z += RISK_SEGMENTS.get(valueOf(row, 'risk_segment') ?? '') ?? 0;
  const [home, seen] = [valueOf(row, 'country_iso'), valueOf(row, 'session_country')];
  if (home !== undefined && seen !== undefined && home !== seen) z += FOREIGN_COUNTRY;
  return 1 / (1 + Math.exp(-z));
}

/**
 * Asked for as every scorer should: a row is an object, which has a `constructor` though no such
 * feature is there.
 */
function valueOf(row: FeatureRow, feature: string): string | undefined {
  return Object.hasOwn(row, feature) ? row[feature] : undefined;
}
