/** Everything that Redis holds of one user. */

import { inspect } from '../api.js';
import { ttlBadge } from '../countdown.js';
import { byId, element } from '../element.js';
import { expireAll, fieldTable } from '../field-table.js';
import { plural } from '../format.js';
import { runFor } from '../status.js';

export function addInspectPanel() {
  const form = byId('inspect-form', HTMLFormElement);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const button = /** @type {HTMLButtonElement} */ (form.querySelector('[type=submit]'));
    void runFor(button, () => show(String(new FormData(form).get('user') ?? '')));
  });
}

/** @param {string} user */
async function show(user) {
  const { exists, key_ttl_seconds, fields = [] } = await inspect(user);
  const output = byId('inspect-output', HTMLElement);
  const title = element('h3', {}, `${user}, as of ${new Date().toLocaleTimeString()}`);
  if (!exists) {
    const text = `${user} is missing: it was never loaded, or its key has expired.`;
    output.replaceChildren(title, element('p', { class: 'empty' }, text));
    return text;
  }
  const thereCount = fields.filter(({ ttl_seconds }) => ttl_seconds !== -2).length;
  const table = fieldTable(
    `All fields of ${user}`,
    fields.map(({ name, value, ttl_seconds }) => ({ name, value, ttlSeconds: ttl_seconds })),
  );
  output.replaceChildren(
    title,
    element(
      'dl',
      { class: 'facts' },
      element('div', {}, element('dt', {}, 'Fields'), element('dd', {}, String(thereCount))),
      element(
        'div',
        {},
        element('dt', {}, 'Key TTL'),
        element(
          'dd',
          {},
          ttlBadge(key_ttl_seconds, () => expireAll(table)),
        ),
      ),
    ),
    table,
  );
  return `${user} has ${plural(thereCount, 'field')}.`;
}
