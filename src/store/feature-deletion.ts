/**
 * Features that are deleted: of one entity, or of all that SCAN finds.
 *
 *   page of keys ─▶ HDEL of the names per key, one pipeline per shard ─▶ counts
 */

import { CommandWriter, EncodedRows, type Batch, type Reply } from '../cluster/batch.ts';
import type { FeatureStoreError } from '../errors.ts';
import { unthrowing } from './callbacks.ts';
import { checkCallOptions, type CallOptions, type WriteOptions } from './call-options.ts';
import { checkNames } from './codec.ts';
import { deliver, deliverOne, newDeadline, type Context } from './context.ts';
import { keyPages } from './entity-scan.ts';
import { unexpected } from './unexpected-reply.ts';

/** How far `deleteFeaturesEverywhere` has come. */
export interface DeletionProgress {
  /** How many entities were looked at. */
  readonly scanned: number;
  /** How many of them had one of the features at least. */
  readonly entities: number;
  /** How many features were deleted, or would be with `dryRun`. */
  readonly features: number;
}

/** What `deleteFeaturesEverywhere` takes. */
export interface DeletionOptions extends CallOptions {
  /**
   * Whether the features are only counted.
   * @default `false`
   */
  readonly dryRun?: boolean;
  /** Called after each page of some hundred entities, with the counts so far. */
  readonly onProgress?: (progress: DeletionProgress) => void;
}

/** Gives how many of the features were there. */
export async function deleteFeatures(
  context: Context,
  id: string,
  names: readonly string[],
  options: WriteOptions,
): Promise<number> {
  checkCallOptions('deleteFeatures', options, ['minReplicas']);
  checkNames(names);
  context.layout.check(id);
  return deleteNames(context, id, names, options);
}

/** The same with names that were checked. */
export async function deleteNames(
  context: Context,
  id: string,
  names: readonly string[],
  options: WriteOptions,
): Promise<number> {
  if (names.length === 0) return 0;
  const commands = [['HDEL', ...names]] as const;
  return deliverOne(context, { id, commands, read: countOf, does: 'write' }, options);
}

export async function deleteFeaturesEverywhere(
  context: Context,
  names: readonly string[],
  options: DeletionOptions,
): Promise<DeletionProgress> {
  checkCallOptions('deleteFeaturesEverywhere', options, ['dryRun', 'onProgress']);
  checkNames(names);
  const { dryRun = false } = options;
  const onProgress = unthrowing('onProgress', options.onProgress);
  let progress: DeletionProgress = { scanned: 0, entities: 0, features: 0 };
  if (names.length === 0) return progress;
  for await (const { keys } of keyPages(context, options)) {
    const rows = new EncodedRows(new CommandWriter());
    for (let row = 0; row < keys.count; row++) {
      if (dryRun) for (const name of names) rows.add(keys, row, ['HEXISTS', name]);
      else rows.add(keys, row, ['HDEL', ...names]);
      rows.endRow();
    }
    const batch: Batch<number> = { keys, commands: rows, replies: { answerOf: countOf } };
    const deadline = newDeadline(context, options, 'write');
    try {
      const { answers, failures } = await deliver(context, batch, { deadline, purpose: 'bulk' });
      for (const error of failures.values()) throw error;
      const counts = answers.map((count) => count ?? 0);
      progress = {
        scanned: progress.scanned + counts.length,
        entities: progress.entities + counts.filter((count) => count > 0).length,
        features: progress.features + counts.reduce((sum, count) => sum + count, 0),
      };
    } finally {
      deadline.clear();
    }
    onProgress?.(progress);
  }
  return progress;
}

/** Of HDEL the number of fields, or of one HEXISTS per name. */
function countOf(replies: readonly Reply[]): number | FeatureStoreError {
  let sum = 0;
  for (const count of replies) {
    if (typeof count !== 'number') return unexpected('HDEL', count);
    sum += count;
  }
  return sum;
}
