/**
 * A window of rows that are encoded as they come. It is in columns: no object per row is made, of
 * which a load of millions would make millions.
 */

import { CommandWriter, EncodedRows, KeyTable, rowsWorth, type Batch } from '../cluster/batch.ts';
import { FeatureStoreError, type FailedRow } from '../errors.ts';
import type { KeyLayout } from './key-layout.ts';
import { BYTES_PER_WINDOW, ROWS_PER_WINDOW } from './limits.ts';
import { show } from './option-checks.ts';
import { entryOf, type Entry } from './row-source.ts';
import { WriteReplies, type RowWriter } from './row-writer.ts';
import type { Window } from './windows.ts';

export class RowWindow implements Window<Entry> {
  readonly ids: string[] = [];
  readonly featureCounts: number[] = [];
  readonly refused: FailedRow[] = [];
  /** Rows without features, where that is fine. */
  nothingToWrite = 0;
  readonly #layout: KeyLayout;
  readonly #writer: RowWriter;
  readonly #distinctIds = new Set<string>();
  readonly #keys: KeyTable;
  readonly #rows: EncodedRows;
  #lastCost = 1;

  /** @param capacityBytes how much its commands may take */
  constructor(layout: KeyLayout, writer: RowWriter, capacityBytes?: number) {
    this.#layout = layout;
    this.#writer = writer;
    this.#keys = new KeyTable(layout.keyPrefix);
    this.#rows = new EncodedRows(new CommandWriter(capacityBytes));
  }

  get lastCost(): number {
    return this.#lastCost;
  }

  /** Bytes of all commands. */
  get bytes(): number {
    return this.#rows.writer.length;
  }

  add(entry: Entry): boolean {
    const { bytes } = this;
    const { count } = this.#keys;
    let id: unknown;
    try {
      const row = entryOf(entry);
      [id] = row;
      this.#layout.addKey(this.#keys, row[0]);
      if (this.#distinctIds.has(row[0])) {
        this.#keys.truncate(count);
        return false;
      }
      this.#lastCost = 1;
      const featureCount = this.#writer.write(row[0], row[1], this.#keys, this.#rows);
      this.#lastCost = rowsWorth(this.bytes - bytes);
      if (featureCount === 0) {
        this.nothingToWrite++;
        this.#keys.truncate(count);
        return true;
      }
      this.#rows.endRow();
      this.#distinctIds.add(row[0]);
      this.ids.push(row[0]);
      this.featureCounts.push(featureCount);
    } catch (error) {
      if (!(error instanceof FeatureStoreError)) throw error;
      this.#rows.cancelRow();
      this.#keys.truncate(count);
      this.refused.push({ id: typeof id === 'string' ? id : show(id), error });
    }
    return true;
  }

  get batch(): Batch<true> {
    const replies = new WriteReplies(this.#writer, this.featureCounts);
    return { keys: this.#keys, commands: this.#rows, replies };
  }

  get full(): boolean {
    return this.rowCount >= ROWS_PER_WINDOW || this.bytes >= BYTES_PER_WINDOW;
  }

  get empty(): boolean {
    return this.rowCount === 0;
  }

  overlaps(other: RowWindow): boolean {
    return this.ids.some((id) => other.#distinctIds.has(id));
  }

  /** Rows that were taken. */
  get rowCount(): number {
    return this.ids.length + this.refused.length + this.nothingToWrite;
  }
}
