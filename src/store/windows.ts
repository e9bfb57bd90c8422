/**
 * Cuts an (async) iterable of any length into windows, so that only a window or two of it is held.
 *
 * A source is pulled one item at a time and no further than the window that is being filled. When
 * the consumer stops, the signal fires, or the source throws, the source is closed.
 */

import { FeatureStoreError } from '../errors.ts';

export type Source<Item> = Iterable<Item> | AsyncIterable<Item>;

/** Collects items until it holds enough. */
export interface Window<Item> {
  /** Takes the item; or refuses it, and then it begins the next window. */
  add(item: Item): boolean;
  readonly full: boolean;
  readonly empty: boolean;
}

export async function* windowsOf<Item, W extends Window<Item>>(
  source: Source<Item>,
  newWindow: () => W,
  signal: AbortSignal | undefined,
): AsyncGenerator<W> {
  const iterator = iterate(source);
  let ended = false;
  let window = newWindow();
  try {
    for (;;) {
      const step = iterator.next();
      const result = step instanceof Promise ? await abortable(step, signal) : step;
      if (result.done) break;
      if (!window.add(result.value)) {
        yield window;
        window = newWindow();
        window.add(result.value);
      }
      if (window.full) {
        yield window;
        window = newWindow();
      }
    }
    ended = true;
    if (!window.empty) yield window;
  } finally {
    // Not awaited: a source that hangs in its own clean-up shall not hang the call.
    if (!ended) void Promise.resolve(iterator.return?.()).catch(() => undefined);
  }
}

function iterate<Item>(source: Source<Item>): Iterator<Item> | AsyncIterator<Item> {
  return Symbol.asyncIterator in source
    ? source[Symbol.asyncIterator]()
    : source[Symbol.iterator]();
}

async function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  if (signal.aborted) throw aborted(signal);
  let onAbort: (() => void) | undefined;
  const abort = new Promise<never>((_, reject) => {
    onAbort = (): void => reject(aborted(signal));
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([promise, abort]);
  } finally {
    if (onAbort) signal.removeEventListener('abort', onAbort);
  }
}

function aborted(signal: AbortSignal): FeatureStoreError {
  return new FeatureStoreError('ABORTED', 'The call was aborted by its signal.', {
    cause: signal.reason,
  });
}
