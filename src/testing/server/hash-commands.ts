/**
 * Commands on hashes and their fields, as Redis 8 has them: HSET takes a field's TTL away, HSETEX
 * gives it one, and a hash whose last field goes is gone with its own TTL.
 * https://redis.io/docs/latest/commands/?group=hash
 */

import {
  AT_MILLISECOND,
  AT_SECOND,
  conditionOf,
  endOf,
  fieldsOf,
  holds,
  MILLISECONDS,
  SECONDS,
  syntaxError,
  upper,
  type TimeUnit,
} from './arguments.ts';
import { bytesOf, nameOf, type Bytes, type ServerReply } from './bytes.ts';
import { read, write, type Command } from './command.ts';
import { NEVER, setField, type Keyspace } from './keyspace.ts';
import { Refusal } from './refusal.ts';

const NO_KEY = new Uint8Array();

function hset(keyspace: Keyspace, [key = NO_KEY, ...pairs]: readonly Bytes[]): number {
  if (pairs.length % 2 === 1) {
    throw new Refusal("ERR wrong number of arguments for 'hset' command");
  }
  return setFields(keyspace, key, pairs, () => NEVER);
}

/** Gives how many fields are new. */
function setFields(
  keyspace: Keyspace,
  key: Bytes,
  pairs: readonly Bytes[],
  endOfField: (name: string) => number,
): number {
  const hash = keyspace.hashToFill(key);
  let added = 0;
  for (let at = 0; at < pairs.length; at += 2) {
    const [name = NO_KEY, value = NO_KEY] = [pairs[at], pairs[at + 1]];
    if (setField(hash, name, value, endOfField(nameOf(name)))) added++;
  }
  return added;
}

const UNITS: Readonly<Record<string, TimeUnit>> = {
  EX: SECONDS,
  PX: MILLISECONDS,
  EXAT: AT_SECOND,
  PXAT: AT_MILLISECOND,
};

/** Gives 1 where all fields were set, and 0 where a condition did not hold, and none was. */
function hsetex(keyspace: Keyspace, [key = NO_KEY, ...words]: readonly Bytes[]): number {
  let [at, isKept, expiresAtMs] = [0, false, NEVER];
  let condition: string | undefined;
  for (let word = upper(words[at]); word !== 'FIELDS'; word = upper(words[at])) {
    const unit = Object.hasOwn(UNITS, word) ? UNITS[word] : undefined;
    const hasTime = isKept || expiresAtMs !== NEVER;
    if ((word === 'FNX' || word === 'FXX') && condition === undefined) condition = word;
    else if (word === 'KEEPTTL' && !hasTime) isKept = true;
    else if (unit !== undefined && !hasTime) expiresAtMs = timeOf(words[++at], unit, keyspace);
    else syntaxError();
    at++;
  }
  const pairs = fieldsOf(words, at, 2);
  const known = keyspace.hash(key)?.fields;
  const names = pairs.filter((_, index) => index % 2 === 0).map(nameOf);
  if (condition === 'FXX' && !names.every((name) => known?.has(name))) return 0;
  if (condition === 'FNX' && names.some((name) => known?.has(name))) return 0;
  const end = (name: string): number =>
    (isKept ? known?.get(name)?.expiresAtMs : undefined) ?? NEVER;
  setFields(keyspace, key, pairs, isKept ? end : () => expiresAtMs);
  deletePassed(keyspace, key);
  return 1;
}

function timeOf(word: Bytes | undefined, unit: TimeUnit, keyspace: Keyspace): number {
  const end = endOf(word, unit, keyspace.nowMs);
  if (end < (unit.isPoint ? 0 : keyspace.nowMs)) {
    throw new Refusal("ERR invalid expire time in 'hsetex' command");
  }
  return end;
}

/** A field whose time is already past when it is given one is deleted at once. */
function deletePassed(keyspace: Keyspace, key: Bytes): void {
  const hash = keyspace.hash(key);
  if (hash === undefined) return;
  for (const [name, { expiresAtMs }] of hash.fields) {
    if (expiresAtMs <= keyspace.nowMs) hash.fields.delete(name);
  }
  keyspace.dropIfEmpty(key, hash);
}

function hdel(keyspace: Keyspace, [key = NO_KEY, ...names]: readonly Bytes[]): number {
  const hash = keyspace.hash(key);
  if (hash === undefined) return 0;
  const deleted = names.filter((name) => hash.fields.delete(nameOf(name))).length;
  keyspace.dropIfEmpty(key, hash);
  return deleted;
}

/**
 * HEXPIRE and its like: -2 no such field, 0 the condition does not hold, 1 set, 2 deleted, as the
 * time is past.
 */
const hexpire =
  (unit: TimeUnit) =>
  (keyspace: Keyspace, [key = NO_KEY, time, ...words]: readonly Bytes[]): ServerReply => {
    const hash = keyspace.hash(key);
    const expiresAtMs = endOf(time, unit, keyspace.nowMs);
    if (expiresAtMs < (unit.isPoint ? 0 : keyspace.nowMs)) {
      throw new Refusal('ERR invalid expire time, must be >= 0');
    }
    const condition = conditionOf(words[0]);
    const names = fieldsOf(words, condition === undefined ? 0 : 1).map(nameOf);
    if (hash === undefined) return names.map(() => -2);
    const codes = names.map((name) => {
      const field = hash.fields.get(name);
      if (field === undefined) return -2;
      if (!holds(condition, field.expiresAtMs, expiresAtMs)) return 0;
      if (expiresAtMs <= keyspace.nowMs) {
        hash.fields.delete(name);
        return 2;
      }
      field.expiresAtMs = expiresAtMs;
      hash.firstFieldExpiresAtMs = Math.min(hash.firstFieldExpiresAtMs, expiresAtMs);
      return 1;
    });
    keyspace.dropIfEmpty(key, hash);
    return codes;
  };

/** HPERSIST: -2 no such field, -1 it has no TTL, 1 taken away. */
function hpersist(keyspace: Keyspace, [key = NO_KEY, ...words]: readonly Bytes[]): ServerReply {
  const hash = keyspace.hash(key);
  return fieldsOf(words, 0).map((name) => {
    const field = hash?.fields.get(nameOf(name));
    if (field === undefined) return -2;
    if (field.expiresAtMs === NEVER) return -1;
    field.expiresAtMs = NEVER;
    return 1;
  });
}

/** HTTL and HPTTL: -2 no such field, -1 no TTL of its own; begun seconds count whole. */
const httl =
  (unitMs: number) =>
  (keyspace: Keyspace, [key = NO_KEY, ...words]: readonly Bytes[]): ServerReply => {
    const hash = keyspace.hash(key);
    return fieldsOf(words, 0).map((name) => {
      const field = hash?.fields.get(nameOf(name));
      if (field === undefined) return -2;
      if (field.expiresAtMs === NEVER) return -1;
      return Math.ceil((field.expiresAtMs - keyspace.nowMs) / unitMs);
    });
  };

/** What each field of a hash replies, one after the other. */
const each =
  (reply: (name: string, value: Bytes) => readonly Bytes[]) =>
  (keyspace: Keyspace, [key = NO_KEY]: readonly Bytes[]): ServerReply =>
    [...(keyspace.hash(key)?.fields ?? [])].flatMap(([name, { value }]) => reply(name, value));

const valueOf = (keyspace: Keyspace, key: Bytes, name: Bytes): Bytes | null =>
  keyspace.hash(key)?.fields.get(nameOf(name))?.value ?? null;

export const HASH_COMMANDS: readonly Command[] = [
  write('HSET', 4, hset),
  write('HSETEX', 6, hsetex),
  write('HDEL', 3, hdel),
  write('HEXPIRE', 6, hexpire(SECONDS)),
  write('HPEXPIRE', 6, hexpire(MILLISECONDS)),
  write('HEXPIREAT', 6, hexpire(AT_SECOND)),
  write('HPEXPIREAT', 6, hexpire(AT_MILLISECOND)),
  write('HPERSIST', 5, hpersist),
  read('HGET', [3], (keyspace, [key = NO_KEY, name = NO_KEY]) => valueOf(keyspace, key, name)),
  read('HMGET', 3, (keyspace, [key = NO_KEY, ...names]) => {
    const fields = keyspace.hash(key)?.fields;
    return names.map((name) => fields?.get(nameOf(name))?.value ?? null);
  }),
  read(
    'HGETALL',
    [2],
    each((name, value) => [bytesOf(name), value]),
  ),
  read(
    'HKEYS',
    [2],
    each((name) => [bytesOf(name)]),
  ),
  read(
    'HVALS',
    [2],
    each((_, value) => [value]),
  ),
  read('HLEN', [2], (keyspace, [key = NO_KEY]) => keyspace.hash(key)?.fields.size ?? 0),
  read('HEXISTS', [3], (keyspace, [key = NO_KEY, name = NO_KEY]) =>
    valueOf(keyspace, key, name) === null ? 0 : 1,
  ),
  read('HTTL', 5, httl(1_000)),
  read('HPTTL', 5, httl(1)),
];
