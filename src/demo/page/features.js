/**
 * The features of the demo and what is ticked at first.
 *
 * @typedef {'batch' | 'stream' | 'other'} FeatureKind
 */

export const BATCH_FEATURES = [
  'country_iso',
  'risk_segment',
  'account_age_days',
  'tx_count_7d',
  'avg_amount_30d',
  'chargeback_count_180d',
];

export const STREAMING_FEATURES = [
  'last_login_ts',
  'last_device_id',
  'tx_count_5m',
  'failed_logins_15m',
  'session_country',
];

export const TICKED_AT_FIRST = [
  'risk_segment',
  'tx_count_7d',
  'avg_amount_30d',
  'tx_count_5m',
  'failed_logins_15m',
];

/**
 * @param {string} name
 * @returns {FeatureKind}
 */
export function kindOf(name) {
  if (BATCH_FEATURES.includes(name)) return 'batch';
  return STREAMING_FEATURES.includes(name) ? 'stream' : 'other';
}
