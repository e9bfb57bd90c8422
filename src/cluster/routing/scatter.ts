/**
 * Splits the rows of a batch by the shard that owns their key, and a shard's rows into chunks.
 *
 * Rows are positions in the batch, so that gather.ts can put every answer back in its place. A
 * chunk is handed on as soon as it is full: the first is on its way while the last rows are looked
 * at.
 */

import type { Address } from '../address.ts';

export interface ChunkLimits {
  readonly rowsPerChunk: number;
  readonly bytesPerChunk: number;
}

interface Filling {
  rows: number[];
  bytes: number;
}

export class Scatter {
  readonly #limits: ChunkLimits;
  readonly #emit: (owner: Address, rows: number[]) => void;
  readonly #filling = new Map<Address, Filling>();

  /**
   * @param emit takes a chunk within both limits; a row over `bytesPerChunk` is a chunk of its own
   */
  constructor(limits: ChunkLimits, emit: (owner: Address, rows: number[]) => void) {
    this.#limits = limits;
    this.#emit = emit;
  }

  add(row: number, owner: Address, rowBytes: number): void {
    const filling = this.#filling.get(owner);
    if (filling === undefined) {
      this.#filling.set(owner, { rows: [row], bytes: rowBytes });
      return;
    }
    const { rows } = filling;
    const { rowsPerChunk, bytesPerChunk } = this.#limits;
    if (rows.length < rowsPerChunk && filling.bytes + rowBytes <= bytesPerChunk) {
      rows.push(row);
      filling.bytes += rowBytes;
    } else {
      filling.rows = [row];
      filling.bytes = rowBytes;
      this.#emit(owner, rows);
    }
  }

  /** Hands on what is not full yet, a chunk with each step. */
  *end(): Generator<void> {
    for (const [owner, { rows }] of this.#filling) yield this.#emit(owner, rows);
    this.#filling.clear();
  }
}
