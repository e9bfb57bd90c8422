/** Servers in memory reply to any commands as a real one does, while no time passes. */

import { randomUUID } from 'node:crypto';
import * as fc from 'fast-check';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { MemoryServer } from '../../src/testing/server/memory-server.ts';
import { readReply, textOf, type ServerReply } from '../../src/testing/server/bytes.ts';
import { ScriptTwins } from '../../src/testing/server/script-twins.ts';
import { ServerError } from '../../src/cluster/resp/reply.ts';

const RUNS = 500;
/** Stands for the store's own: it reads, decides, writes, and may meet a key of another type. */
const SCRIPT = `
  local known = redis.call('HGET', KEYS[1], ARGV[1])
  if known and tonumber(ARGV[2]) == nil then return {0, known} end
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
  return redis.call('HLEN', KEYS[1])`;
const twins = new ScriptTwins().add(SCRIPT, (redis, [key = NONE], [name = NONE, given = NONE]) => {
  const known = redis.call(['HGET', key, name]);
  if (known !== null && !/^\d+$/.test(textOf(given))) return [0, known];
  redis.call(['HSET', key, name, given]);
  return redis.call(['HLEN', key]);
});

const NONE = new Uint8Array();
type Words = readonly string[];

const key = fc.constantFrom('k1', 'k2', 'text');
const field = fc.constantFrom('a', 'b', 'c');
const value = fc.constantFrom('', 'x', 'é', 'a\r\nb', '12');
/** So long that no second of it passes, over already, or no number. */
const ttl = fc.constantFrom('1000', '5000', '9000', '0', '-1', 'soon');
const condition = fc.constantFrom<Words>([], [], ['NX'], ['XX'], ['GT'], ['LT'], ['nx']);
const fields = fc.array(field, { minLength: 1, maxLength: 3 });
const pairs = fc.array(fc.tuple(field, value), { minLength: 1, maxLength: 3 });

function words(...parts: fc.Arbitrary<string | Words>[]): fc.Arbitrary<Words> {
  return fc.tuple(...parts).map((given) => given.flat());
}
const is = (...said: string[]): fc.Arbitrary<Words> => fc.constant(said);
const some = (name: string): fc.Arbitrary<Words> =>
  fields.map((names) => [name, String(names.length), ...names]);
const time = fc.constantFrom<Words>(
  ['EX', '1000'],
  ['PX', '5000000'],
  ['KEEPTTL'],
  [],
  ['EX', '0'],
);
const hsetexCondition = fc.constantFrom<Words>([], [], ['FNX'], ['FXX'], ['FYY']);

const command = fc.oneof(
  words(
    is('HSET'),
    key,
    pairs.map((given) => given.flat()),
  ),
  words(
    is('HSETEX'),
    key,
    hsetexCondition,
    time,
    pairs.map((given) => ['FIELDS', String(given.length), ...given.flat()]),
  ),
  words(is('HMGET'), key, fields),
  words(fc.constantFrom('HGET', 'HEXISTS'), key, field),
  words(fc.constantFrom('HGETALL', 'HKEYS', 'HVALS', 'HLEN', 'TTL', 'TYPE', 'GET', 'PERSIST'), key),
  words(fc.constantFrom('HDEL'), key, fields),
  words(fc.constantFrom('EXPIRE'), key, ttl, condition),
  words(fc.constantFrom('HEXPIRE'), key, ttl, condition, some('FIELDS')),
  words(fc.constantFrom('HTTL', 'HPERSIST'), key, some('FIELDS')),
  words(fc.constantFrom('EXISTS', 'DEL', 'UNLINK'), key),
  words(is('SET'), key, value, fc.constantFrom<Words>([], ['NX'], ['XX'], ['EX', '1000'])),
  words(is('EVAL', SCRIPT, '1'), key, field, value),
  words(is('SCRIPT', 'LOAD', SCRIPT)),
  // What is wrong in some way.
  fc.constantFrom<Words>(
    ['HSET', 'k1', 'a'],
    ['HSET', 'k1', 'a', 'x', 'b'],
    ['HGET', 'k1'],
    ['HTTL', 'k1', 'FIELDS', '2', 'a'],
    ['HTTL', 'k1', 'FIELDS', '0', 'a'],
    ['HTTL', 'k1', 'FELDER', '1', 'a'],
    ['HEXPIRE', 'k1', '1000', 'FIELDS', '1'],
    ['HSETEX', 'k1', 'EX', '1000', 'FIELDS', '2', 'a', 'x'],
    ['EXPIRE', 'k1', '1000', 'ZZ'],
    ['NOSUCH', 'k1', 'a b'],
    ['EXEC'],
    ['SCRIPT', 'EXISTS', 'abc'],
    ['EVALSHA', 'abc', '0'],
  ),
);
/** Fields come in an order that the server chooses. */
const UNORDERED = new Set(['HGETALL', 'HKEYS', 'HVALS']);
const ordered = command.filter(([name = '']) => !UNORDERED.has(name));
/** Alone, or some in a transaction. */
const request = fc.oneof(
  { weight: 5, arbitrary: command.map((one) => [one]) },
  {
    weight: 1,
    arbitrary: fc
      .array(ordered, { minLength: 1, maxLength: 3 })
      .map((all) => [['MULTI'], ...all, ['EXEC']]),
  },
);

let redis: Redis;
beforeAll(() => {
  redis = new Redis(inject('standaloneUrl'));
});
afterAll(() => redis.disconnect());

/** As both sides are compared: errors by what clients go by, and what has no order in one. */
function plain(name: string, reply: unknown): unknown {
  if (reply instanceof ServerError || reply instanceof Error) {
    const [, code, unknown = ''] = /^(\w+)(?: (unknown command))?/i.exec(reply.message) ?? [];
    return `-${code} ${unknown.toLowerCase()}`;
  }
  if (!Array.isArray(reply)) return reply;
  const items = reply.map((item: unknown) => plain('', item));
  return UNORDERED.has(name) && name !== 'HGETALL' ? items.sort() : sortedPairs(name, items);
}

function sortedPairs(name: string, items: readonly unknown[]): readonly unknown[] {
  if (name !== 'HGETALL') return items;
  const found = items.map((item, at) => [item, items[at + 1]]).filter((_, at) => at % 2 === 0);
  return found.sort(([a], [b]) => (String(a) < String(b) ? -1 : 1));
}

it('whatever they are asked', async ({ skip }) => {
  const version = await redis.info('server');
  // Other servers have the same replies, and other words for what they refuse.
  skip(!/redis_version:8/.test(version) || /valkey/i.test(version), 'not Redis 8');
  await fc.assert(
    fc.asyncProperty(fc.array(request, { minLength: 1, maxLength: 25 }), async (requests) => {
      const prefix = `${randomUUID()}:`;
      const traits = {
        clock: { nowMs: 0 },
        twins,
        replicaCount: 0,
        unknown: [],
      };
      const session = new MemoryServer(traits).session();
      const commands = requests.flat().map(([name = '', first, ...rest]) => {
        if (first === undefined) return [name];
        if (name === 'EVAL') return [name, first, ...rest.with(1, `${prefix}${rest[1]}`)];
        const isKey = name !== 'SCRIPT' && name !== 'EVALSHA';
        return [name, isKey ? prefix + first : first, ...rest];
      });
      const pipeline = redis.pipeline();
      for (const [name = '', ...rest] of commands) pipeline.call(name, ...rest);
      const theirs = (await pipeline.exec()) ?? [];
      const names = commands.map(([name = '']) => name);
      const expected = theirs.map(([error, reply], at) => plain(names[at] ?? '', error ?? reply));
      const replies: ServerReply[] = commands.map((given) =>
        session.send(given.map((word) => Buffer.from(word))),
      );
      const ours = replies.map((reply, at) => plain(names[at] ?? '', readReply(reply)));
      expect(ours.map((reply, at) => [commands[at], reply])).toStrictEqual(
        expected.map((reply, at) => [commands[at], reply]),
      );
    }),
    { numRuns: RUNS },
  );
});
