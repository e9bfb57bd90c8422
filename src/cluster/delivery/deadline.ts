/**
 * The end of a call: a time, the caller's AbortSignal, or the store's closing, whichever is first.
 */

import { clearTimeout, setTimeout } from '../../runtime/clock.ts';
import { FeatureStoreError } from '../../errors.ts';
import { onAbort } from '../../runtime/abort-listeners.ts';
import type { Closing } from '../control/closing.ts';
import { MAX_TIMER_MS } from '../limits.ts';
import { Timer } from '../../runtime/timer.ts';

/** The caller that makes one clears it when its call has ended. */
export class Deadline {
  readonly #timeoutMs: number;
  readonly #closing: Closing;
  readonly #signal: AbortSignal | undefined;
  readonly #isWrite: boolean;
  readonly #timer: Timer;
  /** Called when it passes. */
  #waiting: (() => void)[] = [];
  #heedsClosing = false;
  readonly #offAbort: (() => void) | undefined;
  #passed = false;

  /**
   * @param timeoutMs what is left of the caller's time; with nothing left it has passed
   * @param isWrite whether what was not answered may have been applied
   */
  constructor(timeoutMs: number, closing: Closing, signal?: AbortSignal, isWrite = false) {
    this.#timeoutMs = timeoutMs;
    this.#isWrite = isWrite;
    this.#closing = closing;
    this.#signal = signal;
    this.#timer = new Timer(Math.min(Math.max(timeoutMs, 0), MAX_TIMER_MS), this.#pass);
    if (signal) this.#offAbort = onAbort(signal, this.#pass);
    if (signal?.aborted || timeoutMs <= 0) this.#pass();
  }

  get passed(): boolean {
    return this.#passed || this.#closing.isClosed;
  }

  /** Whether it passed by its time, so that what has arrived by then still counts. */
  get isLate(): boolean {
    return this.#passed && !this.#closing.isClosed && this.#signal?.aborted !== true;
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
    const isUsedUp = this.#timeoutMs <= 0;
    const what = isUsedUp
      ? `timeoutMs was ${this.#timeoutMs}: the time was used up before the call, and nothing was sent.`
      : `No answer within timeoutMs ${this.#timeoutMs}` +
        (obstacle ? `; last seen: ${obstacle.message}` : '.');
    const fate = this.#isWrite && !isUsedUp ? ' The write may or may not have been applied.' : '';
    return new FeatureStoreError(
      'TIMEOUT',
      what + fate,
      obstacle ? { cause: obstacle } : undefined,
    );
  }

  /**
   * Calls `listener` when the time is up or the signal fires, unless it has. The store's closing is
   * reported by the lane that owes replies, which is cheaper than to have every single read enrol
   * with it.
   */
  onPass(listener: () => void): void {
    this.#waiting.push(listener);
  }

  offPass(listener: () => void): void {
    const at = this.#waiting.lastIndexOf(listener);
    const last = this.#waiting.at(-1);
    if (at === -1 || last === undefined) return;
    this.#waiting[at] = last;
    this.#waiting.pop();
  }

  /** The promise, or a rejection with `error()` once the deadline has passed. */
  race<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const late = (): void => reject(this.error());
      if (this.passed) late();
      this.#onEnd(late);
      promise.then(
        (value) => {
          this.offPass(late);
          resolve(value);
        },
        (error: unknown) => {
          this.offPass(late);
          reject(error);
        },
      );
    });
  }

  /** Resolves after `ms`, or when the deadline passes, if that is sooner. */
  pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.passed) return resolve();
      const end = (): void => {
        clearTimeout(timer);
        this.offPass(end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      this.#onEnd(end);
    });
  }

  clear(): void {
    this.#timer.clear();
    if (this.#heedsClosing) this.#closing.delete(this.#pass);
    this.#offAbort?.();
  }

  #onEnd(listener: () => void): void {
    if (!this.#heedsClosing) this.#closing.add(this.#pass);
    this.#heedsClosing = true;
    this.#waiting.push(listener);
  }

  readonly #pass = (): void => {
    this.#passed = true;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const end of waiting) end();
  };
}
