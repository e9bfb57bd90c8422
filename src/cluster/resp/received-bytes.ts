/**
 * The bytes of a socket that are not read yet, and the strings in them: chunks, cut anywhere, put
 * together where a reply spans several of them.
 *
 * Most chunks are pure ASCII. Their text is made once, and short strings are cut out of it: that is
 * several times faster than decoding each. (Long ones are decoded from the bytes: cut out, they
 * would keep the whole chunk.)
 */

import { isAscii, isUtf8 } from 'node:buffer';
import { MAX_CHUNK_TEXT_BYTES } from '../limits.ts';

const NO_BYTES = Buffer.alloc(0);
/** V8 copies a substring below 13 characters, and keeps its parent alive above. */
const SHORT_STRING = 13;
/** What a decoder puts in the place of what is not UTF-8. It may also have been written. */
const REPLACEMENT = '\ufffd';

export class ReceivedBytes {
  protected bytes: Buffer = NO_BYTES;
  /** What comes next in `bytes`. */
  protected at = 0;
  /** Where the string ends that is not there whole: reading on before that is useless. */
  protected neededEnd = 0;
  /** What `bytes` is the first part of, where replies were put together from chunks. */
  #room: Buffer = NO_BYTES;
  /** Bytes of the stream that came before `bytes`. */
  #bytesBefore = 0;
  /** Came in, not looked at: the reply that is being read is known to need more. */
  readonly #waiting: Buffer[] = [];
  #waitingBytes = 0;
  /** Whether `bytes` are pure ASCII, once a string is wanted; as text then, once a short one is. */
  #isAscii: boolean | undefined;
  #text: string | undefined;

  /** Takes a chunk of the socket. It is kept until its last reply has been read. */
  push(chunk: Buffer): void {
    this.#waiting.push(chunk);
    this.#waitingBytes += chunk.length;
    if (this.bytes.length + this.#waitingBytes < this.neededEnd) return;
    if (this.at === this.bytes.length && this.#waiting.length === 1) {
      this.#bytesBefore += this.at;
      this.bytes = chunk;
      this.#room = NO_BYTES;
      this.at = 0;
    } else {
      this.#append();
    }
    this.#isAscii = undefined;
    this.#text = undefined;
    this.neededEnd = 0;
    this.#waiting.length = 0;
    this.#waitingBytes = 0;
  }

  /** How many bytes of the stream have been read. */
  get position(): number {
    return this.#bytesBefore + this.at;
  }

  /** Bytes that have come and are not read. */
  get unreadBytes(): number {
    return this.bytes.length - this.at + this.#waitingBytes;
  }

  get empty(): boolean {
    return this.unreadBytes === 0;
  }

  /** The bytes from `begin` to `end` as text; undefined where they are not UTF-8. */
  textOf(begin: number, end: number): string | undefined {
    const { bytes } = this;
    if ((this.#isAscii ??= bytes.length <= MAX_CHUNK_TEXT_BYTES && isAscii(bytes))) {
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
    if (copy.length >= SHORT_STRING) copy.set(this.bytes.subarray(begin, end));
    else for (let i = 0; i < copy.length; i++) copy[i] = this.bytes[begin + i] ?? 0;
    return copy;
  }

  /** Puts what waits after what is left, in a buffer that doubles: no copy of it all per chunk. */
  #append(): void {
    let end = this.bytes.length;
    if (this.#room.length < end + this.#waitingBytes) {
      const rest = this.bytes.subarray(this.at);
      end = rest.length;
      this.#room = Buffer.concat([rest], 2 * end + this.#waitingBytes);
      this.#bytesBefore += this.at;
      this.at = 0;
    }
    for (const chunk of this.#waiting) end += chunk.copy(this.#room, end);
    this.bytes = this.#room.subarray(0, end);
  }
}
