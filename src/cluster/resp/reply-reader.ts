/**
 * Reads RESP2 and RESP3 replies from the bytes of a socket, cut at any byte.
 *
 * A reader never waits: where bytes are missing it gives INCOMPLETE, and is asked again when more
 * has come. Whatever it does not understand is a ProtocolError that says what was seen; nothing is
 * guessed.
 *
 * Two ways to read. `read` understands every reply, and goes on where it stopped: what it has read
 * of an array is kept (open-arrays.ts), so an array of any length costs what its bytes do. The
 * others, `readStrings` above all, are for what batches consist of: they decline everything else,
 * and start again at the first byte of the reply. Values that come again are not made again
 * (string-table.ts); others are cut out of the chunk's text (chunk-text.ts).
 *
 * A string is text where its bytes are UTF-8, and its bytes where not: nothing is replaced.
 * Only U+FFFD in decoded text makes it look twice. Lines, the server's own words, are always text.
 *
 * Shapes are those of RESP2 for both: a map is a flat array, a double or big number a string, a
 * boolean 1 or 0. https://redis.io/docs/latest/develop/reference/protocol-spec/
 */

import type { ColumnValues } from './column-values.ts';
import { OpenArrays } from './open-arrays.ts';
import { ProtocolError, ServerError, type Reply, type StringsAs } from './reply.ts';
import { MAX_BULK_BYTES, MAX_LINE_BYTES } from '../limits.ts';
import {
  ARRAY,
  ATTRIBUTE,
  BIG_NUMBER,
  BOOLEAN,
  BULK,
  BULK_ERROR,
  COLON,
  CR,
  DOUBLE,
  ERROR,
  LF,
  MAP,
  MINUS,
  NINE,
  NULL,
  PUSH,
  SET,
  SIMPLE,
  VERBATIM,
  ZERO,
} from './resp-bytes.ts';
import { ReceivedBytes } from './received-bytes.ts';
import { ANY_INTEGER, type UsualReply } from './usual-reply.ts';

export { ProtocolError, ServerError, type Reply, type StringsAs } from './reply.ts';

export const INCOMPLETE: unique symbol = Symbol('more bytes are needed');
/** Another kind of reply than was asked for; nothing was consumed. */
export const OTHER: unique symbol = Symbol('another kind of reply');

/** What comes next is the first item of an array. */
const OPENED: unique symbol = Symbol('an array is open');
/** More digits than this are left to `read`. */
const MAX_DIGITS = 16;
/** Of `#plainNumber`, which gives a number below -1 where there is none. */
const MORE = -2;
const UNLIKE = -3;

export class ReplyReader extends ReceivedBytes {
  /** After the number that was read last. */
  #numberEnd = 0;
  /** Of the reply that `read` is in the middle of. */
  readonly #arrays = new OpenArrays();
  /** Whether `read` has read a part of an array, and needs more bytes. */
  isInReply = false;
  #isInPush = false;

  /** The bytes that come next, for the message of an error. */
  peek(): string {
    return JSON.stringify(this.bytes.toString('latin1', this.at, this.at + 40));
  }

  /** Skips push frames, which answer nobody. @throws ProtocolError */
  skipPushes(): typeof INCOMPLETE | undefined {
    while (this.#isInPush || (this.bytes[this.at] === PUSH && !this.isInReply)) {
      this.#isInPush = true;
      if (this.read() === INCOMPLETE) return INCOMPLETE;
      this.#isInPush = false;
    }
    return undefined;
  }

  /**
   * Reads an array of as many strings or nulls as there are columns, as text, into their values.
   * Consumes nothing unless it gives true.
   */
  readStrings(columns: ColumnValues): true | typeof OTHER | typeof INCOMPLETE {
    const { values } = columns;
    const bytes = this.bytes;
    if (this.at >= bytes.length) return INCOMPLETE;
    if (bytes[this.at] !== ARRAY || this.isInReply) return OTHER;
    const count = this.#plainNumber(this.at + 1);
    if (count === MORE) return INCOMPLETE;
    if (count !== values.length) return OTHER;
    let at = this.#numberEnd;
    let presentCount = 0;
    for (let i = 0; i < count; i++) {
      const type = bytes[at];
      if (type === BULK) {
        let length = (bytes[at + 1] ?? 0) - ZERO;
        if (bytes[at + 2] === CR && bytes[at + 3] === LF && length >= 0 && length <= 9) {
          at += 4; // one digit: most are short
        } else {
          length = this.#plainNumber(at + 1);
          if (length === MORE) return INCOMPLETE;
          if (length === UNLIKE || length > MAX_BULK_BYTES) return OTHER;
          at = this.#numberEnd;
        }
        if (length === -1) {
          values[i] = null;
          continue;
        }
        const end = at + length;
        if (end + 2 > bytes.length) {
          this.neededEnd = end + 2;
          return INCOMPLETE;
        }
        if (bytes[end] !== CR || bytes[end + 1] !== LF) return OTHER;
        const text = columns.textOf(i, bytes, at, end, this);
        if (text === undefined) return OTHER;
        values[i] = text;
        presentCount++;
        at = end + 2;
      } else if (type === NULL) {
        if (at + 3 > bytes.length) return INCOMPLETE;
        if (bytes[at + 1] !== CR || bytes[at + 2] !== LF) return OTHER;
        values[i] = null;
        at += 3;
      } else {
        return type === undefined ? INCOMPLETE : OTHER;
      }
    }
    this.at = at;
    columns.presentCount = presentCount;
    return true;
  }

  /** Reads replies that are these. Consumes nothing unless it gives true. */
  readUsual(replies: readonly UsualReply[]): true | typeof OTHER | typeof INCOMPLETE {
    const begin = this.at;
    for (const usual of replies) {
      const read = usual === ANY_INTEGER ? this.readInteger() : this.readExactly(usual);
      if (read !== true && typeof read !== 'number') {
        this.at = begin;
        return read;
      }
    }
    return true;
  }

  /** Reads an integer, not a negative or a huge one. Consumes nothing unless it gives one. */
  readInteger(): number | typeof OTHER | typeof INCOMPLETE {
    if (this.at >= this.bytes.length) return INCOMPLETE;
    if (this.bytes[this.at] !== COLON || this.isInReply) return OTHER;
    const value = this.#plainNumber(this.at + 1);
    if (value === MORE) return INCOMPLETE;
    if (value < 0) return OTHER;
    this.at = this.#numberEnd;
    return value;
  }

  /** Reads replies that are these bytes. Consumes nothing unless it gives true. */
  readExactly(replies: Uint8Array): true | typeof OTHER | typeof INCOMPLETE {
    const bytes = this.bytes;
    if (this.isInReply) return OTHER;
    const begin = this.at;
    const there = Math.min(replies.length, bytes.length - begin);
    for (let i = 0; i < there; i++) if (bytes[begin + i] !== replies[i]) return OTHER;
    if (there < replies.length) return INCOMPLETE;
    this.at = begin + there;
    return true;
  }

  /**
   * The number at `at`, up to its CR LF, after which `#numberEnd` points: some digits, or -1. MORE
   * where bytes are missing, UNLIKE where something else is there.
   */
  #plainNumber(at: number): number {
    const bytes = this.bytes;
    let next = at;
    let value = 0;
    let byte = bytes[next++];
    const isNegative = byte === MINUS;
    if (isNegative) byte = bytes[next++];
    const firstDigit = next;
    while (byte !== CR) {
      if (byte === undefined) return MORE;
      if (byte < ZERO || byte > NINE || next - firstDigit >= MAX_DIGITS) return UNLIKE;
      value = value * 10 + (byte - ZERO);
      byte = bytes[next++];
    }
    if (next === firstDigit || (isNegative && value !== 1)) return UNLIKE;
    if (value > Number.MAX_SAFE_INTEGER) return UNLIKE;
    if (next >= bytes.length) return MORE;
    if (bytes[next] !== LF) return UNLIKE;
    this.#numberEnd = next + 1;
    return isNegative ? -1 : value;
  }

  /** Reads one reply of any kind; asked again, it goes on in the same one. @throws ProtocolError */
  read(as: StringsAs = 'text'): Reply | typeof INCOMPLETE {
    for (;;) {
      const begin = this.at;
      const item = this.#item(as);
      if (item === INCOMPLETE) {
        this.at = begin;
        this.isInReply = !this.#arrays.isEmpty;
        return INCOMPLETE;
      }
      const reply = item === OPENED ? undefined : this.#arrays.put(item);
      if (reply === undefined) continue;
      this.isInReply = false;
      return reply;
    }
  }

  /** A reply that is no array; or an array is opened, whose items come next. */
  #item(as: StringsAs): Reply | typeof INCOMPLETE | typeof OPENED {
    const type = this.bytes[this.at++];
    switch (type) {
      case BULK:
        return this.#bulk(as);
      case COLON:
        return this.#integer();
      case ARRAY:
      case SET:
      case PUSH:
        return this.#open(1);
      case MAP:
        return this.#open(2);
      case ATTRIBUTE:
        return this.#open(2, true);
      case SIMPLE:
      case DOUBLE:
      case BIG_NUMBER:
        return this.#line();
      case ERROR:
        return this.#error(this.#line());
      case BULK_ERROR:
        return this.#error(this.#bulk('text'));
      case NULL:
        return this.#word('null', { '': null });
      case BOOLEAN:
        return this.#word('boolean', { t: 1, f: 0 });
      case VERBATIM: {
        const verbatim = this.#bulk(as);
        const isString = typeof verbatim === 'string' || verbatim instanceof Uint8Array;
        return isString ? verbatim.slice('txt:'.length) : verbatim;
      }
      case undefined:
        return INCOMPLETE;
      default:
        this.at--;
        throw new ProtocolError(`no reply begins with ${this.peek()}`);
    }
  }

  #error(words: string | Uint8Array | null | typeof INCOMPLETE): ServerError | typeof INCOMPLETE {
    if (words === INCOMPLETE) return INCOMPLETE;
    return new ServerError(typeof words === 'string' ? words : Buffer.from(words ?? []).toString());
  }

  #word(kind: string, meanings: Readonly<Record<string, Reply>>): Reply | typeof INCOMPLETE {
    const line = this.#line();
    if (line === INCOMPLETE) return line;
    if (Object.hasOwn(meanings, line)) return meanings[line] ?? null;
    throw new ProtocolError(`${kind} ${JSON.stringify(line)}`);
  }

  /** An attribute is followed by what it is about. */
  #open(perCount: number, isAttribute = false): Reply | typeof INCOMPLETE | typeof OPENED {
    const count = this.#integer();
    if (count === INCOMPLETE) return INCOMPLETE;
    if (count === -1 && !isAttribute) return null;
    if (count === 0 && !isAttribute) return [];
    this.#arrays.open(count, perCount, isAttribute);
    return OPENED;
  }

  #bulk(as: StringsAs): string | Uint8Array | null | typeof INCOMPLETE {
    const length = this.#integer();
    if (length === INCOMPLETE) return INCOMPLETE;
    if (length === -1) return null;
    if (length < 0 || length > MAX_BULK_BYTES)
      throw new ProtocolError(`a string of ${length} bytes`);
    const begin = this.at;
    const end = begin + length;
    if (end + 2 > this.bytes.length) {
      this.neededEnd = end + 2;
      return INCOMPLETE;
    }
    if (this.bytes[end] !== CR || this.bytes[end + 1] !== LF)
      throw new ProtocolError(`a string of ${length} bytes does not end there`);
    this.at = end + 2;
    if (as === 'bytes') return this.copyOf(begin, end);
    return this.textOf(begin, end) ?? this.copyOf(begin, end);
  }

  #integer(): number | typeof INCOMPLETE {
    const plain = this.#plainNumber(this.at);
    if (plain >= -1) {
      this.at = this.#numberEnd;
      return plain;
    }
    const line = this.#line();
    if (line === INCOMPLETE) return INCOMPLETE;
    if (!/^[+-]?\d+$/.test(line)) throw new ProtocolError(`number ${JSON.stringify(line)}`);
    return Number(line);
  }

  #line(): string | typeof INCOMPLETE {
    const end = this.bytes.indexOf('\r\n', this.at, 'latin1');
    if (end === -1) {
      if (this.bytes.length - this.at <= MAX_LINE_BYTES) return INCOMPLETE;
      throw new ProtocolError(`a line of more than ${MAX_LINE_BYTES} bytes`);
    }
    const line = this.textOf(this.at, end) ?? this.bytes.toString('utf8', this.at, end);
    this.at = end + 2;
    return line;
  }
}
