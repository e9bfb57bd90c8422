import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { checkedScorer, loadScorer } from '../../src/cli/scorer.ts';
import { temporaryFolder } from './temporary-folder.ts';

const ROWS = [{ a: '1' }, { a: '2' }];
const IDS = ['u1', 'u2'];

function scoring(scores: unknown): Promise<ArrayLike<number>> {
  return checkedScorer('m.js', { score: () => scores }).score(ROWS, IDS);
}

it('loads a module and hands it rows and ids', async () => {
  const path = join(await temporaryFolder(), 'scorer.mjs');
  await writeFile(
    path,
    'export const features = ["a"]; export const score = async (rows, ids) => rows.map((row, i) => Number(row.a) + ids[i].length)',
  );
  const scorer = await loadScorer(path);
  expect(scorer.features).toStrictEqual(['a']);
  expect(await scorer.score(ROWS, IDS)).toStrictEqual([3, 4]);
});

it('takes typed arrays, as models give them', async () => {
  expect(await scoring(new Float32Array([0.5, 0.25]))).toStrictEqual(new Float32Array([0.5, 0.25]));
});

it.each([
  ['no function', {}, 'must export a function score(rows, ids)'],
  ['another thing than a function', { score: 3 }, 'must export a function score(rows, ids)'],
  ['features that are no list', { score: () => [], features: 'a,b' }, 'not a list of names'],
  ['an empty list of features', { score: () => [], features: [] }, 'not a list of names'],
])('refuses a module with %s', (_, module, problem) => {
  expect(() => checkedScorer('m.js', module)).toThrow(problem);
});

it('says which module cannot be loaded, and why', async () => {
  const path = join(await temporaryFolder(), 'broken.mjs');
  await writeFile(path, 'throw new Error("no weights")');
  await expect(loadScorer(path)).rejects.toMatchObject({
    code: 'INVALID_SCORER',
    exitCode: 1,
    message: `scorer ${path} cannot be loaded: no weights`,
  });
});

it.each([
  ['too few', [1], "gave 1 scores for the chunk of 2 rows that begins with id 'u1'"],
  ['too many', [1, 2, 3], 'gave 3 scores'],
  ['nothing', undefined, 'gave undefined'],
  ['an object', { u1: 1, u2: 2 }, 'gave an object'],
  ['a string', '12', 'gave a string'],
  [
    'NaN',
    [1, Number.NaN],
    "gave NaN for row 1 of the chunk of 2 rows that begins with id 'u1', id 'u2'",
  ],
  ['an infinity', [Infinity, 1], 'gave Infinity for row 0'],
  ['null', [1, null], 'gave null for row 1'],
  ['a number in a string', [1, '2'], 'gave a string for row 1'],
  ['a hole', Array.from({ length: 2 }), 'gave undefined for row 0'],
  ['big integers', new BigInt64Array(2), 'gave 0 for row 0'],
])('refuses scores: %s', async (_, scores, problem) => {
  await expect(scoring(scores)).rejects.toMatchObject({
    code: 'SCORER_FAILED',
    message: expect.stringContaining(`scorer m.js ${problem}`),
  });
});

it.each([
  [
    'throws',
    () => {
      throw new Error('out of range');
    },
  ],
  ['rejects', () => Promise.reject(new Error('out of range'))],
])('says where a scorer %s', async (_, score) => {
  await expect(checkedScorer('m.js', { score }).score(ROWS, IDS)).rejects.toMatchObject({
    code: 'SCORER_FAILED',
    message: "scorer m.js threw on the chunk of 2 rows that begins with id 'u1': out of range",
    cause: expect.objectContaining({ message: 'out of range' }),
  });
});
