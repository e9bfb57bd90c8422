/**
 * The rows of one chunk on one lane, sent in one part or several: their commands, and their replies
 * given to them in order.
 *
 * Where a row's slot is being moved to this node, ASKING goes before each of its commands. The
 * replies to it are taken out here: nobody else knows of it.
 */

import type { FeatureStoreError } from '../../errors.ts';
import type { Batch } from '../batch.ts';
import { LARGE_REQUEST_BYTES, LONG_ROW_BYTES } from '../limits.ts';
import { ASKING, type CommandWriter } from '../resp/command-writer.ts';
import { firstErrorIn } from '../resp/reply.ts';
import {
  INCOMPLETE,
  OTHER,
  type ServerError,
  type Reply,
  type ReplyReader,
} from '../resp/reply-reader.ts';
import { rowsWorth } from '../resp/reply-size.ts';
import type { Exchange } from './lane.ts';
import type { Turn } from './turns.ts';

/** What became of a row: an answer, a reply code that is not as promised, or the server's error. */
export type Outcome<Answer> = Answer | FeatureStoreError | ServerError;

/** Takes what became of each row, in the order of the rows. */
export interface RowReceiver<Answer> {
  /** Takes an answer that is no error. */
  answer(row: number, answer: Answer): void;
  settle(row: number, outcome: Outcome<Answer>): void;
  /** A part was written, of so many commands. */
  noteSent(commandCount: number): void;
}

export class RowExchange<Answer> implements Exchange {
  /** Rows that a part may have. */
  rowsPerPart: number = Number.POSITIVE_INFINITY;
  /** Rows that have got nothing yet: the last ones. */
  openCount: number;
  isAbandoned = false;
  readonly #batch: Batch<Answer>;
  readonly #rows: readonly number[];
  readonly #before: Uint8Array | undefined;
  readonly #receiver: RowReceiver<Answer>;
  /** Takes the answers of a whole part. */
  readonly #answers: Pick<RowReceiver<Answer>, 'answer'>;
  #readCount = 0;
  /** The part that is sent now: from `#partBegin` to `#partEnd`. */
  #partBegin = 0;
  #partEnd: number;
  #isPartSent = false;
  /** Of the row that is read reply by reply, as far as they have come. */
  #replies: Reply[] | undefined;
  /** Where the replies to the next row begin, by the reader's position. */
  #rowBegin = 0;

  /**
   * @param asking has a node answer for a slot that it imports
   * @param answers takes the answers in the place of the receiver
   */
  constructor(
    batch: Batch<Answer>,
    rows: readonly number[],
    asking: boolean,
    receiver: RowReceiver<Answer>,
    answers: Pick<RowReceiver<Answer>, 'answer'> = receiver,
  ) {
    this.#batch = batch;
    this.#rows = rows;
    this.#before = asking ? ASKING : undefined;
    this.#receiver = receiver;
    this.#answers = answers;
    this.openCount = rows.length;
    this.#partEnd = rows.length;
  }

  /** Rows of the part that was sent last. */
  get partCount(): number {
    return this.#partEnd - this.#partBegin;
  }

  /** Whether the part was sent, and not all of it is read. */
  get isUnderWay(): boolean {
    return this.#isPartSent && this.#readCount < this.#partEnd;
  }

  /** Whether some of the rows have got something. */
  get hasBegun(): boolean {
    return this.#readCount > 0;
  }

  /** The rows that have got nothing yet. */
  get openRows(): readonly number[] {
    return this.#rows.slice(this.#readCount);
  }

  /** From now on replies are still read, since they come, but given to nobody. */
  abandon(): void {
    this.isAbandoned = true;
  }

  /**
   * Goes on to the part that is sent next, after the rows that have been read. Gives the number of
   * its rows.
   */
  nextPart(): number {
    this.#partBegin = this.#readCount;
    this.#partEnd = Math.min(this.#readCount + this.rowsPerPart, this.#rows.length);
    this.#isPartSent = false;
    return this.#partEnd - this.#partBegin;
  }

  encode(writer: CommandWriter): Uint8Array | undefined {
    this.#isPartSent = true;
    const { commands, keys } = this.#batch;
    const { whole } = commands;
    if (whole !== undefined && this.#isWhole) {
      this.#receiver.noteSent(keys.count);
      if (whole.length >= LARGE_REQUEST_BYTES) return whole;
      writer.encoded(whole);
      return undefined;
    }
    let commandCount = 0;
    for (let at = this.#partBegin; at < this.#partEnd; at++) {
      commandCount += commands.write(this.#rows[at] ?? 0, writer, this.#before);
    }
    this.#receiver.noteSent(commandCount);
    return undefined;
  }

  /** Whether the part is all rows of the batch, as they are. */
  get #isWhole(): boolean {
    if (this.#before !== undefined || this.partCount !== this.#batch.keys.count) return false;
    return this.#rows.every((row, at) => row === at);
  }

  read(reader: ReplyReader, turn: Turn): boolean {
    const { replies } = this.#batch;
    const usual = this.#before === undefined ? replies.usual : undefined;
    const first = this.#readCount;
    if (this.#replies === undefined) this.#rowBegin = reader.position;
    let [bytes, largestBytes] = [0, 0];
    while (this.#readCount < this.#partEnd && turn.rowsLeft > 0) {
      const row = this.#rows[this.#readCount] ?? 0;
      let quick: true | typeof OTHER | typeof INCOMPLETE = OTHER;
      let outcome: Outcome<Answer> | typeof INCOMPLETE | undefined;
      if (usual !== undefined && this.#replies === undefined) {
        if (usual.columns === undefined) quick = reader.readUsual(usual.repliesTo(row));
        else quick = reader.readStrings(usual.columns);
      }
      if (quick !== true) {
        // A short row that lacks bytes waits for them, and is read from its start again.
        if (quick === INCOMPLETE && reader.unreadBytes < LONG_ROW_BYTES) break;
        outcome = this.#readReplies(reader, row);
        if (outcome === INCOMPLETE) break;
      }
      const end = reader.position;
      const rowBytes = end - this.#rowBegin;
      this.#rowBegin = end;
      bytes += rowBytes;
      if (rowBytes > largestBytes) largestBytes = rowBytes;
      this.#readCount++;
      this.openCount--;
      turn.rowsLeft -= rowsWorth(rowBytes);
      if (quick !== true) {
        if (!this.isAbandoned) this.#receiver.settle(row, outcome as Outcome<Answer>);
      } else if (!this.isAbandoned && usual !== undefined) {
        const answer = usual.columns === undefined ? usual.answer : usual.answerOfColumns(row);
        this.#answers.answer(row, answer);
      }
    }
    const readCount = this.#readCount - first;
    if (readCount > 0) replies.size?.note(readCount, bytes, largestBytes);
    return this.#readCount === this.#partEnd;
  }

  /** Reads reply by reply; those that came are kept. */
  #readReplies(reader: ReplyReader, row: number): Outcome<Answer> | typeof INCOMPLETE {
    const { commands, replies } = this.#batch;
    const counts = commands.repliesOf(row);
    const askingCount = this.#before === undefined ? 0 : counts.length;
    const count = counts.reduce((sum, one) => sum + one, askingCount);
    const all = (this.#replies ??= []);
    while (all.length < count) {
      const reply = reader.skipPushes() ?? reader.read(replies.stringsAs);
      if (reply === INCOMPLETE) return INCOMPLETE;
      all.push(reply);
    }
    this.#replies = undefined;
    const own = askingCount === 0 ? all : withoutAsking(all, counts);
    return firstErrorIn(own) ?? replies.answerOf(own, row);
  }
}

/** The replies to ASKING come one before those to each command, or transaction. */
function withoutAsking(all: readonly Reply[], counts: readonly number[]): Reply[] {
  let at = 0;
  return counts.flatMap((count) => {
    const begin = at + 1;
    at = begin + count;
    return all.slice(begin, at);
  });
}
