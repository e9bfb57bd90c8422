/**
 * The keys of a batch as bytes, without a string for each, and the slots that they belong to.
 *
 *   prefix  fs:user:                                         hashed once
 *   rests    u1    größe    {vip}:member                     one after the other, in UTF-8
 *   keys    fs:user:u1  fs:user:größe  fs:user:{vip}:member
 *
 * Reads and writes make their keys here. A slot is computed when its row is routed, while the
 * servers are at work on the rows before it.
 */

import { BY_BYTE, BY_BYTE_AND_ZERO, crcOf } from './slot.ts';
import { SLOT_COUNT } from '../limits.ts';
import { SHORT_TEXT } from '../limits.ts';

const LAST_ASCII = 0x7f;
const OPENING_BRACE = 0x7b;
const CLOSING_BRACE = 0x7d;
const NOTHING = new Uint8Array();
const encoder = new TextEncoder();

/** What all keys of a table begin with; it has no braces. */
export class KeyPrefix {
  readonly text: string;
  /** In UTF-8. */
  readonly bytes: Uint8Array;
  /** CRC16 runs from left to right: after the prefix it goes on from here for every key. */
  readonly crc: number;

  constructor(text: string) {
    this.text = text;
    this.bytes = Uint8Array.from(Buffer.from(text));
    this.crc = crcOf(this.bytes);
  }
}

/** Which slot each row of a batch belongs to. */
export interface Keys {
  readonly count: number;
  /** The slot of all rows, where they share one: they are one pipeline, however many. */
  readonly slot?: number | undefined;
  slotOf(row: number): number;
}

export class KeyTable implements Keys {
  readonly prefix: KeyPrefix;
  /** Set where all keys have one hash tag. */
  slot: number | undefined;
  count = 0;
  /** What follows the prefix: of a row from `bounds[row]` to `bounds[row + 1]`. */
  rests: Uint8Array = NOTHING;
  readonly bounds: number[];
  /** Whether a key may have a hash tag. */
  #hasBraces = false;

  /** @param keyCount how many keys are expected */
  constructor(prefix: KeyPrefix, keyCount = 1) {
    this.prefix = prefix;
    this.bounds = new Array<number>(keyCount + 1);
    this.bounds[0] = 0;
  }

  /** Adds the key of the prefix and this text. */
  add(rest: string): void {
    const { length } = rest;
    if (length > SHORT_TEXT) return this.#addLong(rest);
    const begin = this.bounds[this.count] ?? 0;
    this.#reserve(begin + length);
    const bytes = this.rests;
    for (let i = 0; i < length; i++) {
      const code = rest.charCodeAt(i);
      if (code > LAST_ASCII) return this.#addLong(rest);
      if (code === OPENING_BRACE) this.#hasBraces = true;
      bytes[begin + i] = code;
    }
    this.bounds[++this.count] = begin + length;
  }

  /** Adds the key of the prefix and these bytes. */
  addBytes(rest: Uint8Array): void {
    const begin = this.bounds[this.count] ?? 0;
    this.#reserve(begin + rest.length);
    this.rests.set(rest, begin);
    this.#hasBraces ||= rest.includes(OPENING_BRACE);
    this.bounds[++this.count] = begin + rest.length;
  }

  /**
   * `add` for each of them at once.
   * @param text all of them, one after the other: ASCII without braces
   */
  addPlain(rests: readonly string[], text: string): void {
    let end = this.bounds[this.count] ?? 0;
    this.#reserve(end + text.length);
    const bytes = this.rests;
    if (text.length > SHORT_TEXT) encoder.encodeInto(text, bytes.subarray(end));
    else for (let i = 0; i < text.length; i++) bytes[end + i] = text.charCodeAt(i);
    for (const { length } of rests) {
      end += length;
      this.bounds[++this.count] = end;
    }
  }

  /** Takes back the keys from `count` on. */
  truncate(count: number): void {
    this.count = count;
  }

  /**
   * Two bytes at a time: CRC is linear, so both are looked up at once where one by one each waits
   * for the one before.
   */
  slotOf(row: number): number {
    let at = this.bounds[row] ?? 0;
    let end = this.bounds[row + 1] ?? 0;
    let { crc } = this.prefix;
    const bytes = this.rests;
    if (this.#hasBraces) {
      const open = indexOf(bytes, OPENING_BRACE, at, end);
      const close = indexOf(bytes, CLOSING_BRACE, open + 1, end);
      if (close > open + 1 && open < end && close < end) [at, end, crc] = [open + 1, close, 0];
    }
    for (; at + 1 < end; at += 2) {
      const first = BY_BYTE_AND_ZERO[(crc >> 8) ^ (bytes[at] ?? 0)] ?? 0;
      crc = first ^ (BY_BYTE[(crc & 0xff) ^ (bytes[at + 1] ?? 0)] ?? 0);
    }
    if (at < end) crc = (crc << 8) ^ (BY_BYTE[((crc >> 8) ^ (bytes[at] ?? 0)) & 0xff] ?? 0);
    return crc % SLOT_COUNT;
  }

  #addLong(rest: string): void {
    const begin = this.bounds[this.count] ?? 0;
    const byteCount = Buffer.byteLength(rest);
    this.#reserve(begin + byteCount);
    encoder.encodeInto(rest, this.rests.subarray(begin));
    this.#hasBraces ||= rest.includes('{');
    this.bounds[++this.count] = begin + byteCount;
  }

  #reserve(byteCount: number): void {
    if (byteCount <= this.rests.length) return;
    const grown = new Uint8Array(Math.max(byteCount, this.rests.length * 2));
    grown.set(this.rests);
    this.rests = grown;
  }
}

/** The key of a batch of one row, whose commands are encoded already. */
export class OneKey implements Keys {
  readonly count = 1;
  readonly slot: number;

  constructor(slot: number) {
    this.slot = slot;
  }

  slotOf(): number {
    return this.slot;
  }
}

/** Where the byte is, or `end`. */
function indexOf(bytes: Uint8Array, byte: number, begin: number, end: number): number {
  let at = begin;
  while (at < end && bytes[at] !== byte) at++;
  return at;
}
