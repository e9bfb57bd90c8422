import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { Gather, NO_FAILURES } from '../../../src/cluster/routing/gather.ts';
import { Scatter } from '../../../src/cluster/routing/scatter.ts';
import { FeatureStoreError } from '../../../src/errors.ts';

const lost = new FeatureStoreError('CONNECTION_LOST', 'lost');

test('answers stand at their row, in whatever order they came', () => {
  const gather = new Gather<string>(3);
  gather.answer(2, 'c');
  gather.answer(0, 'a');
  gather.answer(1, 'b');
  expect(gather.result()).toStrictEqual({ answers: ['a', 'b', 'c'], failures: NO_FAILURES });
});

test('a failed row has an error and no answer, and failures ascend', () => {
  const late = new FeatureStoreError('TIMEOUT', 'late');
  const gather = new Gather<string>(3);
  gather.fail(2, late);
  gather.answer(1, 'b');
  gather.fail(0, lost);
  const { answers, failures } = gather.result();
  expect(answers).toStrictEqual([undefined, 'b', undefined]);
  expect([...failures]).toStrictEqual([
    [0, lost],
    [2, late],
  ]);
});

test('no rows are settled from the beginning', () => {
  expect(new Gather<string>(0).result()).toStrictEqual({ answers: [], failures: NO_FAILURES });
});

test('an answer that is undefined or false is an answer all the same', () => {
  const gather = new Gather<boolean | undefined>(2);
  gather.answer(0, undefined);
  gather.answer(1, false);
  expect(() => gather.answer(0, true)).toThrow('row 0 was settled twice');
  expect(gather.result().answers).toStrictEqual([undefined, false]);
});

test.each(['answer', 'fail'] as const)('a row that has its %s is never settled again', (first) => {
  const gather = new Gather<string>(2);
  if (first === 'answer') gather.answer(1, 'b');
  else gather.fail(1, lost);
  expect(() => gather.answer(1, 'c')).toThrow('row 1 was settled twice');
  expect(() => gather.fail(1, lost)).toThrow('row 1 was settled twice');
  expect(() => gather.result()).toThrow('1 rows were never settled');
});

test.each([-1, 2, 0.5, Number.NaN])('%d is no row of two', (row) => {
  const gather = new Gather<string>(2);
  expect(() => gather.answer(row, 'x')).toThrow('is no row');
  expect(() => gather.result()).toThrow('2 rows were never settled');
});

test('gathering undoes scattering: every row its own answer, whichever shard is first', () => {
  const owner = fc.option(fc.constantFrom('a', 'b', 'c'), { nil: undefined });
  const batch = fc
    .array(owner, { maxLength: 40 })
    .chain((owners) =>
      fc.tuple(fc.constant(owners), fc.shuffledSubarray(['a', 'b', 'c'], { minLength: 3 })),
    );
  fc.assert(
    fc.property(batch, ([owners, order]) => {
      const limits = { rowsPerChunk: 3, bytesPerChunk: 100 };
      const chunks: (readonly [shard: string, rows: number[]])[] = [];
      const scatter = new Scatter(limits, (shard, rows) => chunks.push([shard, rows]));
      const unrouted: number[] = [];
      for (const [row, name] of owners.entries()) {
        if (name === undefined) unrouted.push(row);
        else scatter.add(row, name, 1);
      }
      for (const _ of scatter.end());
      const gather = new Gather<string>(owners.length);
      for (const row of unrouted) gather.fail(row, lost);
      for (const next of order) {
        for (const [shard, rows] of chunks.filter(([name]) => name === next)) {
          for (const row of rows) gather.answer(row, `${shard}${row}`);
        }
      }
      const { answers, failures } = gather.result();
      expect(answers).toStrictEqual(owners.map((name, row) => name && `${name}${row}`));
      expect([...failures.keys()]).toStrictEqual(unrouted);
    }),
  );
});
