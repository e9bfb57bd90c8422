import { element } from './element.js';

/**
 * Shows the ids to choose from. The choice stays, even when its user has expired: then it can still be
 * asked why.
 *
 * @param {HTMLSelectElement} select
 * @param {string[]} ids
 */
export function showIds(select, ids) {
  const chosen = select.value;
  const offered = chosen === '' || ids.includes(chosen) ? ids : [chosen, ...ids];
  const shown = [...select.options].map(({ value }) => value);
  if (shown.length === offered.length && offered.every((id, index) => id === shown[index])) return;
  select.replaceChildren(...offered.map((id) => element('option', { value: id }, id)));
  if (chosen !== '') select.value = chosen;
}
