/**
 * Streaming features: every field is written together with its own TTL, in one atomic step, so that
 * no crash in between can leave a streaming field that never expires.
 *
 *   HSETEX key EX ttl FIELDS n f v …                     Redis 8.0, Valkey 9.0
 *   MULTI, HSET, HEXPIRE key ttl FIELDS n f …, EXEC      Redis 7.4
 *
 * The key's own TTL stays as it is. A row without features sends nothing. An entity that has no batch features gets no key TTL; it goes when
 * its last field does.
 */

import { encodeCommand, encodeWords, type CommandWriter } from '../cluster/resp/command-writer.ts';
import type { Reply } from '../cluster/resp/reply-reader.ts';
import type { FeatureStoreError } from '../errors.ts';
import { FeatureEncoder } from './codec.ts';
import type { Context } from './context.ts';
import type { Features } from './features.ts';
import type { FieldTtlCommand } from './field-ttl-support.ts';
import type { RowWriter } from './row-load.ts';
import { unexpected } from './unexpected-reply.ts';

export function streamingWriter(
  context: Context,
  command: FieldTtlCommand,
  ttlSeconds: number,
): RowWriter {
  const encoder = new FeatureEncoder();
  const write = command === 'HSETEX' ? hsetex(encoder, ttlSeconds) : hexpire(encoder, ttlSeconds);
  return {
    commandsPerRow: command === 'HSETEX' ? 1 : 4,
    transaction: command === 'HEXPIRE',
    check: (id, features) => encoder.check(id, features),
    write: (id, key, features, writer) => {
      const names = encoder.namesOf(id, features);
      if (names.length > 0) write(id, key, features, names, writer);
      return names.length;
    },
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
  const [name, options] = [encodeWords('HSETEX'), encodeWords('EX', ttlSeconds, 'FIELDS')];
  return (id, key, features, names, writer) => {
    writer.arrayHeader(6 + 2 * names.length);
    writer.encoded(name);
    writer.bulkString(key);
    writer.encoded(options);
    writer.bulkString(String(names.length));
    encoder.writePairs(id, features, names, writer);
  };
}

function hexpire(encoder: FeatureEncoder, ttlSeconds: number): Write {
  const [multi, exec] = [encodeCommand('MULTI'), encodeCommand('EXEC')];
  const [hset, name] = [encodeWords('HSET'), encodeWords('HEXPIRE')];
  const options = encodeWords(ttlSeconds, 'FIELDS');
  return (id, key, features, names, writer) => {
    writer.encoded(multi);
    writer.arrayHeader(2 + 2 * names.length);
    writer.encoded(hset);
    writer.bulkString(key);
    encoder.writePairs(id, features, names, writer);
    writer.arrayHeader(5 + names.length);
    writer.encoded(name);
    writer.bulkString(key);
    writer.encoded(options);
    writer.bulkString(String(names.length));
    encoder.writeNames(id, names, writer);
    writer.encoded(exec);
  };
}

/**
 * HSETEX replies 1 when it set all fields. HEXPIRE replies per field: 1 set, 0 condition not met,
 * 2 deleted because the time had passed, -2 no such field. https://redis.io/docs/latest/commands/hexpire/
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
