/**
 * A model of your own for `fstore score`: a module that exports `score`, and the features it reads.
 *
 *   npm run fstore -- score --ids ids.txt --scorer examples/own-scorer.ts --out scores.csv
 *
 * `score` is called with one chunk of rows after the other, and gives one finite number per row. It
 * may be async, such as for a model behind HTTP. It never sees an id that is absent or failed:
 * the command gives the first an empty score, and writes the second to scores.csv.failed.jsonl.
 * An installed `fstore` takes JavaScript: compile the module first.
 */

import type { FeatureRow } from 'cluster-feature-store';

/** As they were in training: a value counts by how far it is from the mean. */
const COEFFICIENTS = [
  { feature: 'tx_count_7d', mean: 20, deviation: 10, weight: 0.5 },
  { feature: 'avg_amount_30d', mean: 80, deviation: 40, weight: 0.25 },
  { feature: 'tx_count_5m', mean: 0, deviation: 2, weight: 1 },
] as const;
const INTERCEPT = -2;

/** What is read for each id, unless --features names others. */
export const features: readonly string[] = COEFFICIENTS.map(({ feature }) => feature);

export function score(rows: readonly FeatureRow[], ids: readonly string[]): Float64Array {
  const scores = new Float64Array(ids.length);
  for (const [index, row] of rows.entries()) scores[index] = probability(row);
  return scores;
}

function probability(row: FeatureRow): number {
  let sum = INTERCEPT;
  for (const { feature, mean, deviation, weight } of COEFFICIENTS) {
    // A feature that has expired, or is no number, counts as the mean: NaN would stop the command.
    const value = Object.hasOwn(row, feature) ? Number(row[feature]) : mean;
    sum += weight * (((Number.isFinite(value) ? value : mean) - mean) / deviation);
  }
  return 1 / (1 + Math.exp(-sum));
}
