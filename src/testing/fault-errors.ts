/** The errors of faults: with the words that a real one has, by the code that reads them. */

import { FeatureStoreError } from '../errors.ts';
import type { Address } from '../cluster/address.ts';
import { notConfirmed } from '../cluster/delivery/confirmation.ts';
import type { Delivery } from '../cluster/delivery/delivery.ts';
import { verdictOf } from '../cluster/routing/redirect.ts';

/** What leaves open whether a write was applied. */
export const MAY_BE_APPLIED = ['TIMEOUT', 'CONNECTION_LOST', 'NOT_REPLICATED'] as const;

/**
 * A code that a fault can have; docs/errors.md says what each means. The first three leave open
 * whether a write was applied, the others are refusals.
 */
export type FaultCode =
  | 'TIMEOUT'
  | 'CONNECTION_LOST'
  | 'NOT_REPLICATED'
  | 'SHARD_UNAVAILABLE'
  | 'WRONG_TYPE'
  | 'OUT_OF_MEMORY'
  | 'ACCESS_DENIED'
  | 'UNSUPPORTED_SERVER'
  | 'COMMAND_REFUSED';

/** The others are refusals: what servers answer. */
const SERVER_WORDS: Readonly<Record<Exclude<FaultCode, (typeof MAY_BE_APPLIED)[number]>, string>> =
  {
    SHARD_UNAVAILABLE: 'CLUSTERDOWN The cluster is down',
    WRONG_TYPE: 'WRONGTYPE Operation against a key holding the wrong kind of value',
    OUT_OF_MEMORY: "OOM command not allowed when used memory > 'maxmemory'.",
    ACCESS_DENIED: 'NOPERM this user has no permissions to run this command',
    UNSUPPORTED_SERVER: 'ERR unknown command',
    COMMAND_REFUSED: 'ERR refused by a fault of the test',
  };

export const FAULT_CODES: readonly FaultCode[] = [
  ...MAY_BE_APPLIED,
  ...(Object.keys(SERVER_WORDS) as (keyof typeof SERVER_WORDS)[]),
];

export function faultError(
  code: FaultCode,
  shard: Address,
  { deadline, minReplicas = 0 }: Pick<Delivery, 'deadline' | 'minReplicas'>,
): FeatureStoreError {
  if (code === 'TIMEOUT') return deadline.error();
  if (code === 'NOT_REPLICATED') return notConfirmed(0, minReplicas, shard);
  if (code === 'CONNECTION_LOST') {
    return new FeatureStoreError(code, `The connection to ${shard} was lost.`);
  }
  return refusedError(SERVER_WORDS[code], shard);
}

/** What an error reply of a server means for its row. */
export function refusedError(message: string, shard: Address): FeatureStoreError {
  const verdict = verdictOf(message, shard);
  if ('error' in verdict) return verdict.error;
  return new FeatureStoreError('TOO_MANY_REDIRECTS', `${shard} redirects, and has nobody to.`);
}
