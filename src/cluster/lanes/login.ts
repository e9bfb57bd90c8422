/**
 * A connection that asks for its credentials at each login.
 *
 * ioredis reads `options.username` and `options.password` when `connect` is called, and has no
 * place for a function. `connect` is public, and every attempt goes through it: the first one, and
 * those that ioredis makes itself after a connection was lost. So this class asks, sets the two
 * options, and connects then; HELLO with AUTH, or AUTH alone under RESP2, are ioredis's as ever. (A
 * `Connector` is asynchronous too, but is asked after ioredis has read the options, and is the
 * caller's to give.)
 */

import { clearTimeout, setTimeout } from '../../runtime/clock.ts';
import { Redis, type RedisOptions } from './ioredis.ts';

/** What a login says: `expiresAtMs` since 1970. */
export interface Login {
  readonly username: string | undefined;
  readonly password: string;
  readonly expiresAtMs: number;
}

/** Gives what the next login says. */
export interface LoginSource {
  forLogin(): Promise<Login>;
}

export class LoginRedis extends Redis {
  readonly #credentials: LoginSource;
  #connecting: Promise<void> | undefined;
  #failures = 0;
  #nextAttempt: NodeJS.Timeout | undefined;
  #isEnded = false;

  constructor(options: RedisOptions, credentials: LoginSource) {
    // Lazy, as the credentials are asked for first.
    super({ ...options, lazyConnect: true, replyMapping: 'legacy' });
    this.#credentials = credentials;
  }

  override connect(): Promise<void> {
    this.#connecting ??= this.#logIn().finally(() => {
      this.#connecting = undefined;
    });
    return this.#connecting;
  }

  override disconnect(reconnect = false): void {
    if (!reconnect) {
      this.#isEnded = true;
      clearTimeout(this.#nextAttempt);
    }
    super.disconnect(reconnect);
  }

  async #logIn(): Promise<void> {
    clearTimeout(this.#nextAttempt);
    try {
      const { username, password } = await this.#credentials.forLogin();
      this.#failures = 0;
      this.options.username = username;
      this.options.password = password;
    } catch (error) {
      this.#fail(error);
      throw error;
    }
    if (!this.#isEnded) await super.connect();
  }

  #tryAgain(): void {
    this.connect().catch(() => undefined); // it is reported by the event
  }

  /** As an attempt to connect that fails: without credentials it would be the default user's. */
  #fail(error: unknown): void {
    if (this.#isEnded) return;
    this.emit('error', error);
    this.emit('close');
    this.#failures += 1;
    const pauseMs = this.options.retryStrategy?.(this.#failures);
    if (typeof pauseMs !== 'number') return;
    this.#nextAttempt = setTimeout(() => this.#tryAgain(), pauseMs).unref();
  }
}
