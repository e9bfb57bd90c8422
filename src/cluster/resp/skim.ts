/**
 * Is a nested reply whole? A walk from header to header that goes on where it stopped, when more has come.
 *
 * A reader that lacks bytes reads the reply again from its start. For an array of 100,000 items, which
 * comes in many chunks, that would be quadratic; so between its first attempt and its last, a reply is
 * only skimmed. Nothing is judged here: what is not RESP is called whole, for the reader to refuse.
 */

import {
  ARRAY,
  ATTRIBUTE,
  BULK,
  BULK_ERROR,
  CR,
  MAP,
  MINUS,
  NINE,
  PUSH,
  SET,
  VERBATIM,
  ZERO,
} from './resp-bytes.ts';
import { MAX_BULK_BYTES, MAX_DEPTH, MAX_ITEMS, MAX_LINE_BYTES } from './reply.ts';

const CRLF_BYTES = 2;
const MAX_DIGITS = 15;

export class Skim {
  /** How far it has come, from the start of the reply. */
  #offset = 0;
  /** Items still to come: the reply itself, and those of each array that is open in it. */
  readonly #itemsLeft: number[] = [1];

  /** Whether the reply that starts at `begin` ends within the bytes. */
  isWhole(bytes: Uint8Array, begin: number): boolean {
    const itemsLeft = this.#itemsLeft;
    let at = begin + this.#offset;
    for (;;) {
      while (itemsLeft.at(-1) === 0) itemsLeft.pop();
      const depth = itemsLeft.length - 1;
      if (depth === -1 || depth > MAX_DEPTH) return true;
      let lineEnd = at + 1;
      while (lineEnd < bytes.length && bytes[lineEnd] !== CR) lineEnd++;
      let end = lineEnd + CRLF_BYTES;
      let items = 0;
      if (end <= bytes.length && isCounted(bytes[at])) {
        const count = countAt(bytes, at + 1, lineEnd);
        if (count === undefined) return true;
        if (isString(bytes[at])) end += count === -1 ? 0 : count + CRLF_BYTES;
        else items = itemsOf(bytes[at], Math.max(count, 0));
      }
      if (end > bytes.length) {
        this.#offset = at - begin;
        return lineEnd - at > MAX_LINE_BYTES;
      }
      itemsLeft[depth] = (itemsLeft[depth] ?? 0) - 1;
      if (items > 0) itemsLeft.push(items);
      at = end;
    }
  }
}

function isString(type: number | undefined): boolean {
  return type === BULK || type === VERBATIM || type === BULK_ERROR;
}

function isCounted(type: number | undefined): boolean {
  return isString(type) || itemsOf(type, 1) > 0;
}

/** How many items follow the header of an array of `count`; an attribute is followed by what it is about. */
function itemsOf(type: number | undefined, count: number): number {
  if (type === ARRAY || type === SET || type === PUSH) return count;
  if (type === MAP) return 2 * count;
  return type === ATTRIBUTE ? 2 * count + 1 : 0;
}

/** Digits, or -1; undefined for anything else, and for more than any reply may have. */
function countAt(bytes: Uint8Array, begin: number, end: number): number | undefined {
  if (end - begin > MAX_DIGITS || end === begin) return undefined;
  if (bytes[begin] === MINUS)
    return end - begin === 2 && bytes[begin + 1] === ZERO + 1 ? -1 : undefined;
  let count = 0;
  for (let at = begin; at < end; at++) {
    const digit = bytes[at] ?? 0;
    if (digit < ZERO || digit > NINE) return undefined;
    count = count * 10 + (digit - ZERO);
  }
  return count > Math.max(MAX_BULK_BYTES, MAX_ITEMS) ? undefined : count;
}
