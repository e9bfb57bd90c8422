/**
 * Reads RESP2 and RESP3 replies from the bytes of a socket, cut at any byte.
 *
 * A reader never waits: where bytes are missing it gives INCOMPLETE, the caller rewinds to the mark
 * that it took, and reads again when more has come. Whatever it does not understand is a
 * ProtocolError that says what was seen; nothing is guessed.
 *
 * Two ways to read: `read` understands every reply. `readStrings` and `readInteger` are for those that
 * batches consist of, and decline everything else. Values that come again are not made again
 * (string-table.ts). Other short strings are cut out of the chunk's text, made once where the chunk is
 * pure ASCII, as most are: that is several times faster than decoding each. (Long ones are decoded
 * from the bytes: cut out, they would keep the whole chunk.)
 *
 * A string is text where its bytes are UTF-8, and its bytes where not: nothing is replaced.
 * Only U+FFFD in decoded text makes it look twice. Lines, the server's own words, are always text.
 *
 * Shapes are those of RESP2 for both: a map is a flat array, a double or big number a string, a boolean
 * 1 or 0. https://redis.io/docs/latest/develop/reference/protocol-spec/
 */

import { isAscii, isUtf8 } from 'node:buffer';
import type { ColumnValues } from './column-values.ts';
import { ARRAY, BULK, COLON, CR, LF, MINUS, NINE, NULL, PUSH, ZERO } from './resp-bytes.ts';
import {
  MAX_BULK_BYTES,
  MAX_DEPTH,
  MAX_ITEMS,
  MAX_LINE_BYTES,
  ProtocolError,
  ServerError,
  type Reply,
  type StringsAs,
} from './reply.ts';
import { Skim } from './skim.ts';
import { MAX_TABLE_BYTES, sharedStrings } from './string-table.ts';

export { ProtocolError, ServerError, type Reply, type StringsAs } from './reply.ts';

export const INCOMPLETE: unique symbol = Symbol('more bytes are needed');
/** Another kind of reply than was asked for; nothing was consumed. */
export const OTHER: unique symbol = Symbol('another kind of reply');

/** More digits than this are left to `read`. */
const MAX_DIGITS = 16;
/** Of `#plainNumber`, which gives a number below -1 where there is none. */
const MORE = -2;
const UNLIKE = -3;
/** Above, making text of the bytes again with each chunk would cost more than it saves. */
const MAX_TEXT_BYTES = 262_144;
/** V8 copies a substring below 13 characters, and keeps its parent alive above. */
const SHORT_STRING = 13;
/** What a decoder puts in the place of what is not UTF-8. It may also have been written. */
const REPLACEMENT = '\ufffd';
const NO_BYTES = Buffer.alloc(0);

export class ReplyReader {
  #bytes: Buffer = NO_BYTES;
  /** Whether `#bytes` is pure ASCII, once a string is in it; as text then, once a short one is. */
  #isAscii: boolean | undefined;
  #text: string | undefined;
  #at = 0;
  /** What `#bytes` is the begin of, where replies were put together from chunks. */
  #room: Buffer = NO_BYTES;
  /** Behind the number that was read last. */
  #numberEnd = 0;
  /** Came in, not looked at: the reply that is being read is known to need more. */
  readonly #waiting: Buffer[] = [];
  #waitingBytes = 0;
  /** Where the string ends that was met last and not there whole: reading on before that is useless. */
  #neededEnd = 0;
  /** Of the reply at `#skimBegin`, which was not there whole when it was read last. */
  #skim: Skim | undefined;
  #skimBegin = 0;

  /** Takes a chunk of the socket. It is kept until its last reply has been read. */
  push(chunk: Buffer): void {
    this.#waiting.push(chunk);
    this.#waitingBytes += chunk.length;
    if (this.#bytes.length + this.#waitingBytes < this.#neededEnd) return;
    if (this.#at === this.#bytes.length && this.#waiting.length === 1) {
      this.#bytes = chunk;
      this.#room = NO_BYTES;
      this.#at = 0;
    } else {
      this.#append();
    }
    this.#isAscii = undefined;
    this.#text = undefined;
    this.#neededEnd = 0;
    this.#waiting.length = 0;
    this.#waitingBytes = 0;
  }

  /** Puts what waits behind what is left, in a buffer that doubles: a long reply is not copied with each chunk. */
  #append(): void {
    let end = this.#bytes.length;
    if (this.#room.length < end + this.#waitingBytes) {
      const rest = this.#bytes.subarray(this.#at);
      end = rest.length;
      this.#room = Buffer.concat([rest], 2 * end + this.#waitingBytes);
      this.#skimBegin -= this.#at;
      this.#at = 0;
    }
    for (const chunk of this.#waiting) end += chunk.copy(this.#room, end);
    this.#bytes = this.#room.subarray(0, end);
  }

  /** Where the next reply begins, for `rewind`. Valid until the next `push`. */
  get mark(): number {
    return this.#at;
  }

  rewind(mark: number): void {
    this.#at = mark;
  }

  /** Whether no byte is left. */
  get empty(): boolean {
    return this.#at === this.#bytes.length && this.#waitingBytes === 0;
  }

  /** The bytes that come next, for the message of an error. */
  peek(): string {
    return JSON.stringify(this.#bytes.toString('latin1', this.#at, this.#at + 40));
  }

  /** Skips push frames, which answer nobody. @throws ProtocolError */
  skipPushes(): typeof INCOMPLETE | undefined {
    while (this.#bytes[this.#at] === PUSH) {
      const begin = this.#at;
      this.#at++;
      if (this.#items(1, 'text', 0) === INCOMPLETE) {
        this.#at = begin;
        return INCOMPLETE;
      }
    }
    return undefined;
  }

  /**
   * Reads an array of as many strings or nulls as there are columns, as text, into their values.
   * Consumes nothing unless it gives true.
   */
  readStrings(columns: ColumnValues): true | typeof OTHER | typeof INCOMPLETE {
    const { values } = columns;
    const bytes = this.#bytes;
    if (this.#at >= bytes.length) return INCOMPLETE;
    if (bytes[this.#at] !== ARRAY) return OTHER;
    const count = this.#plainNumber(this.#at + 1);
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
          this.#neededEnd = end + 2;
          return INCOMPLETE;
        }
        if (bytes[end] !== CR || bytes[end + 1] !== LF) return OTHER;
        const text = this.#columnText(at, end, columns, i);
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
    this.#at = at;
    columns.presentCount = presentCount;
    return true;
  }

  /** Reads an integer, not a negative or a huge one. Consumes nothing unless it gives one. */
  readInteger(): number | typeof OTHER | typeof INCOMPLETE {
    if (this.#at >= this.#bytes.length) return INCOMPLETE;
    if (this.#bytes[this.#at] !== COLON) return OTHER;
    const value = this.#plainNumber(this.#at + 1);
    if (value === MORE) return INCOMPLETE;
    if (value < 0) return OTHER;
    this.#at = this.#numberEnd;
    return value;
  }

  /** Reads replies that are these bytes. Consumes nothing unless it gives true. */
  readExactly(replies: Uint8Array): true | typeof OTHER | typeof INCOMPLETE {
    const bytes = this.#bytes;
    const begin = this.#at;
    const there = Math.min(replies.length, bytes.length - begin);
    for (let i = 0; i < there; i++) if (bytes[begin + i] !== replies[i]) return OTHER;
    if (there < replies.length) return INCOMPLETE;
    this.#at = begin + there;
    return true;
  }

  /**
   * The number at `at`, up to its CR LF, behind which `#numberEnd` points: some digits, or -1. MORE
   * where bytes are missing, UNLIKE where something else is there.
   */
  #plainNumber(at: number): number {
    const bytes = this.#bytes;
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

  /** Reads one reply of any kind. @throws ProtocolError */
  read(as: StringsAs = 'text'): Reply | typeof INCOMPLETE {
    const begin = this.#at;
    if (this.#skim && this.#skimBegin === begin) {
      if (!this.#skim.isWhole(this.#bytes, begin)) return INCOMPLETE;
      this.#skim = undefined;
    }
    const reply = this.#reply(as, 0);
    if (reply === INCOMPLETE) {
      this.#skim = new Skim();
      this.#skimBegin = begin;
    }
    return reply;
  }

  #reply(as: StringsAs, depth: number): Reply | typeof INCOMPLETE {
    if (depth > MAX_DEPTH) throw new ProtocolError(`replies nested deeper than ${MAX_DEPTH}`);
    const type = this.#bytes[this.#at];
    if (type === undefined) return INCOMPLETE;
    this.#at++;
    switch (String.fromCharCode(type)) {
      case '+':
      case ',':
      case '(':
        return this.#line();
      case '-':
        return this.#error(this.#line());
      case ':':
        return this.#integer();
      case '#': {
        const line = this.#line();
        if (line === INCOMPLETE) return line;
        if (line === 't' || line === 'f') return line === 't' ? 1 : 0;
        throw new ProtocolError(`boolean ${JSON.stringify(line)}`);
      }
      case '_': {
        const line = this.#line();
        if (line === INCOMPLETE) return line;
        if (line !== '') throw new ProtocolError(`null ${JSON.stringify(line)}`);
        return null;
      }
      case '$':
        return this.#bulk(as);
      case '!':
        return this.#error(this.#bulk('text'));
      case '=': {
        const verbatim = this.#bulk(as);
        const isString = typeof verbatim === 'string' || verbatim instanceof Uint8Array;
        return isString ? verbatim.slice('txt:'.length) : verbatim;
      }
      case '*':
      case '~':
      case '>':
        return this.#items(1, as, depth);
      case '%':
        return this.#items(2, as, depth);
      case '|':
        return this.#items(2, as, depth) === INCOMPLETE ? INCOMPLETE : this.#reply(as, depth + 1);
      default:
        this.#at--;
        throw new ProtocolError(`no reply begins with ${this.peek()}`);
    }
  }

  #error(words: string | Uint8Array | null | typeof INCOMPLETE): ServerError | typeof INCOMPLETE {
    if (words === INCOMPLETE) return INCOMPLETE;
    return new ServerError(typeof words === 'string' ? words : Buffer.from(words ?? []).toString());
  }

  #items(perItem: number, as: StringsAs, depth: number): Reply | typeof INCOMPLETE {
    const count = this.#integer();
    if (count === INCOMPLETE) return INCOMPLETE;
    if (count === -1) return null;
    if (count < 0 || count > MAX_ITEMS) throw new ProtocolError(`an array of ${count} items`);
    const items: Reply[] = [];
    for (let i = 0; i < count * perItem; i++) {
      const item = this.#reply(as, depth + 1);
      if (item === INCOMPLETE) return INCOMPLETE;
      items.push(item);
    }
    return items;
  }

  #bulk(as: StringsAs): string | Uint8Array | null | typeof INCOMPLETE {
    const length = this.#integer();
    if (length === INCOMPLETE) return INCOMPLETE;
    if (length === -1) return null;
    if (length < 0 || length > MAX_BULK_BYTES)
      throw new ProtocolError(`a string of ${length} bytes`);
    const begin = this.#at;
    const end = begin + length;
    if (end + 2 > this.#bytes.length) {
      this.#neededEnd = end + 2;
      return INCOMPLETE;
    }
    if (this.#bytes[end] !== CR || this.#bytes[end + 1] !== LF)
      throw new ProtocolError(`a string of ${length} bytes does not end there`);
    this.#at = end + 2;
    if (as === 'bytes') return this.#copyOf(begin, end);
    return this.#textOf(begin, end) ?? this.#copyOf(begin, end);
  }

  #integer(): number | typeof INCOMPLETE {
    const plain = this.#plainNumber(this.#at);
    if (plain >= -1) {
      this.#at = this.#numberEnd;
      return plain;
    }
    const line = this.#line();
    if (line === INCOMPLETE) return INCOMPLETE;
    if (!/^[+-]?\d+$/.test(line)) throw new ProtocolError(`number ${JSON.stringify(line)}`);
    return Number(line);
  }

  #line(): string | typeof INCOMPLETE {
    const end = this.#bytes.indexOf('\r\n', this.#at, 'latin1');
    if (end === -1) {
      if (this.#bytes.length - this.#at <= MAX_LINE_BYTES) return INCOMPLETE;
      throw new ProtocolError(`a line of more than ${MAX_LINE_BYTES} bytes`);
    }
    const line = this.#textOf(this.#at, end) ?? this.#bytes.toString('utf8', this.#at, end);
    this.#at = end + 2;
    return line;
  }

  #columnText(begin: number, end: number, columns: ColumnValues, at: number): string | undefined {
    if (end - begin > MAX_TABLE_BYTES || !columns.repeats(at)) return this.#textOf(begin, end);
    const known = sharedStrings.find(this.#bytes, begin, end);
    columns.learn(at, known !== undefined);
    if (known !== undefined) return known;
    const text = this.#textOf(begin, end);
    if (text !== undefined) sharedStrings.keep(text);
    return text;
  }

  /** The bytes as text; undefined where they are not UTF-8. */
  #textOf(begin: number, end: number): string | undefined {
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
  #copyOf(begin: number, end: number): Uint8Array {
    const copy = new Uint8Array(end - begin);
    if (copy.length >= SHORT_STRING) copy.set(this.#bytes.subarray(begin, end));
    else for (let i = 0; i < copy.length; i++) copy[i] = this.#bytes[begin + i] ?? 0;
    return copy;
  }
}
