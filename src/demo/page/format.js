/** Numbers as the page shows them. */

const whole = new Intl.NumberFormat('en');
const percent = new Intl.NumberFormat('en', { style: 'percent', maximumFractionDigits: 1 });

/** @param {number} value */
export function count(value) {
  return whole.format(value);
}

/**
 * @param {number} value
 * @param {number} digits
 */
export function ms(value, digits = 2) {
  return `${value.toFixed(digits)} ms`;
}

/** @param {number} value from 0 to 1 */
export function share(value) {
  return percent.format(value);
}

/** @param {number} value */
export function seconds(value) {
  return `${whole.format(value)} s`;
}

/**
 * @param {number} value
 * @param {string} one
 * @param {string} many
 */
export function plural(value, one, many = `${one}s`) {
  return `${whole.format(value)} ${value === 1 ? one : many}`;
}
