/**
 * The keys of one server: hashes whose fields may have a TTL each, and strings. What has expired by
 * the clock is gone when it is looked for. As on a server, a key or field is there up to and
 * including the millisecond that its TTL ends in (redis 8.0: keyIsExpired, hashTypeIsExpired).
 */

import { nameOf, type Bytes } from './bytes.ts';
import { Refusal, WRONG_TYPE } from './refusal.ts';

/** Milliseconds since 1970, which a test moves. */
export interface ServerClock {
  readonly nowMs: number;
}

/** What has no TTL. */
export const NEVER: number = Number.POSITIVE_INFINITY;

export interface Field {
  value: Bytes;
  expiresAtMs: number;
}

export interface Hash {
  readonly kind: 'hash';
  readonly fields: Map<string, Field>;
  expiresAtMs: number;
  /** No field expires before: fields are looked through when it is past. */
  firstFieldExpiresAtMs: number;
}

export interface Text {
  readonly kind: 'string';
  value: Bytes;
  expiresAtMs: number;
}

export type Entry = Hash | Text;

export class Keyspace {
  readonly #clock: ServerClock;
  readonly #entries = new Map<string, Entry>();

  constructor(clock: ServerClock) {
    this.#clock = clock;
  }

  get nowMs(): number {
    return this.#clock.nowMs;
  }

  find(key: Bytes): Entry | undefined {
    return this.#find(nameOf(key));
  }

  /** @throws Refusal WRONGTYPE */
  hash(key: Bytes): Hash | undefined {
    const entry = this.find(key);
    if (entry !== undefined && entry.kind !== 'hash') throw new Refusal(WRONG_TYPE);
    return entry;
  }

  /** The hash, or a new one; the caller puts a field into it. @throws Refusal WRONGTYPE */
  hashToFill(key: Bytes): Hash {
    const known = this.hash(key);
    if (known !== undefined) return known;
    const hash: Hash = {
      kind: 'hash',
      fields: new Map(),
      expiresAtMs: NEVER,
      firstFieldExpiresAtMs: NEVER,
    };
    this.put(key, hash);
    return hash;
  }

  put(key: Bytes, entry: Entry): void {
    this.#entries.set(nameOf(key), entry);
  }

  /** Whether there was such a key. */
  delete(key: Bytes): boolean {
    return this.find(key) !== undefined && this.#entries.delete(nameOf(key));
  }

  /** A hash whose last field is gone does not exist. */
  dropIfEmpty(key: Bytes, hash: Hash): void {
    if (hash.fields.size === 0) this.#entries.delete(nameOf(key));
  }

  /** Every key that is there now. */
  names(): string[] {
    return [...this.#entries.keys()].filter((name) => this.#find(name) !== undefined);
  }

  has(name: string): boolean {
    return this.#find(name) !== undefined;
  }

  #find(name: string): Entry | undefined {
    const entry = this.#entries.get(name);
    if (entry === undefined) return undefined;
    if (entry.kind === 'hash') dropExpiredFields(entry, this.nowMs);
    const isGone = entry.kind === 'hash' && entry.fields.size === 0;
    if (!isGone && this.nowMs <= entry.expiresAtMs) return entry;
    this.#entries.delete(name);
    return undefined;
  }
}

function dropExpiredFields(hash: Hash, nowMs: number): void {
  if (nowMs <= hash.firstFieldExpiresAtMs) return;
  hash.firstFieldExpiresAtMs = NEVER;
  for (const [name, { expiresAtMs }] of hash.fields) {
    if (nowMs > expiresAtMs) hash.fields.delete(name);
    else hash.firstFieldExpiresAtMs = Math.min(hash.firstFieldExpiresAtMs, expiresAtMs);
  }
}

/** Sets a field; gives whether it is new. The value is copied. */
export function setField(hash: Hash, name: Bytes, value: Bytes, expiresAtMs: number): boolean {
  const at = nameOf(name);
  const isNew = !hash.fields.has(at);
  hash.fields.set(at, { value: new Uint8Array(value), expiresAtMs });
  hash.firstFieldExpiresAtMs = Math.min(hash.firstFieldExpiresAtMs, expiresAtMs);
  return isNew;
}
