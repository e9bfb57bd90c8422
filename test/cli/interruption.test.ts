import { getEventListeners } from 'node:events';
import { expect, it } from 'vitest';
import { Interruption, unlessAborted } from '../../src/cli/interruption.ts';

it('fires once a signal is received, with the exit code that shells expect', () => {
  const before = process.listenerCount('SIGTERM');
  const interruption = new Interruption();
  process.emit('SIGTERM');
  interruption.clear();
  expect(interruption.signal.reason).toMatchObject({ code: 'INTERRUPTED', exitCode: 143 });
  expect(process.listenerCount('SIGTERM')).toBe(before);
});

it('gives what the promise gives, and takes its listener away', async () => {
  const { signal } = new AbortController();
  expect(await unlessAborted(signal, Promise.resolve(7))).toBe(7);
  await expect(unlessAborted(signal, Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(getEventListeners(signal, 'abort')).toStrictEqual([]);
});

it('throws the reason of the signal, before or meanwhile, and says that nobody waits', async () => {
  const controller = new AbortController();
  let abandonedCount = 0;
  const never = new Promise(() => undefined);
  const meanwhile = unlessAborted(controller.signal, never, () => abandonedCount++);
  controller.abort(new Error('stopped'));
  await expect(meanwhile).rejects.toThrow('stopped');
  const failing = Promise.reject(new Error('late'));
  await expect(unlessAborted(controller.signal, failing, () => abandonedCount++)).rejects.toThrow(
    'stopped',
  );
  expect(abandonedCount).toBe(2);
});
