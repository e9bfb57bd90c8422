/** What the kinds of writes differ in: which commands a row is, and which replies they promise. */

import type {
  EncodedRows,
  ForeseenReplies,
  KeyTable,
  Replies,
  Reply,
  UsualReply,
} from '../cluster/batch.ts';
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

/**
 * What the replies to rows of one kind are turned into. A class, and no closures: code that V8 has
 * optimized for a closure is thrown away with it (specimens.ts).
 */
export class WriteReplies implements Replies<true>, ForeseenReplies<true> {
  readonly answer = true;
  readonly usual: this = this;
  readonly #kind: RowKind;
  readonly #featureCounts: readonly number[];

  /** @param featureCounts by row */
  constructor(kind: RowKind, featureCounts: readonly number[]) {
    this.#kind = kind;
    this.#featureCounts = featureCounts;
  }

  repliesTo(row: number): readonly UsualReply[] {
    return this.#kind.usualReplies(this.#featureCounts[row] ?? 0);
  }

  answerOf(replies: readonly Reply[], row: number): true | FeatureStoreError {
    return this.#kind.answerOf(replies, this.#featureCounts[row] ?? 0);
  }
}
