/**
 * Credentials that change: the caller's function is asked at each login, and before what it gave
 * expires.
 *
 * - One call serves all logins of the same moment.
 * - Where a call fails, or gives nonsense, the last good credentials go on being used as long as
 *   they have not expired, so that a connection that is lost in the meantime can still be opened.
 * - The earliest expiry that open connections may have been logged in with decides when they are
 *   renewed. A renewal that fails is tried again, with a pause that doubles.
 *
 * Private fields alone hold what was given, so that no inspection and no log shows it.
 */

import { clearTimeout, setTimeout, wallClockMs } from '../../runtime/clock.ts';
import { FeatureStoreError } from '../../errors.ts';
import type { Login } from '../lanes/login.ts';
import {
  FIRST_RENEWAL_PAUSE_MS,
  MAX_RENEWAL_PAUSE_MS,
  MAX_TIMER_MS,
  RENEWAL_MARGIN_MS,
} from '../limits.ts';

/**
 * What a login says.
 * @example
 * ```ts
 * const credentials = async () => {
 *   const { token, expires } = await fetchToken();
 *   return { username: 'reader', password: token, expiresAt: expires };
 * };
 * ```
 */
export interface Credentials {
  /** The ACL user; without it the password is the default user's. */
  readonly username?: string | undefined;
  /** The password or token of the user; not empty. */
  readonly password: string;
  /**
   * When they stop being valid: a Date, or milliseconds since 1970 (`Date.now()`). Open connections
   * log in anew before it. Without it they do not.
   */
  readonly expiresAt?: Date | number | undefined;
}

/** Gives the credentials that are valid now. */
export type CredentialsFunction = () => Credentials | Promise<Credentials>;

/** Whoever has connections that credentials were used for. */
export interface LoginListener {
  /** There are fresh ones, whichever login asked for them. */
  onFresh?(login: Login): void;
  /** Logs open connections in anew. Rejects where one of them was refused. */
  logIn(login: Login): Promise<void>;
  onClose?(): void;
}

/** Of the time that is left, this part is used before renewal; with jitter down to the second. */
const [LATEST_PART, EARLIEST_PART] = [0.8, 0.7];

export class CredentialsKeeper {
  readonly #ask: CredentialsFunction;
  readonly #timeoutMs: number;
  #last: Login | undefined;
  #asking: Promise<Login> | undefined;
  #renewAtMs = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #failures = 0;
  #isClosed = false;
  readonly #listeners: LoginListener[] = [];

  /** @param timeoutMs how long one call of the function may take */
  constructor(ask: CredentialsFunction, timeoutMs: number) {
    this.#ask = ask;
    this.#timeoutMs = timeoutMs;
  }

  add(listener: LoginListener): void {
    this.#listeners.push(listener);
  }

  /**
   * @throws FeatureStoreError INVALID_OPTION it gives nonsense, CONNECT_FAILED it throws or takes
   * too long
   */
  fresh(): Promise<Login> {
    this.#asking ??= this.#askOnce().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  /**
   * For one login: fresh ones, or the last good ones where they cannot be had. @throws as `fresh`
   */
  async forLogin(): Promise<Login> {
    try {
      return await this.fresh();
    } catch (error) {
      if (this.#last && this.#last.expiresAtMs > wallClockMs()) return this.#last;
      throw error;
    }
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    for (const listener of this.#listeners.splice(0)) listener.onClose?.();
  }

  async #askOnce(): Promise<Login> {
    const login = loginOf(await this.#answer());
    this.#last = login;
    for (const listener of this.#listeners) listener.onFresh?.(login);
    this.#renewBy(login);
    return login;
  }

  async #answer(): Promise<unknown> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const error = new Error(`credentials() gave no answer within ${this.#timeoutMs} ms`);
      timer = setTimeout(() => reject(error), this.#timeoutMs).unref();
    });
    try {
      // In a promise, as it may throw at once.
      return await Promise.race([Promise.resolve().then(() => this.#ask()), late]);
    } catch (cause) {
      throw new FeatureStoreError(
        'CONNECT_FAILED',
        'credentials() failed, so there is nothing to log in with; the cause is its error.',
        { cause },
      );
    } finally {
      clearTimeout(timer);
    }
  }

  #renewBy({ expiresAtMs }: Login): void {
    if (expiresAtMs === Number.POSITIVE_INFINITY) return;
    const leftMs = expiresAtMs - wallClockMs();
    const part = EARLIEST_PART + (LATEST_PART - EARLIEST_PART) * Math.random();
    const marginMs = Math.max(leftMs * (1 - part), Math.min(RENEWAL_MARGIN_MS, leftMs / 2));
    this.#renewIn(Math.max(leftMs - marginMs, FIRST_RENEWAL_PAUSE_MS));
  }

  /**
   * Unless a renewal comes earlier: other connections may have logged in with what expires before.
   */
  #renewIn(pauseMs: number): void {
    const atMs = wallClockMs() + pauseMs;
    if (this.#isClosed || atMs >= this.#renewAtMs) return;
    this.#renewAtMs = atMs;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#renew(), Math.min(pauseMs, MAX_TIMER_MS)).unref();
  }

  async #renew(): Promise<void> {
    this.#renewAtMs = Number.POSITIVE_INFINITY;
    try {
      const login = await this.fresh();
      await Promise.all(this.#listeners.map((listener) => listener.logIn(login)));
      this.#failures = 0;
    } catch {
      const pauseMs = Math.min(FIRST_RENEWAL_PAUSE_MS * 2 ** this.#failures, MAX_RENEWAL_PAUSE_MS);
      this.#failures += 1;
      this.#renewIn(pauseMs * (0.5 + Math.random() / 2));
    }
  }
}

/** Never shows a value: it may be a secret in a wrong place. */
function loginOf(given: unknown): Login {
  if (typeof given !== 'object' || given === null) {
    return nonsense(`it gave ${given === null ? 'null' : `a value of type ${typeof given}`}`);
  }
  const { username, password, expiresAt }: Readonly<Record<string, unknown>> = {
    username: Reflect.get(given, 'username'),
    password: Reflect.get(given, 'password'),
    expiresAt: Reflect.get(given, 'expiresAt'),
  };
  if (typeof password !== 'string' || password === '') return nonsense('password is no text');
  if (username !== undefined && (typeof username !== 'string' || username === '')) {
    return nonsense('username is no text');
  }
  const expiresAtMs = msOf(expiresAt);
  if (Number.isNaN(expiresAtMs)) {
    return nonsense('expiresAt is neither a Date nor milliseconds since 1970');
  }
  if (expiresAtMs <= wallClockMs()) {
    return nonsense(
      `they expired at ${timeOf(expiresAtMs)} (expiresAt is a Date, or milliseconds since 1970)`,
    );
  }
  return { username, password, expiresAtMs };
}

function msOf(expiresAt: unknown): number {
  if (expiresAt === undefined) return Number.POSITIVE_INFINITY;
  if (expiresAt instanceof Date) return expiresAt.getTime();
  return typeof expiresAt === 'number' ? expiresAt : Number.NaN;
}

function timeOf(ms: number): string {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? `${ms}` : date.toISOString();
}

function nonsense(what: string): never {
  throw new FeatureStoreError(
    'INVALID_OPTION',
    `credentials() must give { username?, password, expiresAt? }, but ${what}.`,
  );
}
