/**
 * Writes one row: what the calls for one entity go by. Such calls come by the thousand, so a row is
 * checked and encoded once, when its call is made, and many of them share one buffer.
 *
 *   id, features ─▶ checked, encoded after the rows before it ─▶ dispatch copies its part to a lane
 */

import { ASKING, CommandWriter } from '../cluster/resp/command-writer.ts';
import type { INCOMPLETE, Reply, ReplyReader } from '../cluster/resp/reply-reader.ts';
import type { Batch } from '../cluster/row-exchange.ts';
import { slotOf } from '../cluster/slot.ts';
import type { Deadline } from '../cluster/deadline.ts';
import type { FeatureStoreError } from '../errors.ts';
import type { WriteOptions } from './call-options.ts';
import { confirmation, deliver, type Context } from './context.ts';
import type { RowWriter } from './row-load.ts';

/** What its commands are, however a row of it is written. */
export type RowKind = Omit<RowWriter, 'check' | 'write'>;

/** A buffer is filled up to here; one row of any length fits in it still. */
const BUFFER_BYTES = 16_384;

/** The buffer that the next row goes to. */
export class RowBuffer {
  #writer: CommandWriter | undefined;

  /**
   * The row that `write` writes; undefined where it says that there is nothing to write.
   * @throws what `write` throws; then nothing was written
   */
  encode(
    kind: RowKind,
    key: string,
    write: (writer: CommandWriter) => number,
  ): EncodedRow | undefined {
    const writer = this.#writer ?? new CommandWriter(BUFFER_BYTES);
    // A getter among the features may make another call: its row is not written into this one.
    this.#writer = undefined;
    const begin = writer.length;
    const featureCount = write(writer);
    const second = writer.length;
    if (featureCount > 0) kind.writeSecond?.(key, writer);
    if (writer.length < BUFFER_BYTES) this.#writer = writer;
    if (featureCount === 0) return undefined;
    return new EncodedRow(kind, slotOf(key), writer, [begin, second, writer.length], featureCount);
  }
}

/** A row whose commands are encoded. */
export class EncodedRow implements Batch<true> {
  readonly rowCount = 1;
  readonly commandsPerRow: number;
  readonly transaction: boolean;
  readonly featureCount: number;
  readonly #kind: RowKind;
  readonly #slot: number;
  readonly #writer: CommandWriter;
  readonly #begin: number;
  /** Where the second command begins; the end, where there is none. */
  readonly #second: number;
  readonly #end: number;

  constructor(
    kind: RowKind,
    slot: number,
    writer: CommandWriter,
    [begin, second, end]: readonly [begin: number, second: number, end: number],
    featureCount: number,
  ) {
    this.commandsPerRow = kind.commandsPerRow;
    this.transaction = kind.transaction ?? false;
    this.featureCount = featureCount;
    this.#kind = kind;
    this.#slot = slot;
    this.#writer = writer;
    this.#begin = begin;
    this.#second = second;
    this.#end = end;
  }

  slotOf(): number {
    return this.#slot;
  }

  bytesOf(): number {
    return this.#end - this.#begin;
  }

  encode(_: number, writer: CommandWriter, asking: boolean): void {
    if (!asking) return writer.copy(this.#writer, this.#begin, this.#end);
    writer.encoded(ASKING);
    writer.copy(this.#writer, this.#begin, this.#second);
    if (this.#second === this.#end) return;
    writer.encoded(ASKING);
    writer.copy(this.#writer, this.#second, this.#end);
  }

  answerOf(replies: readonly Reply[]): true | FeatureStoreError {
    return this.#kind.answerOf(replies, this.featureCount);
  }

  readAnswer(reader: ReplyReader): true | typeof INCOMPLETE | undefined {
    return this.#kind.readAnswer?.(reader, this.featureCount);
  }
}

/**
 * Writes one row, whose error is the call's. All that is wrong with it is found before anything is
 * sent.
 * @param write gives the number of features; 0 where there is nothing to write
 * @throws FeatureStoreError INVALID_ID; what `write` throws; what the row fails with
 */
export async function writeRow(
  context: Context,
  id: string,
  kind: RowKind,
  write: (key: string, writer: CommandWriter) => number,
  options: WriteOptions,
  deadline: Deadline,
): Promise<void> {
  const key = context.layout.keyFor(id);
  const row = context.rowBuffer.encode(kind, key, (writer) => write(key, writer));
  if (row === undefined) return;
  const delivery = { deadline, ...confirmation(options, 'online') };
  const { failures } = await deliver(context, row, delivery);
  const failure = failures.get(0);
  if (failure) throw failure;
  kind.onWritten(row.featureCount);
}
