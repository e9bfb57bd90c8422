/**
 * The rows of one chunk on one lane, sent in one part or several: their commands, and their replies
 * given to them in order.
 */

import type { FeatureStoreError } from '../errors.ts';
import type { Exchange } from './lane.ts';
import type { CommandWriter } from './resp/command-writer.ts';
import type { ReplySize } from './reply-size.ts';
import {
  INCOMPLETE,
  ServerError,
  type Reply,
  type ReplyReader,
  type StringsAs,
} from './resp/reply-reader.ts';
import { rowsWorth, type Turn } from './turns.ts';

/** Rows of one shape: what is sent for each, and how its replies are read. */
export interface Batch<Answer> {
  readonly rowCount: number;
  /** The slot of the row's key. */
  slotOf(row: number): number;
  /** The slot of all rows, where they share one: they are one pipeline, however many. */
  readonly slot?: number;
  /** What is known of the replies; kept where it serves the next batch of the kind too. */
  readonly replySize?: ReplySize;
  /** How many commands each row sends, each with one reply. */
  readonly commandsPerRow: number;
  /** As what `answerOf` gets the strings of replies; as text where they are, if it does not say. */
  readonly stringsAs?: StringsAs;
  /** Whether they are MULTI … EXEC. */
  readonly transaction?: boolean;
  /**
   * Writes the row's commands, with ASKING in front of each if `asking`; of a transaction in front
   * of MULTI, where it holds until EXEC (redis 8.0, resetClient).
   */
  encode(row: number, writer: CommandWriter, asking: boolean): void;
  /** The row's answer, from one reply per command, none of them an error. */
  answerOf(replies: readonly Reply[], row: number): Answer | FeatureStoreError;
  /** The commands of all rows in order, where they are encoded already. Nobody changes them. */
  readonly request?: Uint8Array;
  /**
   * The same straight from the bytes, for replies of the usual kind: INCOMPLETE where bytes are
   * missing, undefined (and nothing consumed) where `answerOf` has to look at it.
   */
  readAnswer?(reader: ReplyReader, row: number): Answer | typeof INCOMPLETE | undefined;
  /** An estimate of the bytes that the row puts on the wire. */
  bytesOf(row: number): number;
}

/** What became of a row: an answer, a reply code that is not as promised, or the server's error. */
export type Outcome<Answer> = Answer | FeatureStoreError | ServerError;

/** From here on a copy costs more than a write of its own, in memory above all. */
const LARGE_REQUEST_BYTES = 65_536;
/** A row that is longer is not read from its start again when more of it has come. */
const LONG_ROW_BYTES = 16_384;

export class RowExchange<Answer> implements Exchange {
  readonly #batch: Batch<Answer>;
  readonly #rows: readonly number[];
  readonly #asking: boolean;
  readonly #deliver: (row: number, outcome: Outcome<Answer>) => void;
  /** Rows that a part may have. */
  rowsPerPart: number = Number.POSITIVE_INFINITY;
  /** Where the part ends that is sent now. */
  #partEnd = 0;
  #deliveredCount = 0;
  /** Rows read before the part that is sent now. */
  #partBegin = 0;
  #isPartSent = false;
  #abandoned = false;
  /** Of the row that is read reply by reply, as far as they have come. */
  #replies: Reply[] | undefined;
  /** Where its replies start. */
  #rowMark = 0;

  /**
   * @param asking puts ASKING in front, which makes a node that imports the slot answer for it once
   */
  constructor(
    batch: Batch<Answer>,
    rows: readonly number[],
    asking: boolean,
    deliver: (row: number, outcome: Outcome<Answer>) => void,
  ) {
    this.#batch = batch;
    this.#rows = rows;
    this.#asking = asking;
    this.#deliver = deliver;
  }

  /** Whether every row has got something. */
  get isRead(): boolean {
    return this.#deliveredCount === this.#rows.length;
  }

  get openCount(): number {
    return this.#rows.length - this.#deliveredCount;
  }

  /** Rows of the part that was sent last. */
  get partCount(): number {
    return this.#partEnd - this.#partBegin;
  }

  /** Whether the part was sent, and not all of it is read. */
  get isUnderWay(): boolean {
    return this.#isPartSent && this.#deliveredCount < this.#partEnd;
  }

  /** Whether some of the rows have got something. */
  get hasBegun(): boolean {
    return this.#deliveredCount > 0;
  }

  /** The rows that have got nothing yet. */
  get openRows(): readonly number[] {
    return this.#rows.slice(this.#deliveredCount);
  }

  get isAbandoned(): boolean {
    return this.#abandoned;
  }

  /** From now on replies are still read, since they come, but given to nobody. */
  abandon(): void {
    this.#abandoned = true;
  }

  /**
   * Goes on to the part that is sent next, after the rows that have been read. Gives the number of
   * its rows.
   */
  nextPart(): number {
    this.#partBegin = this.#deliveredCount;
    this.#partEnd = Math.min(this.#deliveredCount + this.rowsPerPart, this.#rows.length);
    this.#isPartSent = false;
    return this.#partEnd - this.#deliveredCount;
  }

  encode(writer: CommandWriter): Uint8Array | undefined {
    this.#isPartSent = true;
    const batch = this.#batch;
    const { request } = batch;
    if (request && this.#isWhole) {
      if (request.length >= LARGE_REQUEST_BYTES) return request;
      writer.encoded(request);
      return undefined;
    }
    for (let at = this.#deliveredCount; at < this.#partEnd; at++) {
      batch.encode(this.#rows[at] ?? 0, writer, this.#asking);
    }
    return undefined;
  }

  /** Whether the part is all rows of the batch, as they are. */
  get #isWhole(): boolean {
    if (this.#asking || this.partCount !== this.#batch.rowCount) return false;
    return this.#rows.every((row, at) => row === at);
  }

  read(reader: ReplyReader, turn: Turn): boolean {
    const batch = this.#batch;
    const begin = this.#deliveredCount;
    let [bytes, largestBytes] = [0, 0];
    while (this.#deliveredCount < this.#partEnd && turn.rowsLeft > 0) {
      if (reader.skipPushes() === INCOMPLETE) break;
      if (this.#replies === undefined) this.#rowMark = reader.mark;
      const row = this.#rows[this.#deliveredCount] ?? 0;
      let outcome: Outcome<Answer> | typeof INCOMPLETE | undefined;
      if (this.#replies === undefined && !this.#asking) outcome = batch.readAnswer?.(reader, row);
      if (outcome === undefined || outcome === INCOMPLETE) {
        outcome = this.#readOn(reader, row, outcome === INCOMPLETE);
        if (outcome === INCOMPLETE) break;
      }
      const rowBytes = reader.mark - this.#rowMark;
      bytes += rowBytes;
      if (rowBytes > largestBytes) largestBytes = rowBytes;
      this.#deliveredCount++;
      turn.rowsLeft -= rowsWorth(rowBytes);
      if (!this.#abandoned) this.#deliver(row, outcome);
    }
    const readCount = this.#deliveredCount - begin;
    if (readCount > 0) batch.replySize?.note(readCount, bytes, largestBytes);
    return this.#deliveredCount === this.#partEnd;
  }

  /**
   * Reads what the quick way has left: a short row that lacks bytes waits for them, and is read so
   * again.
   */
  #readOn(
    reader: ReplyReader,
    row: number,
    lacksBytes: boolean,
  ): Outcome<Answer> | typeof INCOMPLETE {
    if (this.#replies === undefined) reader.rewind(this.#rowMark);
    if (lacksBytes && reader.unreadBytes < LONG_ROW_BYTES) return INCOMPLETE;
    return this.#readReplies(reader, row);
  }

  /** Reads reply by reply; those that came are kept. */
  #readReplies(reader: ReplyReader, row: number): Outcome<Answer> | typeof INCOMPLETE {
    const { commandsPerRow, stringsAs } = this.#batch;
    const all = (this.#replies ??= []);
    while (all.length < commandsPerRow + this.#asksPerRow) {
      const reply = reader.skipPushes() ?? reader.read(stringsAs);
      if (reply === INCOMPLETE) return INCOMPLETE;
      all.push(reply);
    }
    this.#replies = undefined;
    const replies = this.#asking ? all.filter((_, at) => !this.#isOfAsking(at)) : all;
    return firstErrorIn(replies) ?? this.#batch.answerOf(replies, row);
  }

  /** ASKING goes before each command; of a transaction before MULTI alone. */
  get #asksPerRow(): number {
    if (!this.#asking) return 0;
    return this.#batch.transaction === true ? 1 : this.#batch.commandsPerRow;
  }

  #isOfAsking(at: number): boolean {
    return this.#asksPerRow > 1 ? at % 2 === 0 : at < this.#asksPerRow;
  }
}

/**
 * The first error in the replies of a row, one inside EXEC's array included. It is the one that
 * counts: EXECABORT only says that an earlier command of the transaction was refused, whose error
 * is the reason.
 */
function firstErrorIn(replies: readonly Reply[]): ServerError | undefined {
  for (const reply of replies) {
    if (reply instanceof ServerError) return reply;
    if (!Array.isArray(reply)) continue;
    const error: unknown = reply.find((item) => item instanceof ServerError);
    if (error instanceof ServerError) return error;
  }
  return undefined;
}
