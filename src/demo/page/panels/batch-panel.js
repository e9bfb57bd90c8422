/** The ticked features of many users at once. */

import { batchRead } from '../api.js';
import { byId, element, headRow } from '../element.js';
import { count, ms, plural } from '../format.js';
import { runFor } from '../status.js';
import { showSplit } from './cluster-panel.js';
import { tickedFeatures } from './read-panel.js';

/** @typedef {import('../api.js').BatchReply} BatchReply */

export function addBatchPanel() {
  const form = byId('batch-form', HTMLFormElement);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const button = /** @type {HTMLButtonElement} */ (form.querySelector('[type=submit]'));
    void runFor(button, () => read(Number(new FormData(form).get('count'))));
  });
}

/** @param {number} userCount */
async function read(userCount) {
  const reply = await batchRead(userCount, tickedFeatures());
  const { entity_count, field_count, elapsed_ms, failed_count, sample } = reply;
  showSplit(reply);
  byId('batch-output', HTMLElement).replaceChildren(
    summaryOf(reply),
    element(
      'p',
      { class: 'hint' },
      `${tripsOf(reply)} `,
      element('a', { href: '#cluster' }, 'See the split'),
    ),
    sample.length > 0 ? sampleTable(reply) : element('p', { class: 'empty' }, 'No users.'),
  );
  const failures = failed_count > 0 ? ` ${plural(failed_count, 'user')} could not be read.` : '';
  return (
    `Read ${plural(field_count, 'feature')} of ${plural(entity_count, 'user')} ` +
    `in ${ms(elapsed_ms)}.${failures}`
  );
}

/** @param {BatchReply} reply */
function summaryOf({ entity_count, field_count, elapsed_ms, failed_count }) {
  const facts = [
    ['Users', count(entity_count)],
    ['Features each', count(field_count)],
    ['Elapsed', ms(elapsed_ms)],
    ['Per user', entity_count > 0 ? ms(elapsed_ms / entity_count, 3) : '–'],
    ...(failed_count > 0 ? [['Failed', count(failed_count)]] : []),
  ];
  return element(
    'dl',
    { class: 'facts' },
    ...facts.map(([label = '', value = '']) =>
      element('div', {}, element('dt', {}, label), element('dd', {}, value)),
    ),
  );
}

/** @param {BatchReply} reply */
function tripsOf({ shards }) {
  if (shards.length === 0) return 'Nothing was sent.';
  if (shards.length === 1) return 'One network round trip in total.';
  return `One round trip to each of ${shards.length} shards, all at the same time.`;
}

/** @param {BatchReply} reply */
function sampleTable({ sample, entity_count, field_count }) {
  const caption = `The first ${sample.length} of ${count(entity_count)} users`;
  return element(
    'div',
    { class: 'table-wrap', role: 'region', 'aria-label': caption, tabindex: '0' },
    element(
      'table',
      {},
      element('caption', {}, caption),
      element('thead', {}, headRow('User', 'Features returned')),
      element(
        'tbody',
        {},
        ...sample.map((row) =>
          element(
            'tr',
            {},
            element('th', { scope: 'row' }, element('code', {}, row.id)),
            element('td', { class: 'number' }, `${row.field_count} of ${field_count}`),
          ),
        ),
      ),
    ),
  );
}
