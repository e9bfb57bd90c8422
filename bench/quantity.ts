/** Numbers with their units, three digits each. */

export function inCount(value: number): string {
  if (!Number.isFinite(value)) return '-';
  if (value >= 999_500) return `${digits(value / 1e6)}M`;
  if (value >= 9_995) return `${digits(value / 1e3)}k`;
  return digits(value);
}

/** @param valueMs milliseconds */
export function inDuration(valueMs: number): string {
  if (!Number.isFinite(valueMs)) return '-';
  if (valueMs >= 1_000) return `${digits(valueMs / 1_000)} s`;
  if (valueMs >= 1) return `${digits(valueMs)} ms`;
  return `${digits(valueMs * 1_000)} µs`;
}

export function inMicroseconds(value: number): string {
  return Number.isFinite(value) ? digits(value) : '-';
}

/** `5.12×`. */
export function inRatio(value: number): string {
  return Number.isFinite(value) ? `${digits(value)}×` : '-';
}

/** Small ones as the fraction that people say: `1/8.30`. For what should be small. */
export function inFraction(value: number): string {
  return value <= 0.5 ? `1/${tidy(digits(1 / value))}` : inRatio(value);
}

/** Without zeros after the point, as on an axis: `10k` for `10.0k`. */
export function tidy(quantity: string): string {
  return quantity.replace(/\.0+(?!\d)/, '').replace(/(\.\d*[1-9])0+(?!\d)/, '$1');
}

function digits(value: number): string {
  const size = Math.abs(value);
  if (size >= 100) return Math.round(value).toLocaleString('en-US');
  if (size >= 10) return value.toFixed(1);
  return value.toFixed(2);
}
