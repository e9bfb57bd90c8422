/**
 * What no command of Redis does in one atomic step: Lua that is called by EVALSHA, one key each. A
 * node that does not know a script says NOSCRIPT, and gets it (cluster/delivery).
 *
 * Lua cannot give more than some thousands of values to one command, so long rows are written in
 * pieces. A script is atomic, whatever it does.
 */

import { createHash } from 'node:crypto';

/** Lua, and the name that servers know it by. */
export interface Script {
  readonly text: string;
  /** SHA1, in hexadecimal digits. */
  readonly sha: string;
}

/** What scripts reply where all was written; a write that was passed over says why. */
const WRITTEN = 1;

/** `each(from, to, function(from, to) … end)`: some of ARGV at a time, in pairs. */
const PIECES = `
local function each(from, to, work)
  while from <= to do
    local last = math.min(from + 1999, to)
    work(from, last)
    from = last + 1
  end
end
`;

/**
 * A streaming write on conditions.
 *
 *   KEYS[1]  the entity
 *   ARGV     1 '1': only where the entity has batch features
 *            2 the field of the event time; empty: whatever was there
 *            3 the event time, in ms
 *            4 the TTL, in seconds
 *            5 how many names and values follow, and then names of features to be deleted
 *
 * The event time is among the pairs, so it is written and expires with them; where an older one has
 * longer to live, it keeps that. A key without TTL has batch features where it has a field without.
 */
function guarded(write: string): Script {
  return scriptOf(`
local key, clock, ttl = KEYS[1], ARGV[2], tonumber(ARGV[4])
${PIECES}
local function is_streaming_alone()
  local names = redis.call('HKEYS', key)
  for from = 1, #names, 1000 do
    local last = math.min(from + 999, #names)
    local ttls = redis.call('HTTL', key, 'FIELDS', last - from + 1, unpack(names, from, last))
    for i = 1, #ttls do if ttls[i] == -1 then return false end end
  end
  return true
end
if ARGV[1] == '1' then
  local left = redis.call('PTTL', key)
  if left == -2 or (left == -1 and is_streaming_alone()) then return 'absent' end
end
local left = 0
if clock ~= '' then
  local at = tonumber(redis.call('HGET', key, clock) or '')
  if at then
    if at >= tonumber(ARGV[3]) then return 'older' end
    left = redis.call('HPTTL', key, 'FIELDS', 1, clock)[1]
  end
end
local last = 5 + tonumber(ARGV[5])
each(6, last, function(from, to)
  ${write}
end)
if left > ttl * 1000 then redis.call('HPEXPIRE', key, left, 'FIELDS', 1, clock) end
each(last + 1, #ARGV, function(from, to) redis.call('HDEL', key, unpack(ARGV, from, to)) end)
return ${WRITTEN}`);
}

/** For servers that know HSETEX. */
export const GUARDED_HSETEX: Script = guarded(
  `redis.call('HSETEX', key, 'EX', ttl, 'FIELDS', (to - from + 1) / 2, unpack(ARGV, from, to))`,
);

/** For Redis 7.4. */
export const GUARDED_HEXPIRE: Script = guarded(`
  redis.call('HSET', key, unpack(ARGV, from, to))
  local names = {}
  for i = from, to, 2 do names[#names + 1] = ARGV[i] end
  redis.call('HEXPIRE', key, ttl, 'FIELDS', #names, unpack(names))`);

/**
 * Makes the batch features of an entity exactly these.
 *
 *   KEYS[1]  the entity
 *   ARGV     1 the TTL of the key, in seconds
 *            2 how many names and values follow, and then names of features to be deleted
 *
 * A field with a TTL of its own is a streaming feature, and stays. Servers that know no such TTLs
 * have none.
 */
export const REPLACE: Script = scriptOf(`
local key = KEYS[1]
${PIECES}
local last = 2 + tonumber(ARGV[2])
local kept, others = {}, {}
for i = 3, last, 2 do kept[ARGV[i]] = true end
local names = redis.call('HKEYS', key)
for i = 1, #names do if not kept[names[i]] then others[#others + 1] = names[i] end end
each(3, last, function(from, to) redis.call('HSET', key, unpack(ARGV, from, to)) end)
for from = 1, #others, 1000 do
  local part = { unpack(others, from, math.min(from + 999, #others)) }
  local ttls = redis.pcall('HTTL', key, 'FIELDS', #part, unpack(part))
  local gone = {}
  for i = 1, #part do
    if ttls.err or ttls[i] == -1 then gone[#gone + 1] = part[i] end
  end
  if #gone > 0 then redis.call('HDEL', key, unpack(gone)) end
end
each(last + 1, #ARGV, function(from, to) redis.call('HDEL', key, unpack(ARGV, from, to)) end)
redis.call('EXPIRE', key, ARGV[1])
return ${WRITTEN}`);

function scriptOf(lua: string): Script {
  const text = lua.trim();
  return { text, sha: createHash('sha1').update(text).digest('hex') };
}
