/**
 * How long `connect` goes on trying, and what stood in its way last. Servers, names and clusters
 * may come later than the process that needs them.
 */

import { clearTimeout, performance, setTimeout } from '../../runtime/clock.ts';
import { FeatureStoreError } from '../../errors.ts';
import type { Address } from '../address.ts';
import {
  ATTEMPT_PART,
  FIRST_CONNECT_PAUSE_MS,
  MAX_CONNECT_PAUSE_MS,
  MIN_ATTEMPT_MS,
} from '../limits.ts';

const SILENCE = 'no answer';

export class Patience {
  readonly #timeoutMs: number;
  readonly #startedAtMs = performance.now();
  readonly #ending = new AbortController();
  /** What each node said last. */
  readonly #said = new Map<Address, string>();

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  get elapsedMs(): number {
    return performance.now() - this.#startedAtMs;
  }

  get leftMs(): number {
    return Math.max(0, this.#timeoutMs - this.elapsedMs);
  }

  /** For one attempt. */
  get attemptMs(): number {
    return Math.min(this.leftMs, Math.max(MIN_ATTEMPT_MS, this.#timeoutMs * ATTEMPT_PART));
  }

  get isOver(): boolean {
    return this.#ending.signal.aborted || this.leftMs === 0;
  }

  /** Ends what waits in `pause` or `within`. */
  end(): void {
    this.#ending.abort();
  }

  /** An attempt that the time cut short does not replace what the node said before. */
  note(address: Address, words: string): void {
    const last = this.#said.get(address);
    if (words.startsWith(SILENCE) && last !== undefined && !last.startsWith(SILENCE)) return;
    this.#said.set(address, words);
  }

  /** Longer with each time, with jitter; no longer than there is time. */
  async pause(times: number): Promise<void> {
    const ms =
      Math.min(FIRST_CONNECT_PAUSE_MS * 2 ** times, MAX_CONNECT_PAUSE_MS) *
      (0.75 + Math.random() / 2);
    await this.#sleep(Math.min(ms, this.leftMs));
  }

  /** Rejects where the promise takes longer, or `end` is called. */
  async within<T>(ms: number, promise: Promise<T>): Promise<T> {
    const enough = new AbortController();
    const late = this.#sleep(ms, enough.signal).then(() => {
      throw new Error(`${SILENCE} within ${Math.round(ms)} ms`);
    });
    late.catch(() => undefined);
    promise.catch(() => undefined);
    try {
      return await Promise.race([promise, late]);
    } finally {
      enough.abort();
    }
  }

  /** What each node said last, and how long it was tried. */
  error(): FeatureStoreError {
    const said = [...this.#said].map(([address, words]) => `${address}: ${words}`).join('; ');
    return new FeatureStoreError(
      'CONNECT_FAILED',
      `No node could be used within connectTimeoutMs ${this.#timeoutMs}: ${said || 'no answer'}. ` +
        'connectTimeoutMs is how long they may take to start. Check that the servers run, ' +
        'their addresses, and tls.',
    );
  }

  #sleep(ms: number, enough?: AbortSignal): Promise<void> {
    const ends = [this.#ending.signal, ...(enough ? [enough] : [])];
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        for (const end of ends) end.removeEventListener('abort', wake);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      for (const end of ends) end.addEventListener('abort', wake);
      if (ends.some((end) => end.aborted)) wake();
    });
  }
}
