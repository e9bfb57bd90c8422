/**
 * Streaming features: every field is written together with its own TTL, in one atomic step, so that
 * no crash in between can leave a streaming field that never expires.
 *
 *   HSETEX key EX ttl FIELDS n f v …                     Redis 8.0, Valkey 9.0
 *   MULTI, HSET, HEXPIRE key ttl FIELDS n f …, EXEC      Redis 7.4
 *
 * The key's own TTL stays as it is. A row without features sends nothing. An entity that has no
 * batch features gets no key TTL; it goes when its last field does.
 */

import {
  ANY_INTEGER,
  encodeCommand,
  encodeHead,
  encodeWords,
  type EncodedRows,
  type KeyTable,
  type Reply,
  type UsualReply,
} from '../cluster/batch.ts';
import type { FieldTtlCommand } from '../cluster/delivery/field-ttl-command.ts';
import type { FeatureStoreError } from '../errors.ts';
import { FeatureEncoder } from './codec.ts';
import type { Context } from './context.ts';
import type { Features } from './features.ts';
import type { RowWriter } from './row-writer.ts';
import { unexpected } from './unexpected-reply.ts';
import { MAX_KEPT_FEATURES, MAX_KEPT_WRITERS } from './limits.ts';

/**
 * The writers of a store, by command and TTL: their words are encoded once, and names once for all
 * of them.
 */
export class StreamingWriters {
  readonly #context: Context;
  readonly #encoder = new FeatureEncoder();
  readonly #byTtl = { HSETEX: new Map<number, RowWriter>(), HEXPIRE: new Map<number, RowWriter>() };

  constructor(context: Context) {
    this.#context = context;
  }

  of(command: FieldTtlCommand, ttlSeconds: number): RowWriter {
    const writers = this.#byTtl[command];
    const known = writers.get(ttlSeconds);
    if (known !== undefined) return known;
    const writer = streamingWriter(this.#context, command, ttlSeconds, this.#encoder);
    if (writers.size >= MAX_KEPT_WRITERS) writers.clear();
    writers.set(ttlSeconds, writer);
    return writer;
  }
}

export function streamingWriter(
  context: Pick<Context, 'counters'>,
  command: FieldTtlCommand,
  ttlSeconds: number,
  encoder: FeatureEncoder = new FeatureEncoder(),
): RowWriter {
  const isHsetex = command === 'HSETEX';
  const write = isHsetex ? hsetex(encoder, ttlSeconds) : hexpire(encoder, ttlSeconds);
  return {
    check: (id, features) => encoder.check(id, features),
    write: (id, features, keys, rows) => {
      const names = encoder.namesOf(id, features);
      if (names.length > 0) write(id, features, names, keys, rows);
      return names.length;
    },
    usualReplies: isHsetex ? allSetAtOnce : allSetOf,
    answerOf: (replies, featureCount) =>
      checkStreamingReplies(command, replies, featureCount) ?? true,
    onWritten: (featureCount) => {
      context.counters.streamingWritesTotal += featureCount;
    },
  };
}

type Write = (
  id: string,
  features: Features,
  names: readonly string[],
  keys: KeyTable,
  rows: EncodedRows,
) => void;

function hsetex(encoder: FeatureEncoder, ttlSeconds: number): Write {
  const headOf = byCount((count) => encodeHead(6 + 2 * count, 'HSETEX'));
  const optionsOf = byCount((count) => encodeWords('EX', ttlSeconds, 'FIELDS', count));
  return (id, features, names, keys, rows) => {
    const { writer } = rows;
    writer.encoded(headOf(names.length));
    writer.key(keys, keys.count - 1);
    writer.encoded(optionsOf(names.length));
    encoder.writePairs(id, features, names, writer);
    rows.endCommand();
  };
}

function hexpire(encoder: FeatureEncoder, ttlSeconds: number): Write {
  const [multi, exec] = [encodeCommand('MULTI'), encodeCommand('EXEC')];
  const hsetOf = byCount((count) => Buffer.concat([multi, encodeHead(2 + 2 * count, 'HSET')]));
  const headOf = byCount((count) => encodeHead(5 + count, 'HEXPIRE'));
  const optionsOf = byCount((count) => encodeWords(ttlSeconds, 'FIELDS', count));
  return (id, features, names, keys, rows) => {
    const { writer } = rows;
    const row = keys.count - 1;
    writer.encoded(hsetOf(names.length));
    writer.key(keys, row);
    encoder.writePairs(id, features, names, writer);
    writer.encoded(headOf(names.length));
    writer.key(keys, row);
    writer.encoded(optionsOf(names.length));
    encoder.writeNames(id, names, writer);
    writer.encoded(exec);
    rows.endCommand(REPLIES_OF_TRANSACTION);
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

/** MULTI, HSET, HEXPIRE, EXEC. */
const REPLIES_OF_TRANSACTION = 4;
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
export function checkStreamingReplies(
  command: FieldTtlCommand,
  replies: readonly Reply[],
  featureCount: number,
): FeatureStoreError | undefined {
  if (command === 'HSETEX') {
    return replies[0] === 1 ? undefined : unexpected('HSETEX', replies[0]);
  }
  const executed = replies.at(-1);
  const codes: unknown = Array.isArray(executed) ? executed[1] : undefined;
  const allSet =
    Array.isArray(codes) && codes.length === featureCount && codes.every((code) => code === 1);
  return allSet ? undefined : unexpected('HEXPIRE', codes ?? executed);
}
