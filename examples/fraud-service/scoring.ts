/**
 * The model: features of a user → the chance that a payment of theirs is fraud. Pure, so that it is
 * tested by itself; the coefficients are made up.
 *
 * A feature may be absent: it has expired, or never came. Then it counts as in DEFAULTS, which
 * belong to the model as its coefficients do. A user of whom nothing is known is scored by them too.
 */

/** Text, as the store reads it. The last three come from the stream, the others every night. */
export const DEFAULTS = {
  risk_segment: 'medium',
  account_age_days: '365',
  chargeback_count_180d: '0',
  country_iso: '',
  session_country: '',
  tx_count_5m: '0',
  failed_logins_15m: '0',
} as const;

export type FeatureName = keyof typeof DEFAULTS;
export type UserFeatures = Partial<Record<FeatureName, string>>;

/** What is read for each id. */
export const FEATURES: readonly FeatureName[] = Object.keys(DEFAULTS) as FeatureName[];

const INTERCEPT = -4.5;
const BY_SEGMENT = new Map(Object.entries({ low: 0, medium: 0.7, high: 1.6 }));

export function fraudScore(user: UserFeatures): number {
  let z = INTERCEPT + (BY_SEGMENT.get(user.risk_segment ?? DEFAULTS.risk_segment) ?? 0);
  z -= 0.35 * (numberOf(user, 'account_age_days') / 365);
  z += 1.1 * numberOf(user, 'chargeback_count_180d');
  z += 0.18 * numberOf(user, 'tx_count_5m');
  z += 0.45 * numberOf(user, 'failed_logins_15m');
  const { country_iso: home, session_country: seen } = user;
  if (home !== undefined && seen !== undefined && home !== seen) z += 0.8;
  return 1 / (1 + Math.exp(-z));
}

/** What is no number counts as absent: a score is never NaN. */
function numberOf(user: UserFeatures, name: FeatureName): number {
  const value = Number(user[name] ?? DEFAULTS[name]);
  return Number.isFinite(value) ? value : Number(DEFAULTS[name]);
}
