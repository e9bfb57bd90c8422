import { getEventListeners } from 'node:events';
import { expect, onTestFinished, test, vi } from 'vitest';
import { Closing } from '../../../src/cluster/control/closing.ts';
import { Deadline } from '../../../src/cluster/delivery/deadline.ts';
import { FeatureStoreError } from '../../../src/errors.ts';

const open = new Closing();
const never = new Promise<never>(() => undefined);

/** Cleared when the test ends. */
function deadlineOf(...settings: ConstructorParameters<typeof Deadline>): Deadline {
  const deadline = new Deadline(...settings);
  onTestFinished(() => deadline.clear());
  return deadline;
}

function timerCount(): number {
  return process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length;
}

/** Whatever listens to a deadline is called when it passes. */
function passing(deadline: Deadline): Promise<void> {
  return new Promise((resolve) => {
    deadline.onPass(resolve);
  });
}

test('it passes at its time, not before', async () => {
  const startedAtMs = performance.now();
  const deadline = deadlineOf(50, open);
  expect(deadline.passed).toBe(false);
  await passing(deadline);
  expect(performance.now() - startedAtMs).toBeGreaterThan(48); // a timer rounds to whole milliseconds
  expect(deadline.passed).toBe(true);
  expect(deadline.error()).toMatchObject({ code: 'TIMEOUT', retryable: true });
  expect(deadline.error().message).toContain('timeoutMs 50');
});

test('a race is lost to the deadline with its error', async () => {
  const deadline = deadlineOf(50, open);
  await expect(deadline.race(never)).rejects.toMatchObject({ code: 'TIMEOUT' });
  await expect(deadline.race(never)).rejects.toMatchObject({ code: 'TIMEOUT' });
});

test('once cleared it has no timer, no listeners, and never passes', async () => {
  const closing = new Closing();
  const forgets = vi.spyOn(closing, 'delete');
  const caller = new AbortController();
  const before = timerCount();
  const deadline = deadlineOf(50, closing, caller.signal);
  const heard = vi.fn<() => void>();
  deadline.onPass(heard);
  deadline.race(never).catch(heard);
  expect(timerCount()).toBe(before + 1);
  deadline.clear();
  expect(timerCount()).toBe(before);
  expect(forgets).toHaveBeenCalledOnce();
  expect(getEventListeners(caller.signal, 'abort')).toHaveLength(0);
  caller.abort();
  await passing(deadlineOf(100, open));
  expect(deadline.passed).toBe(false);
  closing.close();
  expect(heard).not.toHaveBeenCalled();
});

test('a listener is called once, and one that has left is not', async () => {
  const deadline = deadlineOf(50, open);
  const heard: string[] = [];
  const listeners = ['a', 'b', 'c', 'd', 'e'].map((name) => () => void heard.push(name));
  const [, b, , , e] = listeners as [() => void, () => void, () => void, () => void, () => void];
  for (const listener of listeners) deadline.onPass(listener);
  for (const gone of [b, e, b]) deadline.offPass(gone);
  await passing(deadline);
  expect(heard.sort()).toStrictEqual(['a', 'c', 'd']);
});

test('who ends the others when told leaves nobody out', async () => {
  const deadline = deadlineOf(50, open);
  const heard: string[] = [];
  const second = (): void => void heard.push('second');
  deadline.onPass(() => {
    heard.push('first');
    deadline.offPass(second);
  });
  deadline.onPass(second);
  deadline.onPass(() => void heard.push('third'));
  await passing(deadline);
  expect(heard).toStrictEqual(['first', 'second', 'third']);
});

test('a race that is won gives its result or its own error', async () => {
  const deadline = deadlineOf(10_000, open);
  await expect(deadline.race(Promise.resolve(7))).resolves.toBe(7);
  await expect(deadline.race(Promise.reject(new Error('mine')))).rejects.toThrow('mine');
});

test("the caller's signal ends it at once, with the signal's reason as the cause", async () => {
  const caller = new AbortController();
  const deadline = deadlineOf(10_000, open, caller.signal);
  const race = deadline.race(never);
  const reason = new Error('enough');
  caller.abort(reason);
  expect(deadline.passed).toBe(true);
  await expect(race).rejects.toMatchObject({ code: 'ABORTED', retryable: false, cause: reason });
});

test('a signal that fired before is heard too', async () => {
  const deadline = deadlineOf(10_000, open, AbortSignal.abort());
  expect(deadline.passed).toBe(true);
  await expect(deadline.race(never)).rejects.toMatchObject({ code: 'ABORTED' });
});

test("the store's closing ends it, and is told before the caller's signal", async () => {
  const closing = new Closing();
  const caller = new AbortController();
  const deadline = deadlineOf(10_000, closing, caller.signal);
  const race = deadline.race(never);
  closing.close();
  caller.abort();
  await expect(race).rejects.toMatchObject({ code: 'CLOSED', retryable: false });
  expect(deadline.error()).toMatchObject({ code: 'CLOSED' });
});

test('a store that was closed before ends it from the beginning', () => {
  const closing = new Closing();
  closing.close();
  const deadline = deadlineOf(10_000, closing);
  expect(deadline.passed).toBe(true);
  expect(deadline.error()).toMatchObject({ code: 'CLOSED' });
});

test('the timeout says what stood in the way', () => {
  const deadline = deadlineOf(10_000, open);
  const obstacle = new FeatureStoreError('SHARD_UNAVAILABLE', 'a:1 is LOADING');
  const error = deadline.error(obstacle);
  expect(error).toMatchObject({ code: 'TIMEOUT', cause: obstacle });
  expect(error.message).toContain('last seen: a:1 is LOADING');
  expect('cause' in deadline.error()).toBe(false);
});

test('one store closes under many calls, each once', async () => {
  const closing = new Closing();
  const deadlines = Array.from({ length: 50 }, () => new Deadline(10_000, closing));
  const races = deadlines.map((deadline) => deadline.race(never));
  deadlines[7]?.clear();
  closing.close();
  const results = await Promise.allSettled(races.filter((_, index) => index !== 7));
  for (const result of results) expect(result).toMatchObject({ reason: { code: 'CLOSED' } });
  expect(await Promise.race([races[7], Promise.resolve('open')])).toBe('open');
});

test('a call that waits for nothing but its lane is not enrolled with the closing', () => {
  const closing = new Closing();
  const enrols = vi.spyOn(closing, 'add');
  const deadline = deadlineOf(10_000, closing);
  const heard = vi.fn<() => void>();
  deadline.onPass(heard);
  expect(enrols).not.toHaveBeenCalled();
  closing.close();
  expect(deadline.passed).toBe(true);
  expect(heard).not.toHaveBeenCalled(); // the lane reports it
  expect(deadline.error()).toMatchObject({ code: 'CLOSED' });
});

test('many races and pauses of one call end together', async () => {
  const caller = new AbortController();
  const deadline = deadlineOf(60_000, open, caller.signal);
  const races = Array.from({ length: 20 }, () => deadline.race(never));
  const pauses = Array.from({ length: 20 }, () => deadline.pause(60_000));
  caller.abort();
  await Promise.all(pauses);
  for (const race of races) await expect(race).rejects.toMatchObject({ code: 'ABORTED' });
});

test('a pause ends by itself', async () => {
  const deadline = deadlineOf(10_000, open);
  const startedAtMs = performance.now();
  await deadline.pause(20);
  expect(performance.now() - startedAtMs).toBeGreaterThanOrEqual(15);
  expect(deadline.passed).toBe(false);
});

test('a pause is cut short by the deadline', async () => {
  const caller = new AbortController();
  const deadline = deadlineOf(60_000, open, caller.signal);
  const pause = deadline.pause(60_000);
  caller.abort();
  await pause;
  await deadline.pause(60_000);
  expect(deadline.passed).toBe(true);
});

test('a deadline that nobody races passes without an unhandled rejection', async () => {
  const unhandled: unknown[] = [];
  const note = (reason: unknown): number => unhandled.push(reason);
  process.on('unhandledRejection', note);
  const deadline = deadlineOf(10_000, open, AbortSignal.abort());
  await new Promise((resolve) => setImmediate(resolve));
  process.off('unhandledRejection', note);
  expect(deadline.passed).toBe(true);
  expect(unhandled).toStrictEqual([]);
});
