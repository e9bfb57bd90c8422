import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { chunk, scatter } from '../../src/cluster/scatter.ts';

test('rows are grouped by owner in their order, and those without an owner are kept', () => {
  const owners = ['b', 'a', undefined, 'b', 'a', undefined];
  const { byShard, unrouted } = scatter(owners.keys(), (row) => owners[row]);
  expect([...byShard]).toStrictEqual([
    ['b', [0, 3]],
    ['a', [1, 4]],
  ]);
  expect(unrouted).toStrictEqual([2, 5]);
});

test('nothing to scatter goes nowhere', () => {
  const { byShard, unrouted } = scatter([], () => 'a');
  expect(byShard.size).toBe(0);
  expect(unrouted).toStrictEqual([]);
});

test('rows are asked for once, by their own number and not by their place', () => {
  const asked: number[] = [];
  scatter([7, 3], (row) => {
    asked.push(row);
    return 'a';
  });
  expect(asked).toStrictEqual([7, 3]);
});

test('each row is in one place exactly, and no shard reorders its rows', () => {
  const owner = fc.option(fc.constantFrom('a', 'b', 'c', 'd'), { nil: undefined });
  fc.assert(
    fc.property(fc.array(owner, { maxLength: 60 }), (owners) => {
      const { byShard, unrouted } = scatter(owners.keys(), (row) => owners[row]);
      const rowsOf = (name: string | undefined): number[] =>
        [...owners.keys()].filter((row) => owners[row] === name);
      for (const [shard, rows] of byShard) expect(rows).toStrictEqual(rowsOf(shard));
      expect(unrouted).toStrictEqual(rowsOf(undefined));
      const everywhere = [...byShard.values(), unrouted].flat();
      expect(everywhere.sort((a, b) => a - b)).toStrictEqual([...owners.keys()]);
    }),
  );
});

test('a chunk is full at its row limit', () => {
  const limits = { rowsPerChunk: 2, bytesPerChunk: 100 };
  expect(chunk([5, 6, 7, 8, 9], limits, () => 1)).toStrictEqual([[5, 6], [7, 8], [9]]);
});

test('a chunk may hold exactly its bytes, and not one more', () => {
  const limits = { rowsPerChunk: 10, bytesPerChunk: 10 };
  const bytes = [5, 5, 1, 9, 1];
  expect(chunk([0, 1, 2, 3, 4], limits, (row) => bytes[row] ?? 0)).toStrictEqual([
    [0, 1],
    [2, 3],
    [4],
  ]);
});

test('a row over the byte limit goes alone, wherever it stands', () => {
  const limits = { rowsPerChunk: 10, bytesPerChunk: 10 };
  const bytes = [11, 1, 1, 50, 1, 99];
  const chunks = chunk([0, 1, 2, 3, 4, 5], limits, (row) => bytes[row] ?? 0);
  expect(chunks).toStrictEqual([[0], [1, 2], [3], [4], [5]]);
});

test('no rows make no chunk', () => {
  expect(chunk([], { rowsPerChunk: 1, bytesPerChunk: 1 }, () => 1)).toStrictEqual([]);
});

test('chunks in a row are the rows, each within its limits, and none cut without need', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat({ max: 30 }), { maxLength: 80 }),
      fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: 1, max: 60 }),
      (bytes, rowsPerChunk, bytesPerChunk) => {
        const bytesOf = (row: number): number => bytes[row] ?? 0;
        const total = (rows: readonly number[]): number =>
          rows.reduce((sum, row) => sum + bytesOf(row), 0);
        const chunks = chunk([...bytes.keys()], { rowsPerChunk, bytesPerChunk }, bytesOf);
        expect(chunks.flat()).toStrictEqual([...bytes.keys()]);
        for (const [index, rows] of chunks.entries()) {
          expect(rows.length).toBeGreaterThan(0);
          expect(rows.length).toBeLessThanOrEqual(rowsPerChunk);
          expect(rows.length === 1 || total(rows) <= bytesPerChunk).toBe(true);
          const next = chunks[index + 1]?.slice(0, 1);
          const fits =
            next && rows.length < rowsPerChunk && total([...rows, ...next]) <= bytesPerChunk;
          expect(fits ?? false).toBe(false);
        }
      },
    ),
  );
});
