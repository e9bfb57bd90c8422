/**
 * The strings in some bytes, as text or as bytes of their own.
 *
 * Most chunks are pure ASCII. Their text is made once, and short strings are cut out of it: that is
 * several times faster than decoding each. (Long ones are decoded from the bytes: cut out, they
 * would keep the whole chunk.)
 */

import { isAscii, isUtf8 } from 'node:buffer';

/** Above, making text of the bytes again with each chunk would cost more than it saves. */
const MAX_TEXT_BYTES = 262_144;
/** V8 copies a substring below 13 characters, and keeps its parent alive above. */
const SHORT_STRING = 13;
/** What a decoder puts in the place of what is not UTF-8. It may also have been written. */
const REPLACEMENT = '\ufffd';

export class ChunkText {
  #bytes: Buffer = Buffer.alloc(0);
  /**
   * Whether the bytes are pure ASCII, once a string is wanted; as text then, once a short one is.
   */
  #isAscii: boolean | undefined;
  #text: string | undefined;

  /** Takes other bytes. */
  reset(bytes: Buffer): void {
    this.#bytes = bytes;
    this.#isAscii = undefined;
    this.#text = undefined;
  }

  /** The bytes as text; undefined where they are not UTF-8. */
  textOf(begin: number, end: number): string | undefined {
    const bytes = this.#bytes;
    if ((this.#isAscii ??= bytes.length <= MAX_TEXT_BYTES && isAscii(bytes))) {
      if (end - begin >= SHORT_STRING) return bytes.toString('latin1', begin, end);
      return (this.#text ??= bytes.toString('latin1')).substring(begin, end);
    }
    const text = bytes.toString('utf8', begin, end);
    const isText = !text.includes(REPLACEMENT) || isUtf8(bytes.subarray(begin, end));
    return isText ? text : undefined;
  }

  /** A copy of exactly these bytes: a view would keep the whole chunk, and change with it. */
  copyOf(begin: number, end: number): Uint8Array {
    const copy = new Uint8Array(end - begin);
    if (copy.length >= SHORT_STRING) copy.set(this.#bytes.subarray(begin, end));
    else for (let i = 0; i < copy.length; i++) copy[i] = this.#bytes[begin + i] ?? 0;
    return copy;
  }
}
