/**
 * Writes commands as RESP, arrays of bulk strings (`*2\r\n$3\r\nTTL\r\n$5\r\nu0001\r\n`), one after
 * the other into one growing buffer.
 *
 * Short strings, which keys, names and values mostly are, are written byte by byte in a loop: a
 * call into Buffer costs more than the string does. The loop takes ASCII for granted, and starts
 * again with the long way when it meets something else. RESP counts bytes, of UTF-8.
 */

import type { KeyTable } from '../routing/key-table.ts';
import { MAX_FIRST_BYTES, SHORT_TEXT } from '../limits.ts';

/** A word of a command. Bytes are copied as they are. */
export type Word = string | number | Uint8Array;

export const MAX_BULK_INTEGER = 0x7fffffff;
const DOLLAR = 36;
const STAR = 42;
const ZERO = 48;
const CR = 13;
const LF = 10;
/** `$` or `*`, up to ten digits, CR LF, and CR LF after the string. */
const FRAME_BYTES = 15;

export class CommandWriter {
  #bytes: Buffer;
  /** The same bytes as a plain Uint8Array, whose views are made in a third of the time. */
  #plain: Uint8Array;
  #length = 0;

  constructor(capacityBytes = 1_024) {
    this.#bytes = Buffer.allocUnsafe(capacityBytes);
    this.#plain = plain(this.#bytes);
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#length;
  }

  /** Forgets what was written from `length` on. */
  truncate(length: number): void {
    this.#length = length;
  }

  /** What was written, as a view that is valid until the next write. */
  view(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  /** What was written, for good; the writer begins anew. */
  take(): Buffer {
    const taken = this.view();
    this.#bytes = Buffer.allocUnsafe(Math.min(taken.length, MAX_FIRST_BYTES));
    this.#plain = plain(this.#bytes);
    this.#length = 0;
    return taken;
  }

  /** Begins anew in the same place: nobody holds a view of what was written any more. */
  reuse(): void {
    if (this.#length > MAX_FIRST_BYTES) this.take();
    this.#length = 0;
  }

  /**
   * What was written as text, one character per byte, to be sent as latin1; the writer begins anew.
   */
  takeText(): string {
    const text = this.#bytes.toString('latin1', 0, this.#length);
    this.#length = 0;
    return text;
  }

  command(words: readonly Word[]): void {
    this.arrayHeader(words.length);
    for (const word of words) this.bulk(typeof word === 'number' ? String(word) : word);
  }

  /** `*3\r\n`: a command of that many words follows. */
  arrayHeader(wordCount: number): void {
    this.#reserve(FRAME_BYTES);
    this.#header(STAR, wordCount);
  }

  /** Text, or bytes as they are. */
  bulk(word: string | Uint8Array): void {
    if (typeof word === 'string') this.bulkString(word);
    else this.bulkBytes(word, 0);
  }

  bulkString(text: string): void {
    const { length } = text;
    if (length > SHORT_TEXT) return this.#longString(text);
    this.#reserve(length + FRAME_BYTES);
    const begin = this.#length;
    this.#header(DOLLAR, length);
    const bytes = this.#bytes;
    let at = this.#length;
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code > 0x7f) {
        this.#length = begin;
        return this.#longString(text);
      }
      bytes[at++] = code;
    }
    bytes[at++] = CR;
    bytes[at++] = LF;
    this.#length = at;
  }

  /** The digits of an integer of 0 … MAX_BULK_INTEGER; no string is made of it. */
  bulkInteger(value: number): void {
    let digitCount = 1;
    for (let limit = 10; value >= limit; limit *= 10) digitCount++;
    this.#reserve(digitCount + FRAME_BYTES);
    this.#header(DOLLAR, digitCount);
    const bytes = this.#bytes;
    const end = this.#length + digitCount;
    let rest = value | 0;
    for (let at = end - 1; at >= this.#length; at--) {
      const tenth = (rest / 10) | 0;
      bytes[at] = ZERO + rest - 10 * tenth;
      rest = tenth;
    }
    bytes[end] = CR;
    bytes[end + 1] = LF;
    this.#length = end + 2;
  }

  /**
   * One string that starts with these bytes; `openByteCount` bytes after them are left as they are.
   */
  bulkBytes(begin: Uint8Array, openByteCount: number): void {
    const byteCount = begin.length + openByteCount;
    this.#reserve(byteCount + FRAME_BYTES);
    this.#header(DOLLAR, byteCount);
    this.#plain.set(begin, this.#length);
    this.#length += byteCount;
    this.#bytes[this.#length++] = CR;
    this.#bytes[this.#length++] = LF;
  }

  /** One string: the key of that row. */
  key({ prefix, rests, bounds }: KeyTable, row: number): void {
    const begin = bounds[row] ?? 0;
    const restLength = (bounds[row + 1] ?? 0) - begin;
    this.bulkBytes(prefix.bytes, restLength);
    this.#put(this.#length - 2 - restLength, rests, begin, begin + restLength);
  }

  /**
   * Bytes that were encoded before; those of `source` from `begin` to `end` are put over them, from
   * `place` on.
   */
  filled(
    template: Uint8Array,
    place: number,
    source: Uint8Array,
    begin: number,
    end: number,
  ): void {
    this.#reserve(template.length);
    this.#plain.set(template, this.#length);
    this.#put(this.#length + place, source, begin, end);
    this.#length += template.length;
  }

  /** Words that were encoded before. */
  encoded(words: Uint8Array): void {
    this.#reserve(words.length);
    this.#plain.set(words, this.#length);
    this.#length += words.length;
  }

  /** A part of what another writer holds. */
  copy(from: CommandWriter, begin: number, end: number): void {
    this.#reserve(end - begin);
    this.#plain.set(from.#plain.subarray(begin, end), this.#length);
    this.#length += end - begin;
  }

  /** The bytes are few, and a view of them would cost more than to copy them. */
  #put(place: number, source: Uint8Array, begin: number, end: number): void {
    const bytes = this.#bytes;
    let at = place;
    for (let from = begin; from < end; from++) bytes[at++] = source[from] ?? 0;
  }

  #longString(text: string): void {
    const byteCount = Buffer.byteLength(text);
    this.#reserve(byteCount + FRAME_BYTES);
    this.#header(DOLLAR, byteCount);
    const encoding = byteCount === text.length ? 'latin1' : 'utf8';
    this.#length += this.#bytes.write(text, this.#length, encoding);
    this.#bytes[this.#length++] = CR;
    this.#bytes[this.#length++] = LF;
  }

  #header(type: number, count: number): void {
    const bytes = this.#bytes;
    let at = this.#length;
    bytes[at++] = type;
    if (count >= 100) {
      // Rare, so by the way that is short to write.
      for (const digit of String(Math.floor(count / 100))) bytes[at++] = digit.charCodeAt(0);
    }
    if (count >= 10) bytes[at++] = ZERO + (Math.floor(count / 10) % 10);
    bytes[at++] = ZERO + (count % 10);
    bytes[at++] = CR;
    bytes[at++] = LF;
    this.#length = at;
  }

  #reserve(byteCount: number): void {
    const needed = this.#length + byteCount;
    if (needed <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
    this.#plain = plain(grown);
  }
}

function plain(bytes: Buffer): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** Words that are sent again and again, encoded once. */
export function encodeWords(...words: readonly (string | number)[]): Uint8Array {
  scratch.truncate(0);
  for (const word of words) scratch.bulkString(String(word));
  return new Uint8Array(scratch.view());
}

/** For what is copied at once: names are encoded by the thousand. */
const scratch = new CommandWriter();

/** The start of a command of that many words, encoded once. */
export function encodeHead(wordCount: number, name: string): Uint8Array {
  const writer = new CommandWriter();
  writer.arrayHeader(wordCount);
  writer.bulkString(name);
  return new Uint8Array(writer.view());
}

/** A whole command, encoded once. */
export function encodeCommand(...words: readonly (string | number)[]): Uint8Array {
  const writer = new CommandWriter();
  writer.command(words);
  return new Uint8Array(writer.view());
}

export const ASKING: Uint8Array = encodeCommand('ASKING');
