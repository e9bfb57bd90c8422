/** Fields of one user with their values and TTLs, as a table. */

import { ttlBadge } from './countdown.js';
import { element, headRow } from './element.js';
import { kindOf } from './features.js';

/**
 * @param {string} caption
 * @param {{ name: string, value: string, ttlSeconds: number }[]} fields
 */
export function fieldTable(caption, fields) {
  return element(
    'div',
    { class: 'table-wrap', role: 'region', 'aria-label': caption, tabindex: '0' },
    element(
      'table',
      {},
      element('caption', { class: 'unseen' }, caption),
      element('thead', {}, headRow('Feature', 'Value', 'Field TTL')),
      element('tbody', {}, ...fields.map(fieldRow)),
    ),
  );
}

/** When the key itself expires, so does every field. @param {HTMLElement} table */
export function expireAll(table) {
  for (const cell of table.querySelectorAll('td.value:not(.gone)')) expire(cell);
}

/** @param {Element} cell */
function expire(cell) {
  cell.className = 'value gone';
  cell.textContent = 'expired';
}

/** @param {{ name: string, value: string, ttlSeconds: number }} field */
function fieldRow({ name, value, ttlSeconds }) {
  const kind = kindOf(name);
  const isThere = ttlSeconds !== -2;
  const shown = element('td', { class: isThere ? 'value' : 'value gone' }, isThere ? value : '–');
  return element(
    'tr',
    { 'data-field': name },
    element(
      'th',
      { scope: 'row' },
      element('code', {}, name),
      ' ',
      element('span', { class: `badge ${kind}` }, kind),
    ),
    shown,
    element(
      'td',
      { class: 'number' },
      ttlBadge(ttlSeconds, () => expire(shown)),
    ),
  );
}
