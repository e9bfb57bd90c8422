import { isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { Scatter, type ChunkLimits } from '../../../src/cluster/routing/scatter.ts';

interface Row {
  readonly owner: string;
  readonly bytes: number;
}
type Chunk = readonly [owner: string, rows: number[]];

const NO_LIMITS: ChunkLimits = { rowsPerChunk: Infinity, bytesPerChunk: Infinity };

/**
 * The chunks as they were when they were handed on; each is kept beside, to see that it stays so.
 */
class Run {
  readonly chunks: Chunk[] = [];
  readonly #given: (readonly number[])[] = [];
  readonly #scatter: Scatter;

  constructor(limits: ChunkLimits) {
    this.#scatter = new Scatter(limits, (owner, rows) => {
      this.chunks.push([owner, [...rows]]);
      this.#given.push(rows);
    });
  }

  add(row: number, owner: string, bytes = 1): this {
    this.#scatter.add(row, owner, bytes);
    return this;
  }

  end(): Chunk[] {
    for (const _ of this.#scatter.end());
    const before = this.chunks.map(([, rows]) => rows);
    if (!isDeepStrictEqual(this.#given, before)) throw new Error('a chunk was changed afterwards');
    return this.chunks;
  }

  /** The chunks of an owner, in the order in which they were handed on. */
  of(owner: string): number[][] {
    return this.chunks.filter(([name]) => name === owner).map(([, rows]) => rows);
  }
}

/** Rows 0, 1, 2, … of one owner. */
function chunksOf(bytes: readonly number[], limits: ChunkLimits): number[][] {
  const run = new Run(limits);
  for (const [row, rowBytes] of bytes.entries()) run.add(row, 'a', rowBytes);
  return run.end().map(([, rows]) => rows);
}

test('rows are grouped by owner in their order', () => {
  const run = new Run(NO_LIMITS);
  for (const [row, owner] of ['b', 'a', 'b', 'c', 'a'].entries()) run.add(row, owner);
  expect(run.chunks).toStrictEqual([]);
  expect(run.end()).toStrictEqual([
    ['b', [0, 2]],
    ['a', [1, 4]],
    ['c', [3]],
  ]);
});

test('nothing to scatter goes nowhere, and nothing goes twice', () => {
  const run = new Run(NO_LIMITS);
  expect(run.end()).toStrictEqual([]);
  expect(run.add(0, 'a').end()).toStrictEqual([['a', [0]]]);
  expect(run.end()).toHaveLength(1);
});

test('rows keep their own numbers, whatever their place', () => {
  const run = new Run({ rowsPerChunk: 2, bytesPerChunk: 100 });
  expect(run.add(7, 'a').add(3, 'a').add(5, 'a').end()).toStrictEqual([
    ['a', [7, 3]],
    ['a', [5]],
  ]);
});

test('a chunk is full at its row limit', () => {
  const limits = { rowsPerChunk: 2, bytesPerChunk: 100 };
  expect(chunksOf([1, 1, 1, 1, 1], limits)).toStrictEqual([[0, 1], [2, 3], [4]]);
  expect(chunksOf([1, 1], { rowsPerChunk: 1, bytesPerChunk: 100 })).toStrictEqual([[0], [1]]);
});

test('a chunk may hold exactly its bytes, and not one more', () => {
  const limits = { rowsPerChunk: 10, bytesPerChunk: 10 };
  expect(chunksOf([5, 5, 1, 9, 1], limits)).toStrictEqual([[0, 1], [2, 3], [4]]);
});

test('a row over the byte limit goes alone, wherever it stands', () => {
  const limits = { rowsPerChunk: 10, bytesPerChunk: 10 };
  expect(chunksOf([11, 1, 1, 50, 1, 99], limits)).toStrictEqual([[0], [1, 2], [3], [4], [5]]);
});

test('a full chunk is on its way while rows are added, and waits for no other owner', () => {
  const run = new Run({ rowsPerChunk: 2, bytesPerChunk: 100 });
  run.add(0, 'a').add(1, 'b').add(2, 'a').add(3, 'a');
  expect(run.chunks).toStrictEqual([['a', [0, 2]]]);
  run.add(4, 'a').add(5, 'a');
  expect(run.chunks).toStrictEqual([
    ['a', [0, 2]],
    ['a', [3, 4]],
  ]);
  run.end();
  expect([run.of('a').at(-1), run.of('b')]).toStrictEqual([[5], [[1]]]);
});

/** What must come of the rows of one owner. */
function cutPlainly(rows: readonly (readonly [number, Row])[], limits: ChunkLimits): number[][] {
  const chunks: number[][] = [];
  let bytesLeft = 0;
  for (const [row, { bytes }] of rows) {
    const chunk = chunks.at(-1);
    if (chunk && chunk.length < limits.rowsPerChunk && bytes <= bytesLeft) chunk.push(row);
    else {
      chunks.push([row]);
      bytesLeft = limits.bytesPerChunk;
    }
    bytesLeft -= bytes;
  }
  return chunks;
}

const anyRow: fc.Arbitrary<Row> = fc.record({
  owner: fc.constantFrom('a', 'b', 'c', 'd'),
  bytes: fc.nat({ max: 30 }),
});

test('each row is in one chunk exactly, in order, within the limits, and none is cut without need', () => {
  fc.assert(
    fc.property(
      fc.array(anyRow, { maxLength: 120 }),
      fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: 1, max: 60 }),
      (rows, rowsPerChunk, bytesPerChunk) => {
        const run = new Run({ rowsPerChunk, bytesPerChunk });
        for (const [row, { owner, bytes }] of rows.entries()) {
          run.add(row, owner, bytes);
          // No more is held back than a chunk of each owner.
          const heldBack = row + 1 - run.chunks.flatMap(([, chunk]) => chunk).length;
          expect(heldBack).toBeLessThanOrEqual(4 * rowsPerChunk);
        }
        run.end();
        for (const name of ['a', 'b', 'c', 'd']) {
          const own = [...rows.entries()].filter(([, { owner }]) => owner === name);
          const chunks = run.of(name);
          expect(chunks).toStrictEqual(cutPlainly(own, { rowsPerChunk, bytesPerChunk }));
          expect(chunks.flat()).toStrictEqual(own.map(([row]) => row));
          for (const chunk of chunks) {
            const bytes = chunk.reduce((sum, row) => sum + (rows[row]?.bytes ?? 0), 0);
            expect(chunk.length).toBeLessThanOrEqual(rowsPerChunk);
            expect(chunk.length === 1 || bytes <= bytesPerChunk).toBe(true);
          }
        }
      },
    ),
    { numRuns: 300 },
  );
});
