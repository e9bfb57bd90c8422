/** The twins of the store's own scripts; what they do is said in store/scripts.ts. */

import { GUARDED_HEXPIRE, GUARDED_HSETEX, REPLACE } from '../../store/scripts.ts';
import { nameOf, type Bytes, type ServerReply } from './bytes.ts';
import {
  ScriptTwins,
  type ScriptServer,
  type ScriptTwin,
  type ScriptWord,
} from './script-twins.ts';

const WRITTEN = 1;
const NO_NAME = new Uint8Array();

function guarded(isHsetex: boolean): ScriptTwin {
  return (redis, [key], argv) => {
    if (key === undefined) return null;
    const [mustExist, , time, ttlSeconds, wordCount] = argv.slice(0, 5).map(nameOf);
    // The name of a field is bytes, as it is among the pairs.
    const clock = argv[1]?.length ? argv[1] : undefined;
    if (mustExist === '1') {
      const left = redis.call(['PTTL', key]);
      if (left === -2) return Buffer.from('absent');
      if (left === -1 && isStreamingAlone(redis, key)) return Buffer.from('absent');
    }
    let leftMs = 0;
    const at = clock ? numberOf(redis.call(['HGET', key, clock])) : undefined;
    if (at !== undefined) {
      if (at >= Number(time)) return Buffer.from('older');
      leftMs = Number(listOf(redis.call(['HPTTL', key, 'FIELDS', 1, clock ?? NO_NAME]))[0]);
    }
    const end = 5 + Number(wordCount);
    const pairs = argv.slice(5, end);
    const ttl = Number(ttlSeconds);
    if (pairs.length > 0) set(redis, key, pairs, ttl, isHsetex);
    if (clock && leftMs > ttl * 1_000) redis.call(['HPEXPIRE', key, leftMs, 'FIELDS', 1, clock]);
    remove(redis, key, argv.slice(end));
    return WRITTEN;
  };
}

function set(
  redis: ScriptServer,
  key: Bytes,
  pairs: readonly Bytes[],
  ttl: number,
  isHsetex: boolean,
): void {
  const count = pairs.length / 2;
  if (isHsetex) return void redis.call(['HSETEX', key, 'EX', ttl, 'FIELDS', count, ...pairs]);
  redis.call(['HSET', key, ...pairs]);
  const names = pairs.filter((_, at) => at % 2 === 0);
  redis.call(['HEXPIRE', key, ttl, 'FIELDS', count, ...names]);
}

const replace: ScriptTwin = (redis, [key], argv) => {
  if (key === undefined) return null;
  const [ttlSeconds = '', wordCount] = argv.slice(0, 2).map(nameOf);
  const end = 2 + Number(wordCount);
  const pairs = argv.slice(2, end);
  const kept = new Set(pairs.filter((_, at) => at % 2 === 0).map(nameOf));
  const names = listOf(redis.call(['HKEYS', key])).filter((name) => !kept.has(wordOf(name)));
  redis.call(['HSET', key, ...pairs]);
  const ttls = ttlsOf(redis, key, names as ScriptWord[]);
  const gone = (names as ScriptWord[]).filter((_, at) => ttls[at] === -1);
  remove(redis, key, [...gone, ...argv.slice(end)]);
  redis.call(['EXPIRE', key, ttlSeconds]);
  return WRITTEN;
};

function isStreamingAlone(redis: ScriptServer, key: Bytes): boolean {
  const names = listOf(redis.call(['HKEYS', key])) as ScriptWord[];
  return !ttlsOf(redis, key, names).includes(-1);
}

function ttlsOf(
  redis: ScriptServer,
  key: Bytes,
  names: readonly ScriptWord[],
): readonly ServerReply[] {
  if (names.length === 0) return [];
  return listOf(redis.call(['HTTL', key, 'FIELDS', names.length, ...names]));
}

function remove(redis: ScriptServer, key: Bytes, names: readonly ScriptWord[]): void {
  if (names.length > 0) redis.call(['HDEL', key, ...names]);
}

function listOf(reply: ServerReply): readonly ServerReply[] {
  return Array.isArray(reply) ? reply : [];
}

function wordOf(reply: ServerReply): string {
  return reply instanceof Uint8Array ? nameOf(reply) : String(reply);
}

/** Where it is one; Lua takes an empty text for none. */
function numberOf(reply: ServerReply): number | undefined {
  const text = reply === null ? '' : wordOf(reply).trim();
  const value = text === '' ? Number.NaN : Number(text);
  return Number.isNaN(value) ? undefined : value;
}

export const storeTwins: ScriptTwins = new ScriptTwins()
  .add(GUARDED_HSETEX.text, guarded(true))
  .add(GUARDED_HEXPIRE.text, guarded(false))
  .add(REPLACE.text, replace);
