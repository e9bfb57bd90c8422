/**
 * What a server says before it closes a connection that it does not want.
 *
 * It says so at once ("-ERR max number of clients reached") and closes, often before the greeting
 * is read. ioredis then reports the reset of the socket and not the words, so they are read here as
 * well.
 */

import { nextTick, queueMicrotask } from '../../runtime/clock.ts';
import type { Redis } from './ioredis.ts';
import { serverWords } from '../routing/server-words.ts';
import { MAX_FIRST_WORDS_BYTES } from '../limits.ts';

/** The first byte of a TLS record: an alert, or a handshake. */
const TLS_RECORDS: ReadonlySet<number | undefined> = new Set([0x15, 0x16]);
/** Answers to a greeting that a client goes on after, with an older protocol. */
const HARMLESS = /unknown command|NOPROTO/i;

export class FirstWords {
  #bytes: Buffer = Buffer.alloc(0);

  constructor(redis: Redis) {
    // ioredis has its stream a few ticks later, and still before it can be connected.
    const soon = (): void => nextTick(() => greetAtOnce(redis));
    redis.on('connecting', () => nextTick(() => queueMicrotask(soon)));
    redis.on('connect', () => {
      this.#bytes = Buffer.alloc(0);
      redis.stream.on('data', (chunk: Buffer) => {
        if (this.#bytes.length < MAX_FIRST_WORDS_BYTES)
          this.#bytes = Buffer.concat([this.#bytes, chunk]);
      });
    });
  }

  /** Empty where the first that the server said was no refusal. */
  get refusal(): string {
    if (TLS_RECORDS.has(this.#bytes[0])) return 'it answers in TLS';
    const [, line = ''] = /^-([^\r\n]*)/.exec(this.#bytes.toString('latin1')) ?? [];
    return HARMLESS.test(line) ? '' : line;
  }
}

/**
 * In one write: a second one to a connection that was reset would end it with the server's words
 * unread.
 */
function greetAtOnce(redis: Redis): void {
  const stream: Redis['stream'] | undefined = redis.stream;
  for (const event of ['connect', 'secureConnect']) {
    stream?.prependOnceListener(event, () => {
      stream.cork();
      nextTick(() => stream.uncork());
    });
  }
}

/** The words with what to do about them, where that is known. */
export function explained(said: string): string {
  const words = serverWords(said);
  const advice = ADVICE.find(([pattern]) => pattern.test(words))?.[1];
  return advice === undefined ? words : `${firstSentence(words)} (${advice})`;
}

/** `explained`, of the first connection to a server. */
export function explainedAtFirst(words: string): string {
  if (!/^(Connection is closed\.?|(read|write) (ECONNRESET|EPIPE))$/.test(words))
    return explained(words);
  return `${words} (the server closed the connection without a word: a TLS port wants rediss://)`;
}

/**
 * Whether the same attempt cannot go well later: credentials, rights, certificates, the wrong
 * protocol.
 */
export function isFinal(words: string): boolean {
  return isDenial(words) || /certificate|altnames|in TLS|wrong version number/i.test(words);
}

/** Whether the server refuses this user, or everybody from here. */
export function isDenial(words: string): boolean {
  return /\b(NOAUTH|WRONGPASS|NOPERM|DENIED)\b/.test(words);
}

const ADVICE: readonly (readonly [RegExp, string])[] = [
  [/max number of clients/, 'raise maxclients, or open fewer connections'],
  [
    /DENIED.*protected mode/,
    'give the server a password, or bind it to the addresses it may serve',
  ],
  [/in TLS/, 'use rediss:// or redisOptions.tls'],
  [/wrong version number|packet length too long/, 'the port does not speak TLS: use redis://'],
];

function firstSentence(words: string): string {
  return words.split('. ', 1)[0] ?? words;
}
