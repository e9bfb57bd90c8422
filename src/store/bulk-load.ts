/**
 * Batch features: HSET and EXPIRE per entity, one pipeline per shard. The key TTL makes the entity
 * disappear, rather than go stale, when the next cycle does not come.
 *
 * HSET clears the field TTL of what it writes (redis 8.0, t_hash.c), so a load that names a streaming
 * feature makes it permanent: load batch features only.
 */

import { FeatureStoreError } from '../errors.ts';
import { encodeFeatures } from './codec.ts';
import { unexpected, type Context } from './context.ts';
import { show } from './option-checks.ts';
import type { RowWriter } from './row-load.ts';

export function bulkWriter(context: Context, ttlSeconds: number): RowWriter {
  return {
    encode: (id, features) => {
      const key = context.layout.keyFor(id);
      const { flat, bytes } = encodeFeatures(id, features);
      if (flat.length === 0) {
        const problem = `Entity ${show(id)} has no features; a hash without fields does not exist.`;
        throw new FeatureStoreError('INVALID_FEATURE', problem);
      }
      const unit = [
        ['HSET', key, ...flat],
        ['EXPIRE', key, ttlSeconds],
      ] as const;
      return { id, key, unit, bytes, featureCount: flat.length / 2 };
    },
    check: ([added, expires]) => {
      if (!Number.isInteger(Number(added))) return unexpected('HSET', added);
      // 0: the key was gone again, say by a DEL in between; then nothing is without a TTL either.
      return Number(expires) === 1 ? undefined : unexpected('EXPIRE', expires);
    },
    onWritten: () => {
      context.counters.batchWritesTotal++;
    },
  };
}
