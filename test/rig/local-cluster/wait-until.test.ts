import { expect, test } from 'vitest';
import { GiveUp, waitUntil } from '../../../rig/local-cluster/wait-until.ts';

test('the first answer that is neither undefined nor false is the answer, 0 too', async () => {
  const answers = [undefined, false, 0, 1];
  const wait = { what: 'it', timeoutMs: 1000, intervalMs: 1 };
  expect(await waitUntil(async () => answers.shift() as number | undefined | false, wait)).toBe(0);
});

test('the error says what was waited for, how long, and why it did not come', async () => {
  const ask = async (): Promise<boolean> => {
    throw new Error('connection refused');
  };
  await expect(waitUntil(ask, { what: 'the node answers', timeoutMs: 20 })).rejects.toThrow(
    'the node answers: not within 20 ms: connection refused',
  );
});

test('a question that gives up ends the waiting with its own error', async () => {
  const own = new Error('the process ended');
  const ask = async (): Promise<boolean> => {
    throw new GiveUp(own);
  };
  await expect(waitUntil(ask, { what: 'it', timeoutMs: 60_000 })).rejects.toBe(own);
});
