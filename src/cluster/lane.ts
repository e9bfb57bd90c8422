/**
 * One connection to one node, for pipelines and nothing else.
 *
 * A lane opens on first use and reconnects by itself, both through ioredis. What it promises its
 * caller: `send` settles with one list of replies per unit, in order, or rejects with `LaneLost`,
 * and after that none of those replies reaches anybody. Nothing is ever re-sent from here, and
 * nothing waits for a connection that has just failed: the dispatcher decides what is next.
 *
 * This file is the seam to the wire: the only one that turns commands into bytes and back. A faster
 * way to do that replaces the body of `send`.
 */

import type { Redis } from './ioredis.ts';
import pLimit, { type LimitFunction } from 'p-limit';
import { FeatureStoreError } from '../errors.ts';
import type { Address } from './address.ts';

export type Command = readonly [name: string, ...args: (string | number)[]];

/** The commands of one row. They are answered together and, if need be, asked again together. */
export type Unit = readonly Command[];

/** A string, an integer, null, an array of them, or the server's error. */
export type Reply = unknown;

/** Online reads never queue behind bulk work: each has a connection of its own. */
export type LanePurpose = 'online' | 'bulk';

/** The connection closed, or could not be opened, before every reply was there. */
export class LaneLost extends Error {
  override readonly name = 'LaneLost';
  readonly error: FeatureStoreError;

  constructor(error: FeatureStoreError) {
    super(error.message);
    this.error = error;
  }
}

export interface LaneLimits {
  readonly chunksInFlight: number;
  /** A lane that owes replies and is silent this long is closed, so that they can never come late. */
  readonly silenceMs: number;
}

export class Lane {
  readonly address: Address;
  /** Bounds the chunks in flight on this lane. */
  readonly limit: LimitFunction;
  readonly #redis: Redis;
  readonly #silenceMs: number;
  /** Why the last connection failed; ioredis reports it as an event of its own. */
  #lastTrouble = '';

  constructor(address: Address, redis: Redis, limits: LaneLimits) {
    this.address = address;
    this.limit = pLimit(limits.chunksInFlight);
    this.#redis = redis;
    this.#silenceMs = limits.silenceMs;
    redis.on('error', (error: Error) => {
      this.#lastTrouble = error.message;
    });
    redis.on('ready', () => {
      this.#lastTrouble = '';
    });
  }

  /**
   * Sends the units as one pipeline.
   * @param asking puts ASKING in front, which makes a node that imports the slot answer for it once
   */
  async send(units: readonly Unit[], asking: boolean): Promise<Reply[][]> {
    await this.#ready();
    const pipeline = this.#redis.pipeline();
    for (const unit of units) {
      for (const [index, [name, ...args]] of unit.entries()) {
        if (asking && (index === 0 || !isTransaction(unit))) pipeline.call('ASKING');
        pipeline.call(name, ...args);
      }
    }
    const silence = setTimeout(() => {
      this.#lastTrouble = `no reply within ${this.#silenceMs} ms`;
      this.#redis.disconnect(true);
    }, this.#silenceMs);
    try {
      return this.#split(units, asking, (await pipeline.exec()) ?? []);
    } finally {
      clearTimeout(silence);
    }
  }

  /** Whether chunks are under way or waiting. */
  get busy(): boolean {
    return this.limit.activeCount + this.limit.pendingCount > 0;
  }

  close(): void {
    this.#redis.disconnect();
  }

  /** Resolves once the connection is open, opening it if need be; rejects when that attempt fails. */
  async #ready(): Promise<void> {
    const redis = this.#redis;
    if (redis.status === 'ready') return;
    if (redis.status === 'wait' || redis.status === 'end') redis.connect().catch(() => undefined);
    if (redis.status === 'reconnecting') throw this.#lost();
    await new Promise<void>((resolve, reject) => {
      const settle = (): void => {
        redis.off('ready', onReady);
        redis.off('close', onClose);
      };
      const onReady = (): void => {
        settle();
        resolve();
      };
      const onClose = (): void => {
        settle();
        reject(this.#lost());
      };
      redis.on('ready', onReady);
      redis.on('close', onClose);
    });
  }

  /** Cuts the flat results of a pipeline into the replies of each unit, without those of ASKING. */
  #split(
    units: readonly Unit[],
    asking: boolean,
    results: readonly [error: Error | null, value: unknown][],
  ): Reply[][] {
    let next = 0;
    const take = (): Reply => {
      const [error, value] = results[next++] ?? [new Error('no result')];
      if (error && error.name !== 'ReplyError') throw this.#lost();
      return error ?? value;
    };
    return units.map((unit) =>
      unit.map((_, index) => {
        if (asking && (index === 0 || !isTransaction(unit))) take();
        return take();
      }),
    );
  }

  #lost(): LaneLost {
    const trouble = this.#lastTrouble;
    const denied = /\b(NOAUTH|WRONGPASS|NOPERM)\b/.test(trouble);
    return new LaneLost(
      denied
        ? new FeatureStoreError(
            'ACCESS_DENIED',
            `${this.address} refuses the connection: '${trouble}'. ` +
              'Set redisOptions.username and redisOptions.password.',
          )
        : new FeatureStoreError(
            'CONNECTION_LOST',
            `The connection to ${this.address} was lost${trouble ? `: ${trouble}` : ''}.`,
          ),
    );
  }
}

/** In a transaction the ASKING in front of MULTI holds until EXEC (redis 8.0, resetClient). */
function isTransaction(unit: Unit): boolean {
  return unit[0]?.[0] === 'MULTI';
}
