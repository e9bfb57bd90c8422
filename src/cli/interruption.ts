/**
 * SIGINT, SIGTERM and SIGHUP, as something that a command can await and clean up after.
 *
 *   first signal ─▶ `signal` fires ─▶ the command unwinds: drafts removed, store closed ─▶ 128 + number
 *   a second one, or no unwinding within GRACE_MS ─▶ the process exits; exit hooks remove drafts
 */

import { clearTimeout, setTimeout } from '../runtime/clock.ts';
import { CommandError } from './command-error.ts';

const EXIT_CODES = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;
type SignalName = keyof typeof EXIT_CODES;
const SIGNAL_NAMES = Object.keys(EXIT_CODES) as SignalName[]; // they are its keys

/**
 * A reader that takes nothing off a pipe, or a scorer that never answers, would block the way out.
 */
const GRACE_MS = 2_000;

export class Interruption {
  readonly #controller = new AbortController();
  readonly #listeners = SIGNAL_NAMES.map((name) => [name, () => this.#receive(name)] as const);
  #grace: NodeJS.Timeout | undefined;

  constructor() {
    for (const [name, listener] of this.#listeners) process.on(name, listener);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Signals are no longer listened for. */
  clear(): void {
    for (const [name, listener] of this.#listeners) process.off(name, listener);
    clearTimeout(this.#grace);
  }

  #receive(name: SignalName): void {
    const exitCode = EXIT_CODES[name];
    if (this.signal.aborted) process.exit(exitCode);
    this.#grace = setTimeout(() => process.exit(exitCode), GRACE_MS).unref();
    this.#controller.abort(new CommandError('INTERRUPTED', `stopped by ${name}`, { exitCode }));
  }
}

/**
 * The promise, unless the signal fires first: then its reason is thrown.
 * @param onAbandoned called then, when nobody waits for the promise any more
 */
export async function unlessAborted<T>(
  signal: AbortSignal,
  promise: Promise<T>,
  onAbandoned: () => void = () => undefined,
): Promise<T> {
  let onAbort: () => void = () => undefined;
  const abort = new Promise<never>((_, reject) => {
    onAbort = (): void => {
      promise.catch(() => undefined);
      onAbandoned();
      reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
    };
  });
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([abort, promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
