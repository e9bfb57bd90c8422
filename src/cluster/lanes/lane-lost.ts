/** Why a lane gives up what it was to send or to read, with what to do about it. */

import { performance } from '../../runtime/clock.ts';
import { FeatureStoreError } from '../../errors.ts';
import type { Address } from '../address.ts';
import { explained, isDenial } from './first-words.ts';
import type { WireEnd } from './wire.ts';

/** The connection closed, or could not be opened, before every reply was there. */
export class LaneLost extends Error {
  override readonly name = 'LaneLost';
  readonly error: FeatureStoreError;
  /** Whether the node had accepted the connection, so that it may well accept the next. */
  readonly isCut: boolean;

  constructor(error: FeatureStoreError, isCut: boolean) {
    super(error.message);
    this.error = error;
    this.isCut = isCut;
  }
}

/** How a lane's connections have ended since the last one that was accepted. */
export class Losses {
  readonly #address: Address;
  readonly #patienceMs: number;
  #refusedSinceMs: number | undefined;

  /** @param patienceMs how long a login may be refused before it is an error that stays */
  constructor(address: Address, patienceMs: number) {
    this.#address = address;
    this.#patienceMs = patienceMs;
  }

  /** A connection has been accepted. */
  forget(): void {
    this.#refusedSinceMs = undefined;
  }

  /** Credentials that are asked for may be right at the next login. */
  lost({ trouble, isCut }: Pick<WireEnd, 'trouble' | 'isCut'>): LaneLost {
    const nowMs = performance.now();
    if (isDenial(trouble)) this.#refusedSinceMs ??= nowMs;
    const isRefused =
      isDenial(trouble) && nowMs - (this.#refusedSinceMs ?? nowMs) >= this.#patienceMs;
    const error = isRefused
      ? new FeatureStoreError(
          'ACCESS_DENIED',
          `${this.#address} refuses the connection: '${explained(trouble)}'. ` +
            'Set redisOptions.username and redisOptions.password, or credentials.',
        )
      : new FeatureStoreError(
          'CONNECTION_LOST',
          `The connection to ${this.#address} was lost${trouble ? `: ${explained(trouble)}` : ''}.`,
        );
    return new LaneLost(error, isCut);
  }
}

export function answersForAnother(address: Address): LaneLost {
  const said =
    `${address} answers for another cluster: its table names none of the nodes that are known. ` +
    'Its address may have been given to another node; check what runs there.';
  return new LaneLost(new FeatureStoreError('SHARD_UNAVAILABLE', said), false);
}
