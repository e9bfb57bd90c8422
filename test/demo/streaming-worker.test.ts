import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { LoadOptions, LoadResult } from '../../src/index.ts';
import { StreamingWorker, type StreamingWorkerOptions } from '../../src/demo/streaming-worker.ts';

/** Takes what the worker writes; a tick lasts until `finish`, if `hold` was called. */
class Recorder {
  readonly writes: string[][] = [];
  readonly ids: string[] = Array.from({ length: 50 }, (_, index) => `u${index}`);
  failures: Error[] = [];
  #gate: { readonly promise: Promise<void>; readonly resolve: () => void } | undefined;
  underWay = 0;
  mostUnderWay = 0;

  hold(): void {
    let resolve: () => void = () => undefined;
    const promise = new Promise<void>((settle) => {
      resolve = settle;
    });
    this.#gate = { promise, resolve };
  }

  finish(): void {
    this.#gate?.resolve();
    this.#gate = undefined;
  }

  readonly updateStreamingBatch = async (
    rows: unknown,
    { signal }: LoadOptions = {},
  ): Promise<LoadResult> => {
    const ids = (rows as [string, object][]).map(([id]) => id);
    this.underWay++;
    this.mostUnderWay = Math.max(this.mostUnderWay, this.underWay);
    try {
      const failure = this.failures.shift();
      if (failure) throw failure;
      if (this.#gate) await Promise.race([this.#gate.promise, abortOf(signal)]);
      this.writes.push(ids);
      const counts = { pulled: ids.length, older: 0, absent: 0, neverSent: 0 };
      const loaded = ids.length;
      return { ...counts, loaded, committed: loaded, failed: [], elapsedMs: 1 };
    } finally {
      this.underWay--;
    }
  };
}

function abortOf(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    signal?.addEventListener('abort', () => reject(new Error('aborted')));
  });
}

function workerOn(store: Recorder, options: Partial<StreamingWorkerOptions> = {}): StreamingWorker {
  return new StreamingWorker({ store, listIds: async () => store.ids, ...options });
}

describe('the streaming worker', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test('goes from word to word, and ignores what does not apply', async () => {
    const worker = workerOn(new Recorder());
    const states: string[] = [worker.state];
    for (const step of [
      'pause',
      'resume',
      'start',
      'resume',
      'pause',
      'start',
      'resume',
    ] as const) {
      worker[step]();
      states.push(worker.state);
    }
    await worker.stop();
    await worker.stop();
    states.push(worker.state);
    expect(states).toEqual([
      'stopped',
      'stopped',
      'stopped',
      'running',
      'running',
      'paused',
      'paused',
      'running',
      'stopped',
    ]);
  });

  test('writes usersPerTick different users a tick, and counts ticks and features', async () => {
    const store = new Recorder();
    await using worker = workerOn(store, { usersPerTick: 5 });
    worker.start();
    await vi.advanceTimersByTimeAsync(2_500);
    expect(store.writes).toHaveLength(3);
    for (const ids of store.writes) expect(new Set(ids).size).toBe(5);
    expect([worker.tickCount, worker.writesCount]).toEqual([3, 75]);
    worker.resetCounts();
    expect([worker.tickCount, worker.writesCount]).toEqual([0, 0]);
  });

  test('the same seed chooses the same users', async () => {
    const stores = [new Recorder(), new Recorder()];
    for (const store of stores) {
      await using worker = workerOn(store, { seed: 7 });
      worker.start();
      await vi.advanceTimersByTimeAsync(1_500);
    }
    expect(stores[0]?.writes).toEqual(stores[1]?.writes);
  });

  test('takes all users when there are fewer, and ticks on when there are none', async () => {
    const store = new Recorder();
    store.ids.length = 2;
    await using worker = workerOn(store);
    worker.start();
    await vi.advanceTimersByTimeAsync(0);
    expect(store.writes[0]?.sort()).toEqual(['u0', 'u1']);
    store.ids.length = 0;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(store.writes).toHaveLength(1);
    expect([worker.tickCount, worker.writesCount]).toEqual([2, 10]);
  });

  test('ticks never overlap, however long one takes', async () => {
    const store = new Recorder();
    store.hold();
    await using worker = workerOn(store);
    worker.start();
    await vi.advanceTimersByTimeAsync(5_000);
    worker.pause();
    worker.resume();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(store.underWay).toBe(1);
    store.finish();
    await vi.advanceTimersByTimeAsync(999);
    expect(store.writes).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(store.writes).toHaveLength(2);
    expect(store.mostUnderWay).toBe(1);
  });

  test('a failed tick is logged, is not counted, and the next one comes', async () => {
    const store = new Recorder();
    store.failures = [new Error('no cluster')];
    const log = vi.fn<(line: string) => void>();
    await using worker = workerOn(store, { log });
    worker.start();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(log.mock.calls).toEqual([['streaming tick failed: no cluster']]);
    expect([worker.tickCount, store.writes.length]).toEqual([1, 1]);
  });

  test('nothing begins while it is paused', async () => {
    const store = new Recorder();
    await using worker = workerOn(store);
    worker.start();
    await vi.advanceTimersByTimeAsync(0);
    worker.pause();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(store.writes).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
    worker.resume();
    await vi.advanceTimersByTimeAsync(0);
    expect(store.writes).toHaveLength(2);
  });

  test('waitForIdle waits for the tick that is under way, but not for ever', async () => {
    const store = new Recorder();
    await using worker = workerOn(store);
    await expect(worker.waitForIdle(1)).resolves.toBe(true);
    store.hold();
    worker.start();
    await vi.advanceTimersByTimeAsync(0);
    worker.pause();
    const tooShort = worker.waitForIdle(100);
    await vi.advanceTimersByTimeAsync(100);
    await expect(tooShort).resolves.toBe(false);
    const enough = worker.waitForIdle(100);
    store.finish();
    await expect(enough).resolves.toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('stop gives up on the tick that is under way, without a word, and leaves no timer', async () => {
    const store = new Recorder();
    const log = vi.fn<(line: string) => void>();
    store.hold();
    const worker = workerOn(store, { log });
    worker.start();
    await vi.advanceTimersByTimeAsync(0);
    await worker.stop();
    expect([store.underWay, store.writes.length, log.mock.calls.length]).toEqual([0, 0, 0]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('starts again after a stop', async () => {
    const store = new Recorder();
    await using worker = workerOn(store);
    worker.start();
    await vi.advanceTimersByTimeAsync(0);
    await worker.stop();
    worker.start();
    await vi.advanceTimersByTimeAsync(0);
    expect(store.writes).toHaveLength(2);
  });
});
