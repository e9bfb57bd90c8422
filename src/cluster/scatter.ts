/**
 * Splits the rows of a batch by the shard that owns their key, and a shard's rows into chunks.
 *
 * Rows are positions in the batch, so that gather.ts can put every answer back in its place.
 * Nothing is dropped: a row whose slot has no owner is in `unrouted`.
 */

import type { Address } from './address.ts';

export interface Scattered {
  readonly byShard: ReadonlyMap<Address, number[]>;
  readonly unrouted: readonly number[];
}

/** @param ownerOf the address of the shard that owns the row's key, if any shard does */
export function scatter(
  rows: Iterable<number>,
  ownerOf: (row: number) => Address | undefined,
): Scattered {
  const byShard = new Map<Address, number[]>();
  const unrouted: number[] = [];
  for (const row of rows) {
    const owner = ownerOf(row);
    if (owner === undefined) {
      unrouted.push(row);
      continue;
    }
    const shardRows = byShard.get(owner);
    if (shardRows) shardRows.push(row);
    else byShard.set(owner, [row]);
  }
  return { byShard, unrouted };
}

export interface ChunkLimits {
  readonly rowsPerChunk: number;
  readonly bytesPerChunk: number;
}

/** Cuts rows into chunks within both limits; a row over `bytesPerChunk` is a chunk of its own. */
export function chunk(
  rows: readonly number[],
  limits: ChunkLimits,
  bytesOf: (row: number) => number,
): number[][] {
  const chunks: number[][] = [];
  let current: number[] = [];
  let currentBytes = 0;
  for (const row of rows) {
    const rowBytes = bytesOf(row);
    const full =
      current.length >= limits.rowsPerChunk || currentBytes + rowBytes > limits.bytesPerChunk;
    if (full && current.length > 0) {
      chunks.push(current);
      current = [];
      currentBytes = 0;
    }
    current.push(row);
    currentBytes += rowBytes;
  }
  if (current.length > 0) chunks.push(current);
  return chunks;
}
