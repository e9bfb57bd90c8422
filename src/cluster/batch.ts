/**
 * The contract between the store and the cluster: what a call hands down to be delivered, and what
 * comes back.
 *
 *   keys ─────▶ which shard each row goes to
 *   commands ─▶ what is sent for a row: any number of commands
 *   replies ──▶ what the replies to a row are turned into
 *
 * A row is the unit: it is sent whole, answered whole, and where it was not answered it is sent
 * again whole. How it gets to its shard, how often, and in which pieces its replies come is not
 * known here. This file names what the store may use of the rooms below; it uses nothing else of
 * them.
 */

import type { FeatureStoreError } from '../errors.ts';
import type { ColumnValues } from './resp/column-values.ts';
import type { CommandWriter } from './resp/command-writer.ts';
import type { Reply, StringsAs } from './resp/reply.ts';
import type { ReplySize } from './resp/reply-size.ts';
import type { UsualReply } from './resp/usual-reply.ts';
import type { Keys } from './routing/key-table.ts';

export { ColumnValues } from './resp/column-values.ts';
export { CommandWriter, encodeCommand, encodeHead, encodeWords } from './resp/command-writer.ts';
export { MAX_BULK_INTEGER, type Word } from './resp/command-writer.ts';
export { EncodedRows } from './resp/encoded-rows.ts';
export { KeyedCommand, KeyedRows } from './resp/keyed-command.ts';
export type { Reply, StringsAs } from './resp/reply.ts';
export { ReplySize, rowsWorth } from './resp/reply-size.ts';
export { ANY_INTEGER, type UsualReply } from './resp/usual-reply.ts';
export { Failures, type Gathered } from './routing/gather.ts';
export { KeyPrefix, KeyTable, OneKey, type Keys } from './routing/key-table.ts';
export { slotOf } from './routing/slot.ts';

/** Rows to be delivered: `keys.count` of them. */
export interface Batch<Answer> {
  readonly keys: Keys;
  readonly commands: Commands;
  readonly replies: Replies<Answer>;
}

/** What is sent. KeyedRows and EncodedRows are such commands. */
export interface Commands {
  /**
   * Writes the row's commands, `before` in front of each where it is given; of a transaction in
   * front of MULTI alone. Gives the number of their replies, without those to `before`.
   */
  write(row: number, writer: CommandWriter, before: Uint8Array | undefined): number;
  /** How many replies each of the row's commands has: a transaction one per command in it. */
  repliesOf(row: number): readonly number[];
  /** Bytes that the row puts on the wire. */
  bytesOf(row: number): number;
  /** The commands of all rows in order, where they are encoded already. Nobody changes them. */
  readonly whole?: Uint8Array | undefined;
  /** Lua that commands call by its SHA1 (EVALSHA); a node that does not know it gets it. */
  readonly script?: string | undefined;
}

/** How the replies to a row become its answer. An error among them is the row's, and never here. */
export interface Replies<Answer> {
  /** As what `answerOf` is given strings; as text where they are, if it does not say. */
  readonly stringsAs?: StringsAs | undefined;
  /** The answer, from one reply per command, or what is wrong with them. Every row can go by this. */
  answerOf(replies: readonly Reply[], row: number): Answer | FeatureStoreError;
  /** A quicker way for replies of the usual kind; others go by `answerOf`. */
  readonly usual?: ColumnReplies<Answer> | ForeseenReplies<Answer> | undefined;
  /** What is known of their size; kept where it serves the next batch of the kind too. */
  readonly size?: ReplySize | undefined;
}

/** One reply, an array of texts or nulls: its values are put into columns, and looked at there. */
export interface ColumnReplies<Answer> {
  readonly columns: ColumnValues;
  /** The row's answer, of what the columns hold now; it may put that into columns of its own. */
  answerOfColumns(row: number): Answer;
}

/** Replies that are known before they come, as those to most writes are. */
export interface ForeseenReplies<Answer> {
  readonly columns?: undefined;
  repliesTo(row: number): readonly UsualReply[];
  /** The answer of a row whose replies are these. */
  readonly answer: Answer;
}
