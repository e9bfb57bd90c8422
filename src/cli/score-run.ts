/**
 * ids ─▶ features, chunk by chunk ─▶ scorer ─▶ lines
 *
 * Each id comes out once and in its order: with a score, or absent; or it is among the failed ids.
 * While one chunk is scored and written the next one is read, so no more than two are held.
 */

import { performance } from '../runtime/clock.ts';
import type { FeatureRow, FeatureStore } from '../index.ts';
import type { FailedIds } from './failed-ids.ts';
import { unlessAborted } from './interruption.ts';
import type { Output } from './output.ts';
import type { ScoreFormat, ScoreRecord } from './score-format.ts';
import type { Scorer } from './scorer.ts';
import { ShardTally } from './shard-tally.ts';

export interface ScoreRunSettings {
  readonly store: FeatureStore;
  readonly ids: AsyncIterable<string>;
  readonly scorer: Scorer;
  readonly features: readonly string[];
  readonly chunkSize: number;
  /** What an absent entity gets: a line without a score, or none. */
  readonly absent: 'empty' | 'skip';
  readonly format: ScoreFormat;
  readonly output: Output;
  readonly failedIds: FailedIds;
  readonly signal: AbortSignal;
  readonly onProgress: (doneCount: number) => void;
}

export interface ScoreTally {
  readonly scoredCount: number;
  readonly absentCount: number;
  /** Ids that were read, by shard. */
  readonly shards: ShardTally;
  readonly elapsedMs: number;
}

export async function scoreIds(settings: ScoreRunSettings): Promise<ScoreTally> {
  const { store, signal, format, output, failedIds, onProgress } = settings;
  const startedAtMs = performance.now();
  const shards = new ShardTally();
  let scoredCount = 0;
  let absentCount = 0;
  const chunks = store.streamFeatures(settings.ids, settings.features, {
    chunkSize: settings.chunkSize,
    onFailure: 'return',
    onPipeline: ({ shard, keyCount }) => shards.add(shard, keyCount),
    signal,
  });
  // A reader that takes nothing must not keep a command that was asked to stop.
  const write = (text: string): Promise<void> => unlessAborted(signal, output.write(text));
  await write(format.header);
  for await (const { ids, rows, failed } of chunks) {
    signal.throwIfAborted(); // rows that failed for that reason are not the ids' failures
    await failedIds.add(failed);
    const records = await scoreChunk(ids, rows, settings);
    const present = records.filter(({ score }) => score !== null);
    scoredCount += present.length;
    absentCount += records.length - present.length;
    await write(format.format(settings.absent === 'skip' ? present : records));
    onProgress(scoredCount + absentCount + failedIds.count);
  }
  signal.throwIfAborted();
  return { scoredCount, absentCount, shards, elapsedMs: performance.now() - startedAtMs };
}

/** One record per id that was answered, in the order of the ids. */
async function scoreChunk(
  ids: readonly string[],
  rows: readonly (FeatureRow | undefined)[],
  { scorer, signal }: ScoreRunSettings,
): Promise<ScoreRecord[]> {
  const presentIds: string[] = [];
  const presentRows: FeatureRow[] = [];
  for (const [index, row] of rows.entries()) {
    if (isAbsent(row)) continue;
    presentIds.push(ids[index] ?? '');
    presentRows.push(row);
  }
  const scores =
    presentIds.length === 0
      ? []
      : await unlessAborted(signal, scorer.score(presentRows, presentIds));
  const records: ScoreRecord[] = [];
  let scoreIndex = 0;
  for (const [index, row] of rows.entries()) {
    if (row === undefined) continue;
    const score = isAbsent(row) ? null : (scores[scoreIndex++] ?? null);
    records.push({ id: ids[index] ?? '', score });
  }
  return records;
}

/** undefined is an id that failed, `{}` an entity without any of the features. */
function isAbsent(row: FeatureRow | undefined): row is undefined | Record<string, never> {
  if (row === undefined) return true;
  for (const _ in row) return false;
  return true;
}
