/**
 * How large the replies to rows of one kind are, and so how many rows a node may owe at once.
 *
 * A server closes the connection of a client that it owes too much (client-output-buffer-limit,
 * maxmemory-clients), and everything it owed is lost. What is sent again unchanged is lost again.
 * So:
 * - The bytes per row are learned from the replies. A part has no more rows than its replies should
 *   fit in.
 * - Where a connection is lost in the middle of a part, a quarter of its rows is sent at once, down
 *   to one row; with every part that is answered it may be a little more again.
 * - A part is heavy if its replies are large, or it is as large as it may be after a loss. A lane
 *   has one heavy part under way at a time.
 */

import { BYTES_PER_ROW, MAX_PART_ROWS, PART_BYTES } from '../limits.ts';

/**
 * From here on a part is heavy. 500 rows of 50 numbers are 350 kB: they are sent as ever, several
 * parts at once.
 */
const HEAVY_BYTES = PART_BYTES;
/** Rows are not all alike: each counts as this part, at least, of the largest one seen lately. */
const SHARE_OF_LARGEST = 8;
/** The estimate looks back about this many rows. */
const MEMORY_ROWS = 256;
const SMALLER_AFTER_LOSS = 4;
const GROWTH = 16;

/** How many usual rows so many bytes are worth, in a turn that bounds rows. */
export function rowsWorth(byteCount: number): number {
  return byteCount < 2 * BYTES_PER_ROW ? 1 : Math.floor(byteCount / BYTES_PER_ROW);
}

export class ReplySize {
  #meanBytes = 0;
  #largestBytes = 0;
  /** Rows of a part since the last loss in the middle of one. */
  #mostRows = Number.POSITIVE_INFINITY;

  /** Takes what was read: how many rows, their bytes, and those of the largest. */
  note(rowCount: number, bytes: number, largestBytes: number): void {
    const weight = Math.min(1, rowCount / MEMORY_ROWS);
    const meanBytes = bytes / rowCount;
    // Up at once, down slowly.
    if (meanBytes > this.#meanBytes) this.#meanBytes = meanBytes;
    else this.#meanBytes += (meanBytes - this.#meanBytes) * weight;
    this.#largestBytes = Math.max(largestBytes, this.#largestBytes * (1 - weight / 2));
  }

  /** A part was answered. */
  noteAnswered(): void {
    if (this.#mostRows === Number.POSITIVE_INFINITY) return;
    this.#mostRows += Math.max(1, Math.floor(this.#mostRows / GROWTH));
    if (this.#mostRows > MAX_PART_ROWS) this.#mostRows = Number.POSITIVE_INFINITY;
  }

  /** The connection was lost in the middle of a part of this many rows. */
  noteCut(rowCount: number): void {
    const fewer = Math.max(1, Math.floor(rowCount / SMALLER_AFTER_LOSS));
    this.#mostRows = Math.min(this.#mostRows, fewer);
  }

  /** Rows that a part may have. */
  get rowsPerPart(): number {
    return Math.min(this.#mostRows, Math.max(1, Math.floor(PART_BYTES / this.#rowBytes)));
  }

  /** The same for a part that goes whole unless that has failed. */
  get rowsPerWhole(): number {
    return this.#mostRows === Number.POSITIVE_INFINITY ? this.#mostRows : this.rowsPerPart;
  }

  isHeavy(rowCount: number): boolean {
    return rowCount >= this.#mostRows || rowCount * this.#rowBytes >= HEAVY_BYTES;
  }

  get #rowBytes(): number {
    return Math.max(this.#meanBytes, this.#largestBytes / SHARE_OF_LARGEST, 1);
  }
}
