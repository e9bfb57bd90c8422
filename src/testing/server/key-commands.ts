/** Commands on keys of any type, and on strings. */

import {
  AT_MILLISECOND,
  AT_SECOND,
  conditionOf,
  endOf,
  holds,
  MILLISECONDS,
  SECONDS,
  syntaxError,
  upper,
  type TimeUnit,
} from './arguments.ts';
import type { Bytes, ServerReply } from './bytes.ts';
import { read, write, type Command } from './command.ts';
import { NEVER, type Keyspace } from './keyspace.ts';
import { Refusal, WRONG_TYPE } from './refusal.ts';

const NO_KEY = new Uint8Array();
const OK = 'OK';

/** EXPIRE and its like: 1 where the TTL is set, or the key deleted as the time is past. */
const expire =
  (unit: TimeUnit) =>
  (keyspace: Keyspace, [key = NO_KEY, time, ...words]: readonly Bytes[]): ServerReply => {
    const expiresAtMs = endOf(time, unit, keyspace.nowMs);
    const condition = conditionOf(words[0]);
    if (words.length > 0 && condition === undefined) {
      throw new Refusal(`ERR Unsupported option ${Buffer.from(words[0] ?? []).toString()}`);
    }
    if (words.length > 1) throw new Refusal('ERR one option is all that is known here');
    const entry = keyspace.find(key);
    if (entry === undefined || !holds(condition, entry.expiresAtMs, expiresAtMs)) return 0;
    if (expiresAtMs <= keyspace.nowMs) keyspace.delete(key);
    else entry.expiresAtMs = expiresAtMs;
    return 1;
  };

/** TTL and PTTL: -2 no such key, -1 no TTL; the nearest second. */
const ttl =
  (unitMs: number) =>
  (keyspace: Keyspace, [key = NO_KEY]: readonly Bytes[]): number => {
    const entry = keyspace.find(key);
    if (entry === undefined) return -2;
    if (entry.expiresAtMs === NEVER) return -1;
    return Math.floor((entry.expiresAtMs - keyspace.nowMs + unitMs / 2) / unitMs);
  };

const remove = (keyspace: Keyspace, keys: readonly Bytes[]): number =>
  keys.filter((key) => keyspace.delete(key)).length;

function get(keyspace: Keyspace, [key = NO_KEY]: readonly Bytes[]): Bytes | null {
  const entry = keyspace.find(key);
  if (entry !== undefined && entry.kind !== 'string') throw new Refusal(WRONG_TYPE);
  return entry?.value ?? null;
}

/** SET key value [NX | XX] [EX seconds | PX milliseconds | KEEPTTL]. */
function set(
  keyspace: Keyspace,
  [key = NO_KEY, value = NO_KEY, ...words]: readonly Bytes[],
): ServerReply {
  const known = keyspace.find(key);
  let expiresAtMs = NEVER;
  let isToSet = true;
  for (let at = 0; at < words.length; at++) {
    const word = upper(words[at]);
    if (word === 'NX') isToSet = known === undefined;
    else if (word === 'XX') isToSet = known !== undefined;
    else if (word === 'KEEPTTL') expiresAtMs = known?.expiresAtMs ?? NEVER;
    else if (word === 'EX') expiresAtMs = endOf(words[++at], SECONDS, keyspace.nowMs);
    else if (word === 'PX') expiresAtMs = endOf(words[++at], MILLISECONDS, keyspace.nowMs);
    else syntaxError();
  }
  if (!isToSet) return null;
  keyspace.put(key, { kind: 'string', value: new Uint8Array(value), expiresAtMs });
  return OK;
}

function persist(keyspace: Keyspace, [key = NO_KEY]: readonly Bytes[]): number {
  const entry = keyspace.find(key);
  if (entry === undefined || entry.expiresAtMs === NEVER) return 0;
  entry.expiresAtMs = NEVER;
  return 1;
}

export const KEY_COMMANDS: readonly Command[] = [
  write('DEL', 2, remove),
  write('UNLINK', 2, remove),
  write('EXPIRE', 3, expire(SECONDS)),
  write('PEXPIRE', 3, expire(MILLISECONDS)),
  write('EXPIREAT', 3, expire(AT_SECOND)),
  write('PEXPIREAT', 3, expire(AT_MILLISECOND)),
  write('PERSIST', [2], persist),
  write('SET', 3, set),
  read('GET', [2], get),
  read('TTL', [2], ttl(1_000)),
  read('PTTL', [2], ttl(1)),
  read('TYPE', [2], (keyspace, [key = NO_KEY]) => keyspace.find(key)?.kind ?? 'none'),
  read(
    'EXISTS',
    2,
    (keyspace, keys) => keys.filter((key) => keyspace.find(key) !== undefined).length,
  ),
];
