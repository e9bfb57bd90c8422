/** What the kinds of writes differ in: which commands a row is, and which replies they promise. */

import type { EncodedRows, KeyTable, Replies, Reply, UsualReply } from '../cluster/batch.ts';
import type { FeatureStoreError } from '../errors.ts';
import type { Features } from './features.ts';

/** What a row's commands are, however many rows there are. */
export interface RowKind {
  /** The replies to a row where all is well. */
  usualReplies(featureCount: number): readonly UsualReply[];
  /** Whether other replies are as promised too. */
  answerOf(replies: readonly Reply[], featureCount: number): true | FeatureStoreError;
  /** Called for each row that was acknowledged. */
  onWritten(featureCount: number): void;
}

/** Writes rows of features. */
export interface RowWriter extends RowKind {
  /** Gives the number of features. @throws FeatureStoreError INVALID_FEATURE */
  check(id: string, features: Features): number;
  /**
   * Writes the commands of a row whose key is the last of `keys`, and gives the number of features;
   * 0, and nothing is written, where none are there and that is fine.
   * @throws FeatureStoreError INVALID_FEATURE
   */
  write(id: string, features: Features, keys: KeyTable, rows: EncodedRows): number;
}

/** @param featureCountOf by row */
export function writeReplies(
  kind: RowKind,
  featureCountOf: (row: number) => number,
): Replies<true> {
  return {
    answerOf: (replies, row) => kind.answerOf(replies, featureCountOf(row)),
    usual: { answer: true, repliesTo: (row) => kind.usualReplies(featureCountOf(row)) },
  };
}
