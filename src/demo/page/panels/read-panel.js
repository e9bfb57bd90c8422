/** One user's features by name, as a model would read them. */

import { readFeatures } from '../api.js';
import { ttlBadge } from '../countdown.js';
import { byId, element } from '../element.js';
import { BATCH_FEATURES, kindOf, STREAMING_FEATURES, TICKED_AT_FIRST } from '../features.js';
import { expireAll, fieldTable } from '../field-table.js';
import { ms } from '../format.js';
import { runFor } from '../status.js';

export function addReadPanel() {
  byId('feature-boxes', HTMLElement).replaceChildren(
    ...[BATCH_FEATURES, STREAMING_FEATURES].map((names) =>
      element('div', {}, ...names.map(featureBox)),
    ),
  );
  const form = byId('read-form', HTMLFormElement);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const button = /** @type {HTMLButtonElement} */ (form.querySelector('[type=submit]'));
    void runFor(button, () => read(String(new FormData(form).get('user') ?? '')));
  });
}

/** Features that are ticked; batch scoring reads them too. */
export function tickedFeatures() {
  const boxes = byId('feature-boxes', HTMLElement).querySelectorAll('input');
  return [...boxes].filter(({ checked }) => checked).map(({ value }) => value);
}

/** @param {string} name */
function featureBox(name) {
  const kind = kindOf(name);
  const box = element('input', { type: 'checkbox', name: 'field', value: name });
  box.defaultChecked = TICKED_AT_FIRST.includes(name);
  return element(
    'label',
    { class: 'feature-box' },
    box,
    element('code', {}, name),
    element('span', { class: `badge ${kind}` }, kind),
  );
}

/** @param {string} user */
async function read(user) {
  const reply = await readFeatures(user, tickedFeatures());
  const { requested, values, ttls, returned_count, elapsed_ms, key_ttl_seconds } = reply;
  const fields = requested.map((name) => ({
    name,
    value: own(values, name) ?? '',
    ttlSeconds: Object.hasOwn(values, name) ? (own(ttls, name) ?? -1) : -2,
  }));
  const table = fieldTable(`Features of ${user}`, fields);
  const summary = element(
    'dl',
    { class: 'facts' },
    fact('Returned', `${returned_count} of ${requested.length}`),
    fact('HMGET', ms(elapsed_ms)),
    fact(
      'Key TTL',
      ttlBadge(key_ttl_seconds, () => expireAll(table)),
    ),
    fact('Served by', element('code', {}, reply.shard ?? 'nobody')),
    fact('Slot', String(reply.slot)),
  );
  byId('read-output', HTMLElement).replaceChildren(
    element('h3', {}, `${user}, as of ${new Date().toLocaleTimeString()}`),
    summary,
    fields.length > 0 ? table : element('p', { class: 'empty' }, 'No feature is ticked.'),
  );
  return `Read ${returned_count} of ${requested.length} features of ${user} in ${ms(elapsed_ms)}.`;
}

/**
 * What a feature has under its name; `constructor` is there in every object, but not as a feature.
 *
 * @template Value
 * @param {Record<string, Value>} features
 * @param {string} name
 */
function own(features, name) {
  return Object.hasOwn(features, name) ? features[name] : undefined;
}

/**
 * @param {string} label
 * @param {Node | string} value
 */
function fact(label, value) {
  return element('div', {}, element('dt', {}, label), element('dd', {}, value));
}
