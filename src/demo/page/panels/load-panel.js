/** Bulk load and reset. */

import { bulkLoad, reset } from '../api.js';
import { byId, setText } from '../element.js';
import { count, ms, plural, seconds } from '../format.js';
import { runFor } from '../status.js';

/** @param {() => Promise<void>} refresh */
export function addLoadPanel(refresh) {
  const form = byId('load-form', HTMLFormElement);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const values = new FormData(form);
    const button = /** @type {HTMLButtonElement} */ (form.querySelector('[type=submit]'));
    void runFor(button, async () => {
      const reply = await bulkLoad(Number(values.get('count')), Number(values.get('ttl')));
      const failures = reply.failed_count > 0 ? `; ${count(reply.failed_count)} failed` : '';
      const text =
        `Loaded ${plural(reply.loaded, 'user')} for ${seconds(reply.ttl_seconds)} ` +
        `in ${ms(reply.elapsed_ms)}${failures}.`;
      showResult(text);
      await refresh();
      return text;
    });
  });
  addReset(refresh);
}

/** The TTL that the store was started with is the one to begin with. @param {number} ttlSeconds */
export function suggestTtl(ttlSeconds) {
  const input = byId('load-form', HTMLFormElement).elements.namedItem('ttl');
  if (!(input instanceof HTMLInputElement)) return;
  const clamped = Math.min(Number(input.max), Math.max(Number(input.min), ttlSeconds));
  input.defaultValue = String(clamped); // what was typed stays
}

/** @param {() => Promise<void>} refresh */
function addReset(refresh) {
  const opener = byId('reset-open', HTMLButtonElement);
  const dialog = byId('reset-dialog', HTMLDialogElement);
  opener.addEventListener('click', () => {
    dialog.returnValue = '';
    dialog.showModal();
  });
  dialog.addEventListener('close', () => {
    if (dialog.returnValue !== 'confirm') return;
    void runFor(opener, async () => {
      const { deleted } = await reset();
      const text = `Deleted ${plural(deleted, 'key')}.`;
      showResult(text);
      await refresh();
      return text;
    });
  });
}

/** @param {string} text */
function showResult(text) {
  byId('load-result', HTMLElement).hidden = false;
  setText('load-result', text);
}
