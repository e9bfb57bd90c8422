/** Why a lane gives up what it was to send or to read, with what to do about it. */

import { FeatureStoreError } from '../errors.ts';
import type { Address } from './address.ts';
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

export function lostTo(address: Address, { trouble, isCut }: WireEnd): LaneLost {
  return new LaneLost(
    isDenial(trouble)
      ? new FeatureStoreError(
          'ACCESS_DENIED',
          `${address} refuses the connection: '${explained(trouble)}'. ` +
            'Set redisOptions.username and redisOptions.password.',
        )
      : new FeatureStoreError(
          'CONNECTION_LOST',
          `The connection to ${address} was lost${trouble ? `: ${explained(trouble)}` : ''}.`,
        ),
    isCut,
  );
}

export function answersForAnother(address: Address): LaneLost {
  const said =
    `${address} answers for another cluster: its table names none of the nodes that are known. ` +
    'Its address may have been given to another node; check what runs there.';
  return new LaneLost(new FeatureStoreError('SHARD_UNAVAILABLE', said), false);
}
