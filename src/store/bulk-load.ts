/**
 * Batch features: HSET and EXPIRE per entity, one pipeline per shard. The key TTL makes the entity
 * disappear, rather than go stale, when the next cycle does not come.
 *
 * HSET clears the field TTL of what it writes (redis 8.0, t_hash.c), so a load that names a
 * streaming feature makes it permanent: load batch features only.
 */

import { encodeWords } from '../cluster/resp/command-writer.ts';
import { OTHER } from '../cluster/resp/reply-reader.ts';
import { FeatureStoreError } from '../errors.ts';
import { FeatureEncoder } from './codec.ts';
import type { Context } from './context.ts';
import { show } from './option-checks.ts';
import type { RowWriter } from './row-load.ts';
import { unexpected } from './unexpected-reply.ts';

export function bulkWriter(context: Context, ttlSeconds: number): RowWriter {
  const encoder = new FeatureEncoder();
  const [hset, expire, ttl] = [encodeWords('HSET'), encodeWords('EXPIRE'), encodeWords(ttlSeconds)];
  return {
    commandsPerRow: 2,
    check: (id, features) => {
      const featureCount = encoder.check(id, features);
      someNames(id, encoder.namesOf(id, features));
      return featureCount;
    },
    write: (id, key, features, writer) => {
      const names = someNames(id, encoder.namesOf(id, features));
      writer.arrayHeader(2 + 2 * names.length);
      writer.encoded(hset);
      writer.bulkString(key);
      encoder.writePairs(id, features, names, writer);
      return names.length;
    },
    writeSecond: (key, writer) => {
      writer.arrayHeader(3);
      writer.encoded(expire);
      writer.bulkString(key);
      writer.encoded(ttl);
    },
    readAnswer: (reader) => {
      const mark = reader.mark;
      const added = reader.readInteger();
      const expires = typeof added === 'number' ? reader.readInteger() : added;
      if (expires === 1) return true;
      if (typeof expires === 'symbol' && expires !== OTHER) return expires;
      reader.rewind(mark);
      return undefined;
    },
    answerOf: ([added, expires]) => {
      if (!Number.isInteger(added)) return unexpected('HSET', added);
      // 0: the key was gone again, say by a DEL in between; then nothing is without a TTL either.
      return expires === 1 ? true : unexpected('EXPIRE', expires);
    },
    onWritten: () => {
      context.counters.batchWritesTotal++;
    },
  };
}

function someNames(id: string, names: string[]): string[] {
  if (names.length > 0) return names;
  const problem = `Entity ${show(id)} has no features; a hash without fields does not exist.`;
  throw new FeatureStoreError('INVALID_FEATURE', problem);
}
