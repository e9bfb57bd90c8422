/**
 * The seam between ioredis and our own bytes.
 *
 * ioredis opens the connection (TLS, AUTH, HELLO, names, backoff) and knows when it is lost. Once
 * it says `ready` it sends nothing more by itself, and the socket is ours: its reply parser is
 * taken off, and ours put in its place, with every new connection again. `stream` is public in
 * ioredis's types but not documented; test/integration/wire-real-servers.test.ts holds this file
 * against the version in use.
 *
 * A small write is sent as text, one character per byte: no buffer is made for it. CPU of a write
 * of 150 bytes, against the same in a new Buffer, as the mean of two runs: Node 20 96 %, 22 100 %,
 * 24 88 %, 26 97 %; of 12,000 bytes 84, 92, 90 and 91 %. Above 16 KiB it is a buffer.
 */

import { Socket } from 'node:net';
import { FeatureStoreError } from '../../errors.ts';
import { ReopenPace } from './reopen-pace.ts';
import { FirstWords } from './first-words.ts';
import type { Redis } from './ioredis.ts';
import type { CommandWriter } from '../resp/command-writer.ts';
import { MAX_TEXT_WRITE_BYTES } from '../limits.ts';

const LF = 10;

export interface WireEvents {
  /** The connection is open and ours. */
  onOpen(): void;
  onBytes(chunk: Buffer): void;
  /** It is closed, or an attempt to open it has failed. */
  onClose(end: WireEnd): void;
}

/** How a connection, or an attempt to open one, has ended. */
export interface WireEnd {
  /** Why, where ioredis said so. */
  readonly trouble: string;
  /**
   * Whether the other side closed a connection that it had accepted: the node itself may be well.
   */
  readonly isCut: boolean;
  /** Whether nothing was heard of the other side, and nothing here was in the way. */
  readonly isUnanswered: boolean;
}

/**
 * What the system calls the end of a connection that there was. Any other word is about a node that
 * cannot be reached.
 */
const CUT_CODES: ReadonlySet<unknown> = new Set(['ECONNRESET', 'EPIPE']);

export class Wire {
  readonly #redis: Redis;
  readonly #events: WireEvents;
  readonly #words: FirstWords;
  isOpen = false;
  readonly #pace = new ReopenPace();
  #trouble = '';
  #isCut = true;
  /** Whether the caller's credentials failed. */
  #isOurs = false;
  /** Whether the last connection, or attempt, was cut. */
  #wasCut = false;

  constructor(redis: Redis, events: WireEvents) {
    this.#redis = redis;
    this.#events = events;
    this.#words = new FirstWords(redis);
    redis.options.retryStrategy = (): number =>
      this.#pace.pauseAfterEnd(this.#isCut && this.#words.refusal === '');
    redis.on('error', (error: Error & { readonly code?: unknown }) => {
      this.#trouble ||= error.message; // the first is the reason, what follows its consequence
      this.#isCut &&= CUT_CODES.has(error.code);
      this.#isOurs ||= error instanceof FeatureStoreError;
    });
    redis.on('ready', () => this.#take());
    redis.on('close', () => {
      const { refusal } = this.#words;
      this.#end({
        trouble: refusal || this.#trouble,
        isCut: this.#isCut && refusal === '',
        isUnanswered: refusal === '' && !this.#isOurs,
      });
    });
  }

  /**
   * Whether a connection is coming to its end, or could not be opened and the next attempt waits
   * for its time. The attempt that follows a cut is worth waiting for.
   */
  get isBackingOff(): boolean {
    const { status } = this.#redis;
    if (status === 'reconnecting') return !this.#wasCut;
    return status === 'ready' && !this.isOpen;
  }

  get isConnecting(): boolean {
    return this.#redis.status === 'connecting' || this.#redis.status === 'connect';
  }

  /** The host that the open connection leads to, as the system knows it. */
  get remoteHost(): string | undefined {
    return this.isOpen ? this.#redis.stream.remoteAddress?.replace(/^::ffff:/, '') : undefined;
  }

  /** Begins to connect, where nothing is under way yet. */
  open(): void {
    const { status } = this.#redis;
    if (status === 'wait' || status === 'end') this.#redis.connect().catch(() => undefined);
  }

  /** Sends what was written, and has the writer begin anew. */
  write(writer: CommandWriter): void {
    const { stream } = this.#redis;
    if (writer.length <= MAX_TEXT_WRITE_BYTES) {
      stream.write(writer.takeText(), 'latin1');
      return;
    }
    stream.write(writer.view());
    // Mostly the kernel has all of it by now, and its place is free; else it is the stream's until
    // it is sent. A tunnel, which a `Connector` may give in place of a socket, can hold it for
    // longer than it says.
    const isSent = stream.writableLength === 0 && stream instanceof Socket;
    if (isSent) writer.reuse();
    else writer.take();
  }

  /** Sends bytes that nobody changes, without a copy of them. */
  writeEncoded(commands: Uint8Array): void {
    this.#redis.stream.write(commands);
  }

  /**
   * Drops the connection at once, whatever the peer does; ioredis opens it again. Not a byte of it
   * is read any more.
   */
  reset(why: string): void {
    // An attempt that has only begun has no stream yet.
    const stream: Redis['stream'] | undefined = this.#redis.stream;
    stream?.removeAllListeners('data');
    stream?.destroy();
    this.#end({ trouble: why, isCut: false, isUnanswered: false });
    this.#isCut = false; // ioredis hears of it in a moment, and must not be quick to open it again
  }

  close(): void {
    this.#redis.disconnect();
  }

  #take(): void {
    // Where SELECT was refused ioredis goes on in database 0, and rows would land there.
    if (this.#trouble !== '' && this.#redis.options.db) return this.reset(this.#trouble);
    this.isOpen = true;
    this.#pace.noteOpen();
    const { stream } = this.#redis;
    stream.removeAllListeners('data');
    let isFirst = true;
    stream.on('data', (chunk: Buffer) => {
      // ioredis takes a greeting for whole at its CR; where the LF comes later, it comes to us.
      const begin = isFirst && chunk[0] === LF ? 1 : 0;
      if (isFirst) this.#pace.noteUse();
      isFirst = false;
      if (chunk.length > begin) this.#events.onBytes(chunk.subarray(begin));
    });
    this.#events.onOpen();
  }

  #end(end: WireEnd): void {
    this.isOpen = false;
    this.#trouble = '';
    this.#wasCut = end.isCut;
    this.#isCut = true;
    this.#isOurs = false;
    this.#events.onClose(end);
  }
}
