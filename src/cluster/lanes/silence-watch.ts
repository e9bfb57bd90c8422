/**
 * Notices a node that owes something and says nothing: after `suspicionMs` it is reported, again
 * and again, and after `silenceMs` the connection is given up, so that no reply can come late.
 */

import { clearTimeout, performance, setImmediate, setTimeout } from '../../runtime/clock.ts';
import type { LaneLimits } from '../limits.ts';

export interface SilenceHost {
  /** How much is expected of the node now. */
  expectedCount(): number;
  /** Whether something has arrived that waits to be read. */
  isReading(): boolean;
  onSilence(): void;
  onTooLong(why: string): void;
}

export class SilenceWatch {
  readonly #limits: Pick<LaneLimits, 'silenceMs' | 'suspicionMs'>;
  readonly #host: SilenceHost;
  #heardAtMs = 0;
  /** Since when it has owed something, without a gap. */
  #owesSinceMs = 0;
  #timeout: NodeJS.Timeout | undefined;

  constructor(limits: Pick<LaneLimits, 'silenceMs' | 'suspicionMs'>, host: SilenceHost) {
    this.#limits = limits;
    this.#host = host;
  }

  /** From the first that is expected, the node has `silenceMs` to say something. */
  expect(expectedCount: number): void {
    if (expectedCount === 1) this.#owesSinceMs = performance.now();
    if (this.#timeout === undefined) this.#checkIn(this.#limits.suspicionMs);
  }

  noteHeard(): void {
    this.#heardAtMs = performance.now();
  }

  /** Whether it owes something, and has been silent for longer than it should be. */
  get isSilent(): boolean {
    return this.#host.expectedCount() > 0 && this.#silentMs >= this.#limits.suspicionMs;
  }

  /** Whether it owes something, and has said nothing since then. */
  isSilentSince(sinceMs: number): boolean {
    return this.#host.expectedCount() > 0 && !this.#host.isReading() && this.#heardAtMs < sinceMs;
  }

  /** Whether it owes something, and has been silent for longer than it may be. */
  get isTooSilent(): boolean {
    return this.#host.expectedCount() > 0 && this.#silentMs >= this.#limits.silenceMs;
  }

  stop(): void {
    clearTimeout(this.#timeout);
  }

  #checkIn(ms: number): void {
    // An event loop that was blocked has not read yet what came meanwhile: that goes first.
    this.#timeout = setTimeout(() => setImmediate(() => this.#check()), ms).unref();
  }

  #check(): void {
    this.#timeout = undefined;
    if (this.#host.expectedCount() === 0) return;
    const { silenceMs, suspicionMs } = this.#limits;
    const silentMs = this.#silentMs;
    if (silentMs >= silenceMs) return this.#host.onTooLong(`no reply within ${silenceMs} ms`);
    const isSilent = silentMs >= suspicionMs;
    const nextMs = isSilent ? silenceMs - silentMs : suspicionMs - silentMs;
    this.#checkIn(Math.min(nextMs, suspicionMs));
    if (isSilent) this.#host.onSilence();
  }

  /** What waits to be read was said. */
  get #silentMs(): number {
    if (this.#host.isReading()) return 0;
    return performance.now() - Math.max(this.#heardAtMs, this.#owesSinceMs);
  }
}
