/** The end of a call: a time, the caller's AbortSignal, or the store's closing, whichever is first. */

import { setTimeout as delay } from 'node:timers/promises';
import { FeatureStoreError } from '../errors.ts';

export class Deadline implements Disposable {
  readonly #expiry = new AbortController();
  readonly #expired: Promise<never>;
  readonly #timer: NodeJS.Timeout;
  readonly #timeoutMs: number;
  readonly #signal: AbortSignal | undefined;
  readonly #closed: AbortSignal;
  readonly #onAbort: () => void;

  /** @param closed fires when the store closes */
  constructor(timeoutMs: number, closed: AbortSignal, signal?: AbortSignal) {
    this.#timeoutMs = timeoutMs;
    this.#closed = closed;
    this.#signal = signal;
    this.#expired = new Promise((_, reject) => {
      this.#expiry.signal.addEventListener('abort', () => reject(this.error()), { once: true });
    });
    this.#expired.catch(() => undefined);
    this.#onAbort = (): void => this.#expiry.abort();
    this.#timer = setTimeout(this.#onAbort, timeoutMs);
    for (const end of [closed, signal]) {
      end?.addEventListener('abort', this.#onAbort, { once: true });
      if (end?.aborted) this.#expiry.abort();
    }
  }

  get passed(): boolean {
    return this.#expiry.signal.aborted;
  }

  /** Why the call ends, for a row that was not answered; `obstacle` is what stood in its way. */
  error(obstacle?: FeatureStoreError): FeatureStoreError {
    if (this.#closed.aborted) {
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
    return Promise.race([promise, this.#expired]);
  }

  /** Resolves after `ms`, or when the deadline passes, if that is sooner. */
  async pause(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#expiry.signal }).catch(() => undefined);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#closed.removeEventListener('abort', this.#onAbort);
    this.#signal?.removeEventListener('abort', this.#onAbort);
  }
}
