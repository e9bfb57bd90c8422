/**
 * Rows whose commands are encoded already: any number of commands for each row, one after the other
 * in one buffer.
 *
 *   HSET … EXPIRE …│HSET … EXPIRE …│MULTI … EXEC│…
 *   ├ command ┤     ├─── row ─────┤ └ a transaction counts as one command, with several replies
 */

import type { KeyTable } from '../routing/key-table.ts';
import type { CommandWriter, Word } from './command-writer.ts';

export class EncodedRows {
  readonly writer: CommandWriter;
  /** Lua that commands call by its SHA1. */
  script: string | undefined;
  /** Rows that have ended. */
  count = 0;
  /** Command `c` is written from `#ends[c]` to `#ends[c + 1]`. */
  readonly #ends: number[];
  /** The commands of row `r` are those from `#firsts[r]` on, and before `#firsts[r + 1]`. */
  readonly #firsts: number[];
  #commandCount = 0;
  /** By command, where it has not one reply. */
  #replyCounts: Map<number, number> | undefined;

  /**
   * @param writer may hold more than these rows, which are written after it
   * @param rowCount how many rows are expected, of two commands
   */
  constructor(writer: CommandWriter, rowCount = 1) {
    this.writer = writer;
    this.#ends = new Array<number>(2 * rowCount + 1);
    this.#firsts = new Array<number>(rowCount + 1);
    this.#ends[0] = writer.length;
    this.#firsts[0] = 0;
  }

  /** Writes one command: its name, the key of that row of `keys`, and the words after the key. */
  add(keys: KeyTable, row: number, [name, ...words]: readonly [string, ...Word[]]): void {
    this.writer.arrayHeader(2 + words.length);
    this.writer.bulkString(name);
    this.writer.key(keys, row);
    for (const word of words) this.writer.bulk(typeof word === 'number' ? String(word) : word);
    this.endCommand();
  }

  /** The command that was written into `writer` ends; a transaction has a reply per command. */
  endCommand(replyCount = 1): void {
    if (replyCount !== 1) (this.#replyCounts ??= new Map()).set(this.#commandCount, replyCount);
    this.#ends[++this.#commandCount] = this.writer.length;
  }

  endRow(): void {
    this.#firsts[++this.count] = this.#commandCount;
  }

  /** Takes back what was written of a row that has not ended. */
  cancelRow(): void {
    const first = this.#firsts[this.count] ?? 0;
    for (let at = first; at < this.#commandCount; at++) this.#replyCounts?.delete(at);
    this.#commandCount = first;
    this.writer.truncate(this.#ends[this.#commandCount] ?? 0);
  }

  /**
   * Writes the row's commands, `before` in front of each where it is given; of a transaction in
   * front of MULTI. Gives the number of their replies, without those to `before`.
   */
  write(row: number, to: CommandWriter, before: Uint8Array | undefined): number {
    const first = this.#firsts[row] ?? 0;
    const end = this.#firsts[row + 1] ?? 0;
    if (before === undefined) {
      to.copy(this.writer, this.#ends[first] ?? 0, this.#ends[end] ?? 0);
    } else {
      for (let command = first; command < end; command++) {
        to.encoded(before);
        to.copy(this.writer, this.#ends[command] ?? 0, this.#ends[command + 1] ?? 0);
      }
    }
    let replyCount = end - first;
    if (this.#replyCounts !== undefined) {
      for (let at = first; at < end; at++) replyCount += (this.#replyCounts.get(at) ?? 1) - 1;
    }
    return replyCount;
  }

  bytesOf(row: number): number {
    const [first, end] = [this.#firsts[row] ?? 0, this.#firsts[row + 1] ?? 0];
    return (this.#ends[end] ?? 0) - (this.#ends[first] ?? 0);
  }

  /** How many replies each of the row's commands has. */
  repliesOf(row: number): readonly number[] {
    const counts: number[] = [];
    for (let at = this.#firsts[row] ?? 0; at < (this.#firsts[row + 1] ?? 0); at++) {
      counts.push(this.#replyCounts?.get(at) ?? 1);
    }
    return counts;
  }
}
