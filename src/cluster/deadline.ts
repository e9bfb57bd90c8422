/** The end of a call: a time, the caller's AbortSignal, or the store's closing, whichever is first. */

import { FeatureStoreError } from '../errors.ts';
import { onAbort } from './abort-listeners.ts';
import type { Closing } from './closing.ts';

export class Deadline implements Disposable {
  readonly #timeoutMs: number;
  readonly #closing: Closing;
  readonly #signal: AbortSignal | undefined;
  readonly #timer: NodeJS.Timeout;
  readonly #waiting = new Set<() => void>();
  readonly #offAbort: (() => void) | undefined;
  #passed = false;

  constructor(timeoutMs: number, closing: Closing, signal?: AbortSignal) {
    this.#timeoutMs = timeoutMs;
    this.#closing = closing;
    this.#signal = signal;
    this.#timer = setTimeout(this.#pass, timeoutMs);
    closing.add(this.#pass);
    if (signal) this.#offAbort = onAbort(signal, this.#pass);
    if (closing.isClosed || signal?.aborted) this.#pass();
  }

  get passed(): boolean {
    return this.#passed;
  }

  /** Why the call ends, for a row that was not answered; `obstacle` is what stood in its way. */
  error(obstacle?: FeatureStoreError): FeatureStoreError {
    if (this.#closing.isClosed) {
      return new FeatureStoreError('CLOSED', 'The store was closed; connect a new one.');
    }
    if (this.#signal?.aborted) {
      return new FeatureStoreError('ABORTED', 'The call was aborted by its signal.', {
        cause: this.#signal.reason,
      });
    }
    return new FeatureStoreError(
      'TIMEOUT',
      `No answer within timeoutMs ${this.#timeoutMs}` +
        (obstacle ? `; last seen: ${obstacle.message}` : '.') +
        ' If it was a write, it may or may not have been applied.',
      obstacle ? { cause: obstacle } : undefined,
    );
  }

  /** The promise, or a rejection with `error()` once the deadline has passed. */
  race<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const late = (): void => reject(this.error());
      if (this.#passed) late();
      this.#waiting.add(late);
      promise.then(
        (value) => {
          this.#waiting.delete(late);
          resolve(value);
        },
        (error: unknown) => {
          this.#waiting.delete(late);
          reject(error);
        },
      );
    });
  }

  /** Resolves after `ms`, or when the deadline passes, if that is sooner. */
  pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.#passed) return resolve();
      const end = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      this.#waiting.add(end);
    });
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#closing.delete(this.#pass);
    this.#offAbort?.();
  }

  readonly #pass = (): void => {
    this.#passed = true;
    for (const end of this.#waiting) end();
    this.#waiting.clear();
  };
}
