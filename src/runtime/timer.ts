/**
 * A time-out that does not take a busy process for a slow server.
 *
 *   time is up ─▶ the sockets are read ─┬─▶ end
 *                                       └─ the loop was held? a moment for what was not sent ─▶ end
 *
 * Node looks at timers before it reads sockets. After work that held the event loop, the replies
 * are there and the timers are late: what came in time is read first.
 */

import { clearImmediate, clearTimeout, performance, setImmediate, setTimeout } from './clock.ts';

/** A timer that is later than this was held up. */
const HELD_MS = 5;
/** What a server may take to answer what went out only when the loop was free again. */
const MOMENT_MS = 10;

export class Timer {
  readonly #onEnd: () => void;
  readonly #dueAtMs: number;
  #timeout: NodeJS.Timeout;
  #turn: NodeJS.Immediate | undefined;

  /** @param onEnd is called once, after `ms`, unless the timer is cleared */
  constructor(ms: number, onEnd: () => void) {
    this.#onEnd = onEnd;
    this.#dueAtMs = performance.now() + ms;
    this.#timeout = setTimeout(Timer.#onTime, ms, this);
  }

  clear(): void {
    clearTimeout(this.#timeout);
    if (this.#turn !== undefined) clearImmediate(this.#turn);
  }

  static readonly #onTime = (timer: Timer): void => {
    const wasHeld = performance.now() - timer.#dueAtMs > HELD_MS;
    if (wasHeld) timer.#timeout = setTimeout(Timer.#onMoment, MOMENT_MS, timer);
    else Timer.#onMoment(timer);
  };

  static readonly #onMoment = (timer: Timer): void => {
    timer.#turn = setImmediate(timer.#onEnd);
  };
}

export const LATE: unique symbol = Symbol('late');

/** What the promise comes to, or LATE where that takes longer than `ms`. */
export function orLate<T>(ms: number, promise: Promise<T>): Promise<T | typeof LATE> {
  return new Promise((resolve, reject) => {
    const timer = new Timer(ms, () => resolve(LATE));
    void promise.then(resolve, reject).finally(() => timer.clear());
  });
}
