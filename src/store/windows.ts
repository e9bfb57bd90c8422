/**
 * Cuts an (async) iterable of any length into windows, so that only a window or two of it is held.
 *
 * A source is pulled one item at a time and no further than the window that is being filled. When
 * the consumer stops, the signal fires, or the source throws, the source is closed.
 */

import { onAbort } from '../runtime/abort-listeners.ts';
import { clearTimeout, setTimeout } from '../runtime/clock.ts';
import { nextTurn } from '../runtime/slices.ts';
import { FeatureStoreError } from '../errors.ts';

export type Source<Item> = Iterable<Item> | AsyncIterable<Item>;

/** Collects items until it holds enough. */
export interface Window<Item> {
  /** Takes the item; or refuses it, and then it begins the next window. */
  add(item: Item): boolean;
  readonly full: boolean;
  readonly empty: boolean;
  /** How many usual items the last one took as long as; one where it does not say. */
  readonly lastCost?: number;
}

/** How a source is cut. */
export interface Cutting<W> {
  readonly newWindow: () => W;
  readonly signal: AbortSignal | undefined;
  /**
   * Taken at once; then the event loop turns, so that nothing waits for a whole window.
   * @default no limit
   */
  readonly itemsPerTurn?: number;
  /**
   * How long an item waits for others in its window.
   * @default no limit
   */
  readonly maxDelayMs?: number | undefined;
}

export async function* windowsOf<Item, W extends Window<Item>>(
  source: Source<Item>,
  { newWindow, signal, itemsPerTurn = NO_LIMIT, maxDelayMs = NO_LIMIT }: Cutting<W>,
): AsyncGenerator<W> {
  const isAsync = Symbol.asyncIterator in source;
  const iterator = iterate(source);
  const wait = new Wait(signal, maxDelayMs);
  /** Asked for, and not there when the window was due. */
  let awaited: Promise<IteratorResult<Item>> | undefined;
  let ended = false;
  let window = newWindow();
  let itemsLeft = itemsPerTurn;
  try {
    for (;;) {
      if (signal?.aborted) throw aborted(signal);
      if (itemsLeft <= 0) {
        await nextTurn();
        itemsLeft = itemsPerTurn;
        continue; // the signal may have fired
      }
      let result: IteratorResult<Item> | typeof DUE = DUE;
      if (!wait.isDue) {
        const step = awaited ?? iterator.next();
        awaited = isAsync ? Promise.resolve(step) : undefined;
        result = awaited ? await wait.for(awaited) : syncResult(step);
      }
      if (result !== DUE) {
        awaited = undefined;
        if (result.done) break;
        if (window.empty) wait.start();
        if (!window.add(result.value)) {
          const full = window;
          window = newWindow();
          window.add(result.value); // first: what was taken is in a window, if the consumer stops
          wait.start();
          yield full;
        }
        itemsLeft -= window.lastCost ?? 1;
      }
      if (result === DUE || window.full) {
        wait.stop();
        yield window;
        window = newWindow();
      }
    }
    ended = true;
    if (!window.empty) yield window;
  } finally {
    wait.clear();
    // Not awaited: a source that hangs in its own clean-up must not hang the call.
    if (!ended) void close(iterator);
  }
}

async function close(iterator: Iterator<unknown> | AsyncIterator<unknown>): Promise<void> {
  try {
    await iterator.return?.();
  } catch {
    // The error that ended the window is the one to report.
  }
}

/** A step of a source that is not async is no promise, whatever its type says. */
function syncResult<Item>(
  step: IteratorResult<Item> | Promise<IteratorResult<Item>>,
): IteratorResult<Item> {
  return step as IteratorResult<Item>;
}

function iterate<Item>(source: Source<Item>): Iterator<Item> | AsyncIterator<Item> {
  return Symbol.asyncIterator in source
    ? source[Symbol.asyncIterator]()
    : source[Symbol.iterator]();
}

const NO_LIMIT = Number.POSITIVE_INFINITY;
/** In place of an item: the window has waited for long enough. */
const DUE = Symbol('due');

/**
 * Waits for one promise after the other: not once the signal has fired, and not when the window is
 * due. One listener and one timer for all of them.
 */
class Wait {
  readonly #signal: AbortSignal | undefined;
  readonly #maxDelayMs: number;
  #onAbort: (() => void) | undefined;
  #onDue: (() => void) | undefined;
  readonly #offAbort: (() => void) | undefined;
  #timeout: NodeJS.Timeout | undefined;
  /** Whether the window has waited for long enough. */
  isDue = false;

  constructor(signal: AbortSignal | undefined, maxDelayMs: number) {
    this.#signal = signal;
    this.#maxDelayMs = maxDelayMs;
    if (signal) this.#offAbort = onAbort(signal, () => this.#onAbort?.());
  }

  for<T>(promise: Promise<T>): Promise<T | typeof DUE> {
    const signal = this.#signal;
    if (!signal && this.#timeout === undefined) return promise;
    return new Promise((resolve, reject) => {
      // The source itself may have had it fire, before it gave this promise.
      if (signal?.aborted) reject(aborted(signal));
      if (signal) this.#onAbort = (): void => reject(aborted(signal));
      this.#onDue = (): void => resolve(DUE);
      promise.then(resolve, reject);
    });
  }

  /** The first item of a window has come. */
  start(): void {
    this.stop();
    if (this.#maxDelayMs === NO_LIMIT) return;
    this.#timeout = setTimeout(() => {
      this.#timeout = undefined;
      this.isDue = true;
      this.#onDue?.();
    }, this.#maxDelayMs);
  }

  stop(): void {
    clearTimeout(this.#timeout);
    this.#timeout = undefined;
    this.isDue = false;
  }

  clear(): void {
    this.stop();
    this.#offAbort?.();
  }
}

function aborted(signal: AbortSignal): FeatureStoreError {
  return new FeatureStoreError('ABORTED', 'The call was aborted by its signal.', {
    cause: signal.reason,
  });
}
