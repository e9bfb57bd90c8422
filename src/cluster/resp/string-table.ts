/**
 * Strings that come again and again (countries, segments, small counts), made once and shared.
 *
 * A row of features is mostly such values. A string that is found here costs no allocation: rows
 * take a third of the memory, and the garbage collector, whose pauses are what single reads feel
 * while a large batch runs, has that much less to copy.
 *
 * A string of up to 12 bytes is compared as three integers and a length, which are the whole of it,
 * so a hit is exact whatever the bytes mean. Each place holds the string that was there last: the
 * table never grows, and no input can make it slow.
 */

export const MAX_TABLE_BYTES = 12;

const PLACES = 8_192;

/** Of a place: the three integers and the length, side by side in memory. */
const INTEGERS_PER_PLACE = 4;

export class StringTable {
  readonly #integers = new Int32Array(PLACES * INTEGERS_PER_PLACE);
  readonly #strings = new Array<string>(PLACES).fill('');
  /** What `find` was asked for last, and where it belongs. */
  #place = 0;
  #a = 0;
  #b = 0;
  #c = 0;
  #byteCount = 0;

  /** The string of `bytes` from `begin` to `end`, no more than MAX_TABLE_BYTES, if it is here. */
  find(bytes: Uint8Array, begin: number, end: number): string | undefined {
    let [a, b, c] = [0, 0, 0];
    let at = begin;
    for (const stop = Math.min(end, begin + 4); at < stop; at++) a = (a << 8) | (bytes[at] ?? 0);
    for (const stop = Math.min(end, begin + 8); at < stop; at++) b = (b << 8) | (bytes[at] ?? 0);
    for (; at < end; at++) c = (c << 8) | (bytes[at] ?? 0);
    const byteCount = end - begin;
    const hash =
      Math.imul(a, 0x9e3779b1) ^ Math.imul(b, 0x85ebca77) ^ Math.imul(c, 0xc2b2ae3d) ^ byteCount;
    const place = (hash ^ (hash >>> 15)) & (PLACES - 1);
    const integers = this.#integers;
    const first = place * INTEGERS_PER_PLACE;
    if (
      integers[first] === a &&
      integers[first + 1] === b &&
      integers[first + 2] === c &&
      integers[first + 3] === byteCount
    ) {
      return this.#strings[place];
    }
    this.#place = place;
    this.#a = a;
    this.#b = b;
    this.#c = c;
    this.#byteCount = byteCount;
    return undefined;
  }

  /** Keeps the string that `find` did not find. */
  keep(text: string): void {
    const first = this.#place * INTEGERS_PER_PLACE;
    this.#integers[first] = this.#a;
    this.#integers[first + 1] = this.#b;
    this.#integers[first + 2] = this.#c;
    this.#integers[first + 3] = this.#byteCount;
    this.#strings[this.#place] = text;
  }
}

/** Of all connections: a value is the same wherever it comes from. */
export const sharedStrings: StringTable = new StringTable();
