/**
 * Batch features: HSET and EXPIRE per entity, one pipeline per shard. The key TTL makes the entity
 * disappear, rather than go stale, when the next cycle does not come.
 *
 * HSET clears the field TTL of what it writes (redis 8.0, t_hash.c), so a load that names a
 * streaming feature makes it permanent: load batch features only.
 */

import { ANY_INTEGER, encodeWords, KeyedCommand, type UsualReply } from '../cluster/batch.ts';
import { FeatureStoreError } from '../errors.ts';
import { FeatureEncoder } from './codec.ts';
import type { Context } from './context.ts';
import { show } from './option-checks.ts';
import type { RowWriter } from './row-writer.ts';
import { unexpected } from './unexpected-reply.ts';

/** HSET: how many fields are new. EXPIRE: that it has set the TTL. */
const WRITTEN: readonly UsualReply[] = [ANY_INTEGER, Buffer.from(':1\r\n')];
const written = (): readonly UsualReply[] => WRITTEN;

export function bulkWriter(context: Context, ttlSeconds: number): RowWriter {
  const encoder = new FeatureEncoder();
  const hset = encodeWords('HSET');
  const expire = new KeyedCommand('EXPIRE', [ttlSeconds]);
  return {
    check: (id, features) => {
      const featureCount = encoder.check(id, features);
      someNames(id, encoder.namesOf(id, features));
      return featureCount;
    },
    write: (id, features, keys, rows) => {
      const names = someNames(id, encoder.namesOf(id, features));
      const { writer } = rows;
      const row = keys.count - 1;
      writer.arrayHeader(2 + 2 * names.length);
      writer.encoded(hset);
      writer.key(keys, row);
      encoder.writePairs(id, features, names, writer);
      rows.endCommand();
      expire.write(keys, row, writer);
      rows.endCommand();
      return names.length;
    },
    usualReplies: written,
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
