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

/**
 * What became of a row that did not fail: written, or passed over, since what is there is of the
 * same event time or newer, or since there is no such entity.
 */
export type RowOutcome = 'written' | 'older' | 'absent';

/** What a row's commands are, however many rows there are. */
export interface RowKind {
  /** The replies to a usual row where all is well. */
  usualReplies(featureCount: number): readonly UsualReply[];
  /** What other replies say of the row. */
  answerOf(replies: readonly Reply[], featureCount: number): RowOutcome | FeatureStoreError;
  /** Called for each row that was written. */
  onWritten(featureCount: number): void;
}

/** Writes rows of features. */
export interface RowWriter extends RowKind {
  /** Lua that the rows' commands call by its SHA1. */
  readonly script?: string | undefined;
  /** Gives the number of features. @throws FeatureStoreError INVALID_FEATURE, INVALID_OPTION */
  check(id: string, features: Features, eventTimeMs?: number): number;
  /**
   * Writes the commands of a row whose key is the last of `keys`, and gives the number of features;
   * 0, and nothing is written, where none are there and that is fine.
   * @throws FeatureStoreError INVALID_FEATURE, INVALID_OPTION
   */
  write(
    id: string,
    features: Features,
    keys: KeyTable,
    rows: EncodedRows,
    eventTimeMs?: number,
  ): number;
}

/**
 * What the replies to rows of one kind are turned into. A class, and no closures: code that V8 has
 * optimized for a closure is thrown away with it (specimens.ts).
 */
export class WriteReplies implements Replies<RowOutcome>, ForeseenReplies<RowOutcome> {
  readonly answer = 'written';
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

  answerOf(replies: readonly Reply[], row: number): RowOutcome | FeatureStoreError {
    return this.#kind.answerOf(replies, this.#featureCounts[row] ?? 0);
  }
}
