/** Each shard keeps its color wherever it is drawn; the seventh shard shares that of the first. */

const COLOR_COUNT = 6;

/** @type {string[]} */
const order = [];

/** @param {string} address */
export function colorClass(address) {
  if (!order.includes(address)) order.push(address);
  return `shard-${order.indexOf(address) % COLOR_COUNT}`;
}
