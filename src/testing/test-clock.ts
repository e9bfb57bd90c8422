import { checkInteger, refuse, show } from '../store/option-checks.ts';
import type { ServerClock } from './server/keyspace.ts';

/** A thousand years: no TTL is longer than a hundred. */
const MAX_ADVANCE_MS = 31_536_000_000_000;

/**
 * The servers' clock, by which key TTLs and field TTLs run. It stands still until it is moved, and
 * never goes back. Deadlines and latencies of calls pass by real time all the same.
 */
export class TestClock implements ServerClock {
  #nowMs: number;

  /** Makes a clock that stands at this time, in milliseconds since 1970. */
  constructor(nowMs: number) {
    this.#nowMs = nowMs;
  }

  /** What time it is, in milliseconds since 1970. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /**
   * Moves the clock on by milliseconds. A key or field is there until its TTL is over: one of 300
   * seconds still after 300,000 ms, and not after 300,001 ms, as on a server.
   * @param ms - a whole number from 0
   * @throws FeatureStoreError INVALID_OPTION
   */
  advanceMs(ms: number): void {
    this.#nowMs += checkInteger('advanceMs ms', ms, { min: 0, max: MAX_ADVANCE_MS });
  }

  /**
   * Moves the clock on by seconds, to the millisecond.
   * @param seconds - a number from 0, such as 301 or 0.5
   * @throws FeatureStoreError INVALID_OPTION
   */
  advanceSeconds(seconds: number): void {
    const ms = typeof seconds === 'number' ? Math.round(seconds * 1_000) : Number.NaN;
    if (!(ms >= 0 && ms <= MAX_ADVANCE_MS)) {
      refuse(`advanceSeconds seconds must be a number from 0, but is ${show(seconds)}.`);
    }
    this.advanceMs(ms);
  }
}
