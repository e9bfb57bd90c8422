/** Who serves what, and how the last batch read was split among them. */

import { byId, element, setText } from '../element.js';
import { count, ms, plural, share } from '../format.js';
import { colorClass } from '../shard-colors.js';

/**
 * @typedef {import('../api.js').DemoState} DemoState
 * @typedef {import('../api.js').ShardState} ShardState
 * @typedef {import('../api.js').BatchReply} BatchReply
 */

const AXIS_STEPS = 4;

/** What is on the screen: a poll that brings nothing new changes nothing. */
let shown = '';

/** @param {DemoState} state */
export function showCluster({ cluster, entity_count }) {
  const { mode, shards } = cluster;
  const replicaCount = shards.reduce((sum, { replicas }) => sum + replicas.length, 0);
  const summary =
    mode === 'cluster'
      ? `${plural(shards.length, 'shard')}, ${plural(replicaCount, 'replica')}`
      : 'one standalone server: one shard with every slot';
  setText('cluster-summary', summary);
  setText('mode-text', mode === 'cluster' ? `cluster of ${shards.length}` : 'standalone');
  const next = JSON.stringify([cluster, entity_count]);
  if (next === shown) return;
  shown = next;
  byId('shard-rows', HTMLElement).replaceChildren(...shards.map(shardRow));
  showSlots(shards);
}

/** @param {ShardState} shard */
function shardRow({ address, role, replicas, slot_count, slot_share, slot_ranges, entity_count }) {
  const color = colorClass(address);
  const slots = slot_ranges.map(([from, to]) => (from === to ? `${from}` : `${from}–${to}`));
  return element(
    'tr',
    { 'data-shard': address },
    element(
      'th',
      { scope: 'row' },
      element('span', { class: `swatch ${color}`, 'aria-hidden': 'true' }),
      node(address, role),
      ...replicas.map((replica) => element('div', { class: 'replica' }, node(replica, 'replica'))),
    ),
    element(
      'td',
      { class: 'grow' },
      element('div', { class: 'bar', 'aria-hidden': 'true' }, bar(color, 0, slot_share)),
      element(
        'span',
        { class: 'bar-text', title: slots.join(', ') },
        `${share(slot_share)} · ${count(slot_count)} slots`,
      ),
    ),
    element('td', { class: 'number' }, count(entity_count)),
  );
}

/**
 * @param {string} address
 * @param {string} role
 */
function node(address, role) {
  return element(
    'span',
    {},
    element('code', {}, address),
    ' ',
    element('span', { class: 'badge quiet' }, role),
  );
}

/** @param {ShardState[]} shards */
function showSlots(shards) {
  const track = byId('slot-track', HTMLElement);
  track.setAttribute(
    'aria-label',
    shards.map(({ address, slot_share }) => `${address} owns ${share(slot_share)}`).join('; '),
  );
  track.replaceChildren(
    ...shards.flatMap(({ address, slot_count, slot_share, slot_ranges }) =>
      slot_ranges.map(([from, to]) => {
        const perSlot = slot_share / slot_count;
        return bar(colorClass(address), from * perSlot, (to - from + 1) * perSlot);
      }),
    ),
  );
}

/** @param {BatchReply} reply */
export function showSplit({ elapsed_ms, entity_count, shards }) {
  byId('split', HTMLElement).hidden = shards.length === 0;
  byId('split-empty', HTMLElement).hidden = shards.length > 0;
  if (shards.length === 0) return;
  const busyMs = shards.reduce((sum, part) => sum + part.elapsed_ms, 0);
  const pipelineCount = shards.reduce((sum, part) => sum + part.pipeline_count, 0);
  setText(
    'split-summary',
    `${plural(entity_count, 'user')} in ${plural(pipelineCount, 'pipeline')} to ` +
      `${plural(shards.length, 'shard')} at once: ${ms(elapsed_ms)} in all. ` +
      `The shards’ own times add up to ${ms(busyMs)}.`,
  );
  const endMs = Math.max(elapsed_ms, ...shards.map((part) => part.start_ms + part.elapsed_ms));
  const lanes = shards.map((part) =>
    lane(part.shard, plural(part.id_count, 'id'), ms(part.elapsed_ms), [
      bar(colorClass(part.shard), part.start_ms / endMs, part.elapsed_ms / endMs),
    ]),
  );
  const whole = lane('whole call', plural(entity_count, 'id'), ms(elapsed_ms), [
    bar('shard-whole', 0, elapsed_ms / endMs),
  ]);
  byId('split-lanes', HTMLElement).replaceChildren(...lanes, whole, axis(endMs));
}

/**
 * @param {string} name
 * @param {string} ids
 * @param {string} time
 * @param {HTMLElement[]} bars
 */
function lane(name, ids, time, bars) {
  return element(
    'div',
    { class: 'lane', 'data-lane': name },
    element('span', { class: 'lane-name' }, name),
    element('span', { class: 'lane-ids' }, ids),
    element('div', { class: 'lane-track', 'aria-hidden': 'true' }, ...bars),
    element('span', { class: 'lane-time' }, time),
  );
}

/** @param {number} endMs */
function axis(endMs) {
  const marks = Array.from({ length: AXIS_STEPS + 1 }, (_, step) => {
    const mark = element('span', {}, (endMs * (step / AXIS_STEPS)).toFixed(2));
    mark.style.left = `${(step / AXIS_STEPS) * 100}%`;
    return mark;
  });
  return element(
    'div',
    { class: 'lane axis', 'aria-hidden': 'true' },
    element('span', { class: 'lane-name' }, 'ms since the call'),
    element('span', {}),
    element('div', { class: 'axis-marks' }, ...marks),
  );
}

/**
 * @param {string} color
 * @param {number} from share of the whole
 * @param {number} width share of the whole
 */
function bar(color, from, width) {
  const made = element('div', { class: `bar-fill ${color}` });
  made.style.left = `${from * 100}%`;
  made.style.width = `${width * 100}%`;
  return made;
}
