/**
 * Cuts an (async) iterable of any length into windows, so that only a window or two of it is held.
 *
 * A source is pulled one item at a time and no further than the window that is being filled. When
 * the consumer stops, the signal fires, or the source throws, the source is closed.
 */

import { onAbort } from '../runtime/abort-listeners.ts';
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

/**
 * @param itemsPerTurn are taken at once; then the event loop turns, so that nothing waits for a
 * whole window
 */
export async function* windowsOf<Item, W extends Window<Item>>(
  source: Source<Item>,
  newWindow: () => W,
  signal: AbortSignal | undefined,
  itemsPerTurn: number = Number.POSITIVE_INFINITY,
): AsyncGenerator<W> {
  const isAsync = Symbol.asyncIterator in source;
  const iterator = iterate(source);
  const wait = new AbortableWait(signal);
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
      const step = iterator.next();
      const result = isAsync ? await wait.for(Promise.resolve(step)) : syncResult(step);
      if (result.done) break;
      if (!window.add(result.value)) {
        yield window;
        window = newWindow();
        window.add(result.value);
      }
      itemsLeft -= window.lastCost ?? 1;
      if (window.full) {
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

/**
 * Waits for one promise after the other, and for none once the signal has fired; one listener for
 * all.
 */
class AbortableWait {
  readonly #signal: AbortSignal | undefined;
  #abort: (() => void) | undefined;
  readonly #offAbort: (() => void) | undefined;

  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal;
    if (signal) this.#offAbort = onAbort(signal, () => this.#abort?.());
  }

  for<T>(promise: Promise<T>): Promise<T> {
    const signal = this.#signal;
    if (!signal) return promise;
    return new Promise((resolve, reject) => {
      this.#abort = (): void => reject(aborted(signal));
      promise.then(resolve, reject);
    });
  }

  clear(): void {
    this.#offAbort?.();
  }
}

function aborted(signal: AbortSignal): FeatureStoreError {
  return new FeatureStoreError('ABORTED', 'The call was aborted by its signal.', {
    cause: signal.reason,
  });
}
