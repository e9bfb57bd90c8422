/**
 * The keys of a batch of ids, as bytes and without a string for each. What follows the prefix in
 * every key is encoded for thousands of ids at once: one string of them all, one call that writes
 * it.
 *
 *   prefix  fs:user:
 *   ids     'u1'  'größe'  'member'
 *   #rests   u1    größe    {vip}:member                  in UTF-8
 *   keys    fs:user:u1  fs:user:größe  fs:user:{vip}:member
 *
 * All ids are checked before anything is sent. Their slots are computed as the rows are routed,
 * while the servers are at work on the first of them.
 */

import type { CommandWriter } from '../cluster/resp/command-writer.ts';
import type { KeyedCommand } from '../cluster/resp/keyed-command.ts';
import type { KeyLayout } from './key.ts';

const encoder = new TextEncoder();
const NOTHING = new Uint8Array();
/** Up to this many characters a loop is quicker than a call that leaves JavaScript. */
const SHORT = 64;

export class EntityKeys {
  readonly #layout: KeyLayout;
  readonly #ids: readonly string[];
  #rests: Uint8Array = NOTHING;
  /** By row, where its rest ends; the next begins there. */
  readonly #ends: number[];
  #count = 0;

  constructor(layout: KeyLayout, ids: readonly string[]) {
    this.#layout = layout;
    this.#ids = ids;
    this.#ends = new Array<number>(ids.length);
  }

  /** Keys are made up to here. */
  get count(): number {
    return this.#count;
  }

  get isWhole(): boolean {
    return this.#count === this.#ids.length;
  }

  /** Makes the keys of some more ids. @throws FeatureStoreError INVALID_ID */
  extend(idCount: number): void {
    const count = this.#count;
    const isAll = count === 0 && idCount >= this.#ids.length;
    const ids = isAll ? this.#ids : this.#ids.slice(count, count + idCount);
    const text = this.#layout.plainTextOf(ids);
    if (text === undefined) return this.#extendOneByOne(ids);
    let end = this.#endOf(count - 1);
    this.#write(text, end, text.length);
    for (const { length } of ids) {
      end += length;
      this.#ends[this.#count++] = end;
    }
  }

  #extendOneByOne(ids: readonly string[]): void {
    for (const rest of Array.from(ids, (id) => this.#layout.restOf(id))) {
      const begin = this.#endOf(this.#count - 1);
      const byteCount = Buffer.byteLength(rest);
      this.#write(rest, begin, byteCount);
      this.#ends[this.#count++] = begin + byteCount;
    }
  }

  idOf(row: number): string {
    return this.#ids[row] ?? '';
  }

  slotOf(row: number): number {
    return this.#layout.slotBehind(this.#rests, this.#endOf(row - 1), this.#endOf(row));
  }

  bytesOf(row: number): number {
    return this.#layout.prefixBytes.length + this.#endOf(row) - this.#endOf(row - 1);
  }

  /** Writes the command with the row's key. */
  write(row: number, writer: CommandWriter, command: KeyedCommand): void {
    const { prefixBytes } = this.#layout;
    command.write(writer, prefixBytes, this.#rests, this.#endOf(row - 1), this.#endOf(row));
  }

  #endOf(row: number): number {
    return row < 0 ? 0 : (this.#ends[row] ?? 0);
  }

  #write(text: string, at: number, byteCount: number): void {
    this.#reserve(at + byteCount);
    const bytes = this.#rests;
    if (text.length > SHORT || text.length < byteCount)
      encoder.encodeInto(text, bytes.subarray(at));
    else for (let i = 0; i < byteCount; i++) bytes[at + i] = text.charCodeAt(i);
  }

  #reserve(byteCount: number): void {
    if (byteCount <= this.#rests.length) return;
    const grown = new Uint8Array(Math.max(byteCount, this.#rests.length * 2));
    grown.set(this.#rests);
    this.#rests = grown;
  }
}
