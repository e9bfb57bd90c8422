/**
 * The clock and the queues of the event loop, taken when this file is loaded.
 *
 * Test runners put fakes in place of the global ones, and a test that holds the clock still reads
 * from its store: a deadline must pass by real time, and bytes must be sent. So everything in this
 * package takes them from here. They come from Node's own modules: the fakes of Vitest and Jest
 * leave those as they are, also where they were installed before this file is loaded. Only
 * `process.nextTick` and `queueMicrotask` have no such place.
 */

import * as perfHooks from 'node:perf_hooks';
import * as timers from 'node:timers';
import * as promises from 'node:timers/promises';

export const setTimeout: typeof timers.setTimeout = timers.setTimeout;
export const clearTimeout: typeof timers.clearTimeout = timers.clearTimeout;
export const clearImmediate: typeof timers.clearImmediate = timers.clearImmediate;
export const setImmediate: typeof timers.setImmediate = timers.setImmediate;
export const nextTick: typeof process.nextTick = process.nextTick;
export const queueMicrotask: typeof globalThis.queueMicrotask = globalThis.queueMicrotask;
/** Resolves after that many milliseconds, or rejects when its signal fires. */
export const delay: typeof promises.setTimeout = promises.setTimeout;

/** Milliseconds since 1970. */
export const wallClockMs: () => number = Date.now;

/** As `globalThis.performance`: milliseconds since the process began. */
export const performance: { readonly now: () => number } = {
  now: perfHooks.performance.now.bind(perfHooks.performance),
};
