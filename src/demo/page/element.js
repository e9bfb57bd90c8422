/**
 * Makes elements. Text goes in as text nodes only: whatever Redis holds, it is never read as HTML.
 *
 * @typedef {Node | string | null} Child null is left out
 */

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Readonly<Record<string, string>>} attributes
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children.filter((child) => child !== null));
  return made;
}

/**
 * The element of the page with this id.
 *
 * @template {HTMLElement} Kind
 * @param {string} id
 * @param {new () => Kind} kind
 * @returns {Kind}
 */
export function byId(id, kind) {
  const found = document.getElementById(id);
  if (found instanceof kind) return found;
  throw new Error(`the page has no ${kind.name} #${id}`);
}

/**
 * @param {string} id
 * @param {string} text
 */
export function setText(id, text) {
  const target = byId(id, HTMLElement);
  if (target.textContent !== text) target.textContent = text; // unchanged text is not announced
}

/** @param {...Child} children */
export function headRow(...children) {
  return element('tr', {}, ...children.map((child) => element('th', { scope: 'col' }, child)));
}
