import { expect, test } from 'vitest';
import { writeQueue } from '../../src/demo/write-queue.ts';

test('each begins when the one before has ended, well or not', async () => {
  const inTurn = writeQueue();
  const steps: string[] = [];
  const run = (name: string, fails = false): Promise<string> =>
    inTurn(async () => {
      steps.push(`${name} begins`);
      await Promise.resolve();
      steps.push(`${name} ends`);
      if (fails) throw new Error(name);
      return name;
    });
  const all = await Promise.allSettled([run('a'), run('b', true), run('c')]);
  expect(all.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(steps).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
});
