/**
 * A window of rows that are encoded as they come. It is in columns: no object per row is made, of
 * which a load of millions would make millions.
 */

import { CommandWriter, EncodedRows, KeyTable, rowsWorth, type Batch } from '../cluster/batch.ts';
import { FeatureStoreError, notePlace } from '../errors.ts';
import type { FeatureEntry } from './features.ts';
import type { FailedRow } from './partial-errors.ts';
import type { KeyLayout } from './key-layout.ts';
import { BYTES_PER_WINDOW } from './limits.ts';
import { checkKeys, show } from './option-checks.ts';
import { entryOf, type Entry } from './row-source.ts';
import { WriteReplies, type RowOutcome, type RowWriter } from './row-writer.ts';
import type { Window } from './windows.ts';

/** What the windows of a load share. */
export interface WindowTerms {
  readonly layout: KeyLayout;
  readonly writer: RowWriter;
  readonly maxRows: number;
  /** Whether a row that is refused ends the load. */
  readonly stopsAtInvalid: boolean;
}

export class RowWindow implements Window<FeatureEntry> {
  /** Which row of the load the first one is. */
  readonly begin: number;
  readonly ids: string[] = [];
  /** Of each id which row of the load it is; not made while no row was left out. */
  #positions: number[] | undefined;
  readonly featureCounts: number[] = [];
  readonly refused: FailedRow[] = [];
  /** Rows without features, where that is fine. */
  nothingToWrite = 0;
  /** The last row's place in its source, if it says so. */
  lastOffset: unknown;
  readonly #terms: WindowTerms;
  readonly #distinctIds = new Set<string>();
  readonly #keys: KeyTable;
  readonly #rows: EncodedRows;
  #lastCost = 1;

  /** @param capacityBytes how much its commands may take */
  constructor(terms: WindowTerms, begin: number, capacityBytes?: number) {
    this.#terms = terms;
    this.begin = begin;
    this.#keys = new KeyTable(terms.layout.keyPrefix);
    this.#rows = new EncodedRows(new CommandWriter(capacityBytes));
    this.#rows.script = terms.writer.script;
  }

  get lastCost(): number {
    return this.#lastCost;
  }

  /** Bytes of all commands. */
  get bytes(): number {
    return this.#rows.writer.length;
  }

  add(entry: FeatureEntry): boolean {
    const { bytes, rowCount } = this;
    const { layout, writer } = this.#terms;
    const { count } = this.#keys;
    let id: unknown;
    let row: Entry | undefined;
    try {
      row = entryOf(entry);
      [id] = row;
      layout.addKey(this.#keys, row[0]);
      if (this.#distinctIds.has(row[0])) {
        this.#keys.truncate(count);
        return false;
      }
      const options = row[2];
      if (options !== undefined) checkKeys('The options of a row', options, ROW_OPTIONS);
      this.#lastCost = 1;
      const [, features] = row;
      const time = options?.eventTimeMs;
      const featureCount = writer.write(row[0], features, this.#keys, this.#rows, time);
      this.#lastCost = rowsWorth(this.bytes - bytes);
      if (featureCount === 0) {
        this.#leaveOut();
        this.nothingToWrite++;
        this.#keys.truncate(count);
      } else {
        this.#rows.endRow();
        this.#distinctIds.add(row[0]);
        this.ids.push(row[0]);
        this.featureCounts.push(featureCount);
        this.#positions?.push(this.begin + rowCount);
      }
    } catch (error) {
      if (!(error instanceof FeatureStoreError)) throw error;
      this.#leaveOut();
      this.#rows.cancelRow();
      this.#keys.truncate(count);
      const shownId = typeof id === 'string' ? id : show(id);
      notePlace(error, { id: typeof id === 'string' ? id : undefined });
      this.refused.push({ id: shownId, position: this.begin + rowCount, error });
    }
    if (row) this.lastOffset = row[2]?.offset; // what is refused is settled, too
    return true;
  }

  get batch(): Batch<RowOutcome> {
    const replies = new WriteReplies(this.#terms.writer, this.featureCounts);
    return { keys: this.#keys, commands: this.#rows, replies };
  }

  get full(): boolean {
    if (this.refused.length > 0 && this.#terms.stopsAtInvalid) return true;
    return this.rowCount >= this.#terms.maxRows || this.bytes >= BYTES_PER_WINDOW;
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

  /** The position in the load after the last row. */
  get end(): number {
    return this.begin + this.rowCount;
  }

  /** Which row of the load an id of the window is. */
  positionOf(row: number): number {
    return this.#positions?.[row] ?? this.begin + row;
  }

  #leaveOut(): void {
    this.#positions ??= this.ids.map((_, row) => this.begin + row);
  }
}

const ROW_OPTIONS: readonly string[] = ['eventTimeMs', 'offset'];
