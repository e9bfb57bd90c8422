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
  encodeCommand,
  encodeHead,
  encodeWords,
  type CommandWriter,
} from '../cluster/resp/command-writer.ts';
import {
  OTHER,
  type INCOMPLETE,
  type Reply,
  type ReplyReader,
} from '../cluster/resp/reply-reader.ts';
import type { FeatureStoreError } from '../errors.ts';
import { FeatureEncoder } from './codec.ts';
import type { Context } from './context.ts';
import type { Features } from './features.ts';
import type { FieldTtlCommand } from './field-ttl-support.ts';
import type { RowWriter } from './row-load.ts';
import { unexpected } from './unexpected-reply.ts';

/** Up to this many pairs of command and TTL have their words kept; callers use few. */
const MAX_KEPT = 64;
/** The words of rows with up to this many features are kept. */
const MAX_KEPT_FEATURES = 64;

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
    if (writers.size >= MAX_KEPT) writers.clear();
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
    commandsPerRow: isHsetex ? 1 : 4,
    transaction: !isHsetex,
    check: (id, features) => encoder.check(id, features),
    write: (id, key, features, writer) => {
      const names = encoder.namesOf(id, features);
      if (names.length > 0) write(id, key, features, names, writer);
      return names.length;
    },
    readAnswer: isHsetex ? readHsetex : readHexpire,
    answerOf: (replies, featureCount) =>
      checkStreamingReplies(command, replies, featureCount) ?? true,
    onWritten: (featureCount) => {
      context.counters.streamingWritesTotal += featureCount;
    },
  };
}

type Write = (
  id: string,
  key: string,
  features: Features,
  names: readonly string[],
  writer: CommandWriter,
) => void;

function hsetex(encoder: FeatureEncoder, ttlSeconds: number): Write {
  const headOf = byCount((count) => encodeHead(6 + 2 * count, 'HSETEX'));
  const optionsOf = byCount((count) => encodeWords('EX', ttlSeconds, 'FIELDS', count));
  return (id, key, features, names, writer) => {
    writer.encoded(headOf(names.length));
    writer.bulkString(key);
    writer.encoded(optionsOf(names.length));
    encoder.writePairs(id, features, names, writer);
  };
}

function hexpire(encoder: FeatureEncoder, ttlSeconds: number): Write {
  const [multi, exec] = [encodeCommand('MULTI'), encodeCommand('EXEC')];
  const hsetOf = byCount((count) => Buffer.concat([multi, encodeHead(2 + 2 * count, 'HSET')]));
  const headOf = byCount((count) => encodeHead(5 + count, 'HEXPIRE'));
  const optionsOf = byCount((count) => encodeWords(ttlSeconds, 'FIELDS', count));
  return (id, key, features, names, writer) => {
    writer.encoded(hsetOf(names.length));
    writer.bulkString(key);
    encoder.writePairs(id, features, names, writer);
    writer.encoded(headOf(names.length));
    writer.bulkString(key);
    writer.encoded(optionsOf(names.length));
    encoder.writeNames(id, names, writer);
    writer.encoded(exec);
  };
}

/** Bytes that depend on the number of features alone, made once for each. */
function byCount(make: (count: number) => Uint8Array): (count: number) => Uint8Array {
  const known: (Uint8Array | undefined)[] = [];
  return (count) => {
    const bytes = known[count] ?? make(count);
    if (count <= MAX_KEPT_FEATURES) known[count] = bytes;
    return bytes;
  };
}

function readHsetex(reader: ReplyReader): true | typeof INCOMPLETE | undefined {
  return settled(reader.readExactly(ALL_SET));
}

/**
 * MULTI and two commands that were queued, then EXEC: the number of new fields, and a code per
 * field.
 */
function readHexpire(
  reader: ReplyReader,
  featureCount: number,
): true | typeof INCOMPLETE | undefined {
  const { mark } = reader;
  const queued = reader.readExactly(QUEUED);
  const added = queued === true ? reader.readInteger() : queued;
  const codes = typeof added === 'number' ? reader.readExactly(allSetOf(featureCount)) : added;
  if (codes !== true) reader.rewind(mark);
  return settled(codes);
}

function settled(
  read: true | typeof OTHER | typeof INCOMPLETE,
): true | typeof INCOMPLETE | undefined {
  return read === OTHER ? undefined : read;
}

const ALL_SET = Buffer.from(':1\r\n');
const QUEUED = Buffer.from('+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n');
const allSetOf = byCount((count) => Buffer.from(`*${count}\r\n${':1\r\n'.repeat(count)}`));

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
