/**
 * What an error reply means for the row it answers.
 *
 *   MOVED              the slot lives elsewhere: go there, remember it
 *   ASK                this key has already moved: go there once, after ASKING, remember nothing
 *   TRYAGAIN, LOADING, CLUSTERDOWN, MASTERDOWN, READONLY, NOREPLICAS, BUSY, UNKILLABLE
 *                      nobody can answer just now: wait, look again who owns the slot, go again
 *   NOSCRIPT           the node has not met a script, or not since it started: give it, go again
 *   NOAUTH             on a connection that has logged in: it is left, and a new one logs in, where
 *                      there are credentials to ask for
 *   anything else      the row's own error
 *
 * An error never becomes an absent row. The words are the server's:
 * https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#redirection-and-resharding
 */

import { FeatureStoreError, type ErrorCode } from '../../errors.ts';
import type { Address } from '../address.ts';
import { serverWords } from './server-words.ts';

export type Verdict =
  | { readonly kind: 'moved'; readonly slot: number; readonly address: Address }
  | { readonly kind: 'ask'; readonly address: Address }
  | { readonly kind: 'script' }
  | {
      readonly kind: 'wait';
      readonly error: FeatureStoreError;
      /** Whether the node can own no such slot, so that its name may mean another one by now. */
      readonly isDisplaced: boolean;
    }
  | {
      readonly kind: 'fail';
      readonly error: FeatureStoreError;
      /** As `isLoggedOut` says. */
      readonly isLoggedOut: boolean;
    };

/** What rows wait for, and what to do where it lasts. */
const WAIT_FOR: ReadonlyMap<string, string> = new Map([
  ['TRYAGAIN', 'The slot is moving: try again when the move is done.'],
  ['LOADING', 'The server reads its data from disk: wait until it has, or raise timeoutMs.'],
  [
    'CLUSTERDOWN',
    'Slots have no owner: bring their nodes back, and see cluster-require-full-coverage.',
  ],
  ['MASTERDOWN', 'The replica has lost its primary: wait for the failover, or raise timeoutMs.'],
  ['READONLY', 'The node is a replica: wait for the failover, or give the address of its primary.'],
  [
    'NOREPLICAS',
    'The server has fewer replicas than min-replicas-to-write asks for: bring them back.',
  ],
  [
    'BUSY',
    'A script or function holds the server: wait, or end it with SCRIPT KILL or FUNCTION KILL.',
  ],
  ['UNKILLABLE', 'A script that has written holds the server: wait for its end.'],
]);

/** Where EXEC itself is refused, the reason follows this (redis 8.0, execCommandAbort). */
const ABORTED = /^EXECABORT Transaction discarded because of: /;
/** Of a replica, or of a node that has left the cluster and knows no owner of any slot. */
const DISPLACED = /^(READONLY|MASTERDOWN|CLUSTERDOWN Hash slot not served)/;
const REDIRECT = /^(MOVED|ASK) (\d+) (.*):(\d+)$/;

/** @param from the node that replied: a redirect without a host means another port of its host */
export function verdictOf(message: string, from: Address): Verdict {
  const redirect = REDIRECT.exec(message);
  if (redirect) {
    const [, word, slot, host, port] = redirect;
    if (host === '?')
      return wait(message, from, 'The node does not know its name: see cluster-announce-hostname.'); // the node does not know its name (Redis 7.0)
    const address = `${host === '' ? from.slice(0, from.lastIndexOf(':')) : host}:${port}`;
    return word === 'MOVED'
      ? { kind: 'moved', slot: Number(slot), address }
      : { kind: 'ask', address };
  }
  const word = message.replace(ABORTED, '').split(' ', 1)[0] ?? '';
  if (word === 'NOSCRIPT') return { kind: 'script' };
  const advice = WAIT_FOR.get(word);
  if (advice !== undefined) return wait(message, from, advice);
  return { kind: 'fail', error: refusal(word, message, from), isLoggedOut: isLoggedOut(word) };
}

/** Whether an error reply says that the connection is not logged in, or not any more. */
export function isLoggedOut(message: string): boolean {
  return /^NOAUTH\b/.test(message);
}

function wait(message: string, from: Address, advice: string): Verdict {
  const said = `${from} answers '${serverWords(message)}'. ${advice}`;
  const isDisplaced = DISPLACED.test(message.replace(ABORTED, ''));
  return { kind: 'wait', error: new FeatureStoreError('SHARD_UNAVAILABLE', said), isDisplaced };
}

/** The error of a row that the server refused for good. */
function refusal(word: string, message: string, from: Address): FeatureStoreError {
  const { code, advice } = explain(word, message);
  return new FeatureStoreError(code, `${from} refuses: '${serverWords(message)}'. ${advice}`);
}

function explain(word: string, message: string): { code: ErrorCode; advice: string } {
  switch (word) {
    case 'WRONGTYPE':
      return {
        code: 'WRONG_TYPE',
        advice: 'The key is not a hash: give the store a key prefix of its own, or delete the key.',
      };
    case 'OOM':
      return {
        code: 'OUT_OF_MEMORY',
        advice: 'The server is at maxmemory: raise it, add shards, or load fewer entities.',
      };
    case 'NOAUTH':
    case 'WRONGPASS':
      return {
        code: 'ACCESS_DENIED',
        advice: 'Set redisOptions.username and redisOptions.password.',
      };
    case 'NOPERM':
      return {
        code: 'ACCESS_DENIED',
        advice: 'Grant the user this command or key pattern; docs/operations.md has the ACL.',
      };
    default:
      // What a script may not do has no word of its own (redis 8.0, script.c).
      if (message.startsWith('ERR ACL failure in script')) return explain('NOPERM', message);
      return /unknown (sub)?command/i.test(message)
        ? {
            code: 'UNSUPPORTED_SERVER',
            advice: 'The server is too old: field TTLs need Redis 7.4 or Valkey 9.0.',
          }
        : { code: 'COMMAND_REFUSED', advice: 'The row was not retried.' };
  }
}
