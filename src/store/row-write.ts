/**
 * Writes one row: what the calls for one entity go by. Such calls come by the thousand, so a row is
 * checked and encoded once, when its call is made, and many of them share one buffer.
 *
 *   id, features ─▶ checked, encoded after the rows before it ─▶ dispatch copies its part to a lane
 */

import { CommandWriter, EncodedRows, KeyTable, OneKey, type Batch } from '../cluster/batch.ts';
import type { Deadline } from '../cluster/delivery/deadline.ts';
import type { WriteOptions } from './call-options.ts';
import { confirmation, deliver, type Context } from './context.ts';
import type { KeyLayout } from './key-layout.ts';
import { WriteReplies, type RowKind, type RowOutcome, type RowWriter } from './row-writer.ts';
import { BUFFER_BYTES } from './limits.ts';

/** Writes a row's commands, and gives the number of features; 0 where there is nothing to write. */
export type WriteRow = (keys: KeyTable, rows: EncodedRows) => number;

/** A row whose commands are encoded. */
export interface EncodedRow {
  readonly batch: Batch<RowOutcome>;
  readonly featureCount: number;
}

/** The buffers that the next row goes to. */
interface Place {
  readonly writer: CommandWriter;
  readonly keys: KeyTable;
}

export class RowBuffer {
  readonly #layout: KeyLayout;
  #place: Place | undefined;

  constructor(layout: KeyLayout) {
    this.#layout = layout;
  }

  /**
   * The row that `write` writes; undefined where it says that there is nothing to write.
   * @throws FeatureStoreError INVALID_ID; what `write` throws. Then nothing was written.
   */
  encode(
    kind: RowKind & Pick<RowWriter, 'script'>,
    id: string,
    write: WriteRow,
  ): EncodedRow | undefined {
    const place = this.#place ?? this.#newPlace();
    const { writer, keys } = place;
    // A getter among the features may make another call: its row is not written into this one.
    this.#place = undefined;
    this.#layout.addKey(keys, id);
    const rows = new EncodedRows(writer);
    rows.script = kind.script;
    const featureCount = write(keys, rows);
    rows.endRow();
    const key = featureCount > 0 ? new OneKey(keys.slotOf(0)) : undefined;
    keys.truncate(0);
    if (writer.length < BUFFER_BYTES) this.#place = place;
    if (key === undefined) return undefined;
    const replies = new WriteReplies(kind, [featureCount]);
    return { batch: { keys: key, commands: rows, replies }, featureCount };
  }

  #newPlace(): Place {
    return {
      writer: new CommandWriter(BUFFER_BYTES),
      keys: new KeyTable(this.#layout.keyPrefix),
    };
  }
}

/**
 * Writes one row, whose error is the call's. All that is wrong with it is found before anything is
 * sent.
 * @throws FeatureStoreError INVALID_ID; what `write` throws; what the row fails with
 */
export async function writeRow(
  context: Context,
  id: string,
  kind: RowKind & Pick<RowWriter, 'script'>,
  write: WriteRow,
  options: WriteOptions,
  deadline: Deadline,
): Promise<RowOutcome> {
  const row = context.rowBuffer.encode(kind, id, write);
  if (row === undefined) return 'written';
  if (context.groupRecord.isDue) {
    await context.groupRecord.declare(options.timeoutMs ?? context.options.timeoutMs);
  }
  const delivery = { deadline, ...confirmation(options, 'online') };
  const { answers, failures } = await deliver(context, row.batch, delivery);
  const failure = failures.get(0);
  if (failure) throw failure;
  const outcome = answers[0] ?? 'written';
  if (outcome === 'written') kind.onWritten(row.featureCount);
  return outcome;
}
