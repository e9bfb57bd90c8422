import { byId, setText } from './element.js';

/**
 * The line at the foot of the page: what was done last, or what went wrong.
 *
 * @param {'ok' | 'error'} kind
 * @param {string} text
 */
export function showStatus(kind, text) {
  byId('status', HTMLElement).dataset['kind'] = kind;
  setText('status-text', text);
}

/**
 * Runs what a button does; its button is off meanwhile, and the status line says how it ended.
 *
 * @param {HTMLButtonElement} button
 * @param {() => Promise<string>} action gives what the status line says
 */
export async function runFor(button, action) {
  if (button.getAttribute('aria-disabled') === 'true') return;
  button.setAttribute('aria-disabled', 'true'); // `disabled` would take the focus away
  try {
    showStatus('ok', await action());
  } catch (error) {
    showStatus('error', error instanceof Error ? error.message : String(error));
  } finally {
    button.removeAttribute('aria-disabled');
  }
}
