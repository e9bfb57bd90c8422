/**
 * Streaming features: every field is written together with its own TTL, in one atomic step, so that
 * no crash in between can leave a streaming field that never expires.
 *
 *   HSETEX key EX ttl FIELDS n f v …                     Redis 8.0, Valkey 9.0
 *   MULTI, HSET, HEXPIRE key ttl FIELDS n f …, EXEC      Redis 7.4
 *   one of the two in MULTI, with HDEL key f …           where features are deleted, too
 *   EVALSHA                                              on conditions: see scripts.ts
 *
 * The key's own TTL stays as it is. A row without features sends nothing. An entity that has no
 * batch features gets no key TTL; it goes when its last field does.
 */

import {
  ANY_INTEGER,
  encodeHead,
  encodeWords,
  type CommandWriter,
  type EncodedRows,
  type KeyTable,
  type Reply,
  type UsualReply,
} from '../cluster/batch.ts';
import type { FieldTtlCommand } from '../cluster/delivery/field-ttl-command.ts';
import type { FeatureStoreError } from '../errors.ts';
import { EVENT_TIME, FeatureEncoder, type TakenFeatures } from './codec.ts';
import type { Context } from './context.ts';
import { checkEventTimeMs } from './option-checks.ts';
import type { RowOutcome, RowWriter } from './row-writer.ts';
import { GUARDED_HEXPIRE, GUARDED_HSETEX } from './scripts.ts';
import { EXEC, MULTI, writeHdel } from './transaction.ts';
import { unexpected } from './unexpected-reply.ts';
import { MAX_KEPT_FEATURES, MAX_KEPT_WRITERS } from './limits.ts';

/** What all rows of a streaming write share. */
export interface StreamingTerms {
  readonly ttlSeconds: number;
  readonly ifExists?: boolean | undefined;
  readonly stream?: string | undefined;
}

/**
 * The writers of a store, by command and terms: their words are encoded once, and names once for
 * all of them.
 */
export class StreamingWriters {
  readonly #context: Context;
  readonly #encoder = new FeatureEncoder();
  readonly #byTtl = { HSETEX: new Map<number, RowWriter>(), HEXPIRE: new Map<number, RowWriter>() };
  readonly #byTerms = new Map<string, RowWriter>();

  constructor(context: Context) {
    this.#context = context;
  }

  of(command: FieldTtlCommand, terms: StreamingTerms): RowWriter {
    const { ttlSeconds, ifExists = false, stream } = terms;
    if (!ifExists && stream === undefined) {
      return this.#kept(this.#byTtl[command], ttlSeconds, command, terms);
    }
    const key = `${command} ${ttlSeconds} ${ifExists} ${stream ?? ''}`;
    return this.#kept(this.#byTerms, key, command, terms);
  }

  #kept<Key>(
    writers: Map<Key, RowWriter>,
    key: Key,
    command: FieldTtlCommand,
    terms: StreamingTerms,
  ): RowWriter {
    const known = writers.get(key);
    if (known !== undefined) return known;
    const writer = streamingWriter(this.#context, command, terms, this.#encoder);
    if (writers.size >= MAX_KEPT_WRITERS) writers.clear();
    writers.set(key, writer);
    return writer;
  }
}

export function streamingWriter(
  context: Pick<Context, 'counters'>,
  command: FieldTtlCommand,
  terms: StreamingTerms,
  encoder: FeatureEncoder = new FeatureEncoder(),
): RowWriter {
  const isHsetex = command === 'HSETEX';
  const { ttlSeconds, ifExists = false } = terms;
  const set = isHsetex ? hsetex(encoder, ttlSeconds) : hexpire(encoder, ttlSeconds);
  const setCommands = isHsetex ? 1 : 2;
  const writeGuarded = guarded(encoder, isHsetex, terms);
  return {
    script: (isHsetex ? GUARDED_HSETEX : GUARDED_HEXPIRE).text,
    check: (id, features, eventTimeMs) => {
      checkEventTimeMs(id, eventTimeMs);
      return encoder.check(id, features);
    },
    write: (id, features, keys, rows, eventTimeMs) => {
      const taken = encoder.take(id, features);
      const featureCount = taken.names.length + taken.deleted.length;
      if (featureCount === 0) return 0;
      if (ifExists || eventTimeMs !== undefined) {
        writeGuarded(id, taken, checkEventTimeMs(id, eventTimeMs), keys, rows);
        return featureCount;
      }
      const { writer } = rows;
      const isDeleting = taken.deleted.length > 0;
      const commandCount = (taken.names.length > 0 ? setCommands : 0) + (isDeleting ? 1 : 0);
      const isTransaction = commandCount > 1 || isDeleting;
      if (isTransaction) writer.encoded(MULTI);
      if (taken.names.length > 0) set(id, taken, keys, writer);
      if (isDeleting) writeHdel(encoder, id, taken.deleted, keys, writer);
      if (isTransaction) writer.encoded(EXEC);
      rows.endCommand(isTransaction ? commandCount + 2 : 1);
      return featureCount;
    },
    usualReplies: isHsetex ? allSetAtOnce : allSetOf,
    answerOf: (replies, featureCount) => outcomeOf(command, replies, featureCount),
    onWritten: (featureCount) => {
      context.counters.streamingWritesTotal += featureCount;
    },
  };
}

/** Writes commands that set the features and their TTLs. */
type Set = (id: string, taken: TakenFeatures, keys: KeyTable, writer: CommandWriter) => void;

function hsetex(encoder: FeatureEncoder, ttlSeconds: number): Set {
  const headOf = byCount((count) => encodeHead(6 + 2 * count, 'HSETEX'));
  const optionsOf = byCount((count) => encodeWords('EX', ttlSeconds, 'FIELDS', count));
  return (id, taken, keys, writer) => {
    writer.encoded(headOf(taken.names.length));
    writer.key(keys, keys.count - 1);
    writer.encoded(optionsOf(taken.names.length));
    encoder.writePairs(id, taken, writer);
  };
}

function hexpire(encoder: FeatureEncoder, ttlSeconds: number): Set {
  const hsetOf = byCount((count) => encodeHead(2 + 2 * count, 'HSET'));
  const headOf = byCount((count) => encodeHead(5 + count, 'HEXPIRE'));
  const optionsOf = byCount((count) => encodeWords(ttlSeconds, 'FIELDS', count));
  return (id, taken, keys, writer) => {
    const { names } = taken;
    const row = keys.count - 1;
    writer.encoded(hsetOf(names.length));
    writer.key(keys, row);
    encoder.writePairs(id, taken, writer);
    writer.encoded(headOf(names.length));
    writer.key(keys, row);
    writer.encoded(optionsOf(names.length));
    encoder.writeNames(id, names, writer);
  };
}

function guarded(
  encoder: FeatureEncoder,
  isHsetex: boolean,
  { ttlSeconds, ifExists = false, stream }: StreamingTerms,
): (
  id: string,
  taken: TakenFeatures,
  eventTimeMs: number | undefined,
  keys: KeyTable,
  rows: EncodedRows,
) => void {
  const { sha } = isHsetex ? GUARDED_HSETEX : GUARDED_HEXPIRE;
  const clock = stream === undefined ? EVENT_TIME : `${EVENT_TIME}:${stream}`;
  const script = encodeWords(sha, 1);
  return (id, taken, eventTimeMs, keys, rows) => {
    const { writer } = rows;
    const hasTime = eventTimeMs !== undefined;
    const wordCount = 2 * taken.names.length + (hasTime ? 2 : 0);
    writer.encoded(encodeHead(9 + wordCount + taken.deleted.length, 'EVALSHA'));
    writer.encoded(script);
    writer.key(keys, keys.count - 1);
    const time = hasTime ? eventTimeMs : 0;
    writer.encoded(
      encodeWords(ifExists ? 1 : 0, hasTime ? clock : '', time, ttlSeconds, wordCount),
    );
    if (hasTime) writer.encoded(encodeWords(clock, eventTimeMs));
    encoder.writePairs(id, taken, writer);
    encoder.writeNames(id, taken.deleted, writer);
    rows.endCommand();
  };
}

/** What depends on the number of features alone, made once for each. */
function byCount<Made>(make: (count: number) => Made): (count: number) => Made {
  const known: (Made | undefined)[] = [];
  return (count) => {
    const made = known[count] ?? make(count);
    if (count <= MAX_KEPT_FEATURES) known[count] = made;
    return made;
  };
}

/** Replies to MULTI, HDEL, EXEC: however many of the features were there. */
const DELETION_ALONE = 3;
const ALL_SET: readonly UsualReply[] = [Buffer.from(':1\r\n')];
const allSetAtOnce = (): readonly UsualReply[] => ALL_SET;

/**
 * MULTI and two commands that were queued, then EXEC: the number of new fields, and a code per
 * field.
 */
const QUEUED = Buffer.from('+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n');
const allSetOf = byCount((count): readonly UsualReply[] => [
  QUEUED,
  ANY_INTEGER,
  Buffer.from(`*${count}\r\n${':1\r\n'.repeat(count)}`),
]);

/**
 * HSETEX replies 1 when it set all fields. HEXPIRE replies per field: 1 set, 0 condition not met,
 * 2 deleted because the time had passed, -2 no such field.
 * https://redis.io/docs/latest/commands/hexpire/
 */
export function outcomeOf(
  command: FieldTtlCommand,
  replies: readonly Reply[],
  featureCount: number,
): RowOutcome | FeatureStoreError {
  if (replies.length === 1) return outcomeOfOne(command, replies[0]);
  if (replies.length === DELETION_ALONE) return 'written';
  const executed: unknown = replies.at(-1);
  const results: readonly unknown[] = Array.isArray(executed) ? executed : [];
  if (command === 'HSETEX') {
    return results[0] === 1 ? 'written' : unexpected('HSETEX', results[0] ?? executed);
  }
  const [, codes, deletedCount] = results;
  const isAll =
    Array.isArray(codes) &&
    codes.every((code) => code === 1) &&
    (deletedCount !== undefined || codes.length === featureCount);
  return isAll ? 'written' : unexpected('HEXPIRE', codes ?? executed);
}

function outcomeOfOne(
  command: FieldTtlCommand,
  reply: Reply | undefined,
): RowOutcome | FeatureStoreError {
  if (reply === 1) return 'written';
  return reply === 'older' || reply === 'absent' ? reply : unexpected(command, reply);
}
