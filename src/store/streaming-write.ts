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

import type { Reply, Unit } from '../cluster/lane.ts';
import type { FeatureStoreError } from '../errors.ts';
import { encodeFeatures } from './codec.ts';
import { unexpected, type Context } from './context.ts';
import type { FieldTtlCommand } from './field-ttl-support.ts';
import type { RowWriter } from './row-load.ts';

export function streamingWriter(
  context: Context,
  command: FieldTtlCommand,
  ttlSeconds: number,
): RowWriter {
  return {
    encode: (id, features) => {
      const key = context.layout.keyFor(id);
      const { flat, bytes } = encodeFeatures(id, features);
      const featureCount = flat.length / 2;
      const unit = unitOf(command, key, flat, ttlSeconds);
      return { id, key, unit, bytes, featureCount };
    },
    check: (replies) => checkStreamingReplies(command, replies),
    onWritten: ({ featureCount }) => {
      context.counters.streamingWritesTotal += featureCount;
    },
  };
}

function unitOf(
  command: FieldTtlCommand,
  key: string,
  flat: readonly string[],
  ttlSeconds: number,
): Unit {
  const fieldCount = flat.length / 2;
  if (fieldCount === 0) return [];
  if (command === 'HSETEX') {
    return [['HSETEX', key, 'EX', ttlSeconds, 'FIELDS', fieldCount, ...flat]];
  }
  const names = flat.filter((_, index) => index % 2 === 0);
  return [
    ['MULTI'],
    ['HSET', key, ...flat],
    ['HEXPIRE', key, ttlSeconds, 'FIELDS', fieldCount, ...names],
    ['EXEC'],
  ];
}

/**
 * HSETEX replies 1 when it set all fields. HEXPIRE replies per field: 1 set, 0 condition not met,
 * 2 deleted because the time had passed, -2 no such field. https://redis.io/docs/latest/commands/hexpire/
 */
export function checkStreamingReplies(
  command: FieldTtlCommand,
  replies: readonly Reply[],
): FeatureStoreError | undefined {
  if (replies.length === 0) return undefined; // no features, nothing sent
  if (command === 'HSETEX') {
    return Number(replies[0]) === 1 ? undefined : unexpected('HSETEX', replies[0]);
  }
  const executed = replies.at(-1);
  const codes: unknown = Array.isArray(executed) ? executed[1] : undefined;
  const allSet = Array.isArray(codes) && codes.every((code) => Number(code) === 1);
  return allSet ? undefined : unexpected('HEXPIRE', codes ?? executed);
}
