import type { ReceivedBytes } from './received-bytes.ts';
import { MAX_TABLE_BYTES, sharedStrings } from './string-table.ts';

/** How often a column that pays may fail before it counts as one that does not. */
const FULL_CREDIT = 64;
/** So many values are then read past the table before it is tried again. */
const PAUSE = 4_096;
const CREDIT_AFTER_PAUSE = 8;

/**
 * The values of one row, read at once: a string, or null, per column; they stay until the next row
 * is read.
 *
 * It also learns which columns have values that come again: looking up those of the others
 * (amounts, timestamps) would cost more than it saves.
 */
export class ColumnValues {
  readonly values: (string | null)[];
  /** Strings among the values. */
  presentCount = 0;
  readonly #credits: Int16Array;

  constructor(columnCount: number) {
    this.values = new Array<null>(columnCount).fill(null);
    this.#credits = new Int16Array(columnCount).fill(FULL_CREDIT);
  }

  /** The text of the bytes, which are those of `chunk` too; undefined where they are not UTF-8. */
  textOf(
    column: number,
    bytes: Uint8Array,
    begin: number,
    end: number,
    chunk: ReceivedBytes,
  ): string | undefined {
    if (end - begin > MAX_TABLE_BYTES || !this.repeats(column)) return chunk.textOf(begin, end);
    const known = sharedStrings.find(bytes, begin, end);
    this.learn(column, known !== undefined);
    if (known !== undefined) return known;
    const text = chunk.textOf(begin, end);
    if (text !== undefined) sharedStrings.keep(text);
    return text;
  }

  /** Whether values of this column have been coming again. Asked for once per value. */
  repeats(column: number): boolean {
    const credit = this.#credits[column] ?? 0;
    if (credit > 0) return true;
    this.#credits[column] = credit === -1 ? CREDIT_AFTER_PAUSE : credit + 1;
    return false;
  }

  /** Says whether the value of the column was known. */
  learn(column: number, known: boolean): void {
    const credit = this.#credits[column] ?? 0;
    if (known) this.#credits[column] = Math.min(credit + 1, FULL_CREDIT);
    else this.#credits[column] = credit === 1 ? -PAUSE : credit - 1;
  }
}
