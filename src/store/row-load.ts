/**
 * Writes rows of any number: the way that bulk loads and streaming batches share.
 *
 *   source ─▶ windows, encoded ─▶ dispatch ─▶ counts, failed rows
 *
 * - Two windows are under way at the most, so a source of any length is never held.
 * - A row is encoded when it is pulled, so a source may use one object for all its rows.
 * - An id that comes twice is written in the order of the rows: a window never holds an id twice,
 *   and does not start while another one that holds the id is under way.
 * - Rows of an object, a Map or an array are all checked before anything is sent. A lazy source can
 *   only be checked as it comes: there a bad row is reported among the failed ones, and not sent.
 */

import { performance } from '../clock.ts';
import { dispatch } from '../cluster/dispatch.ts';
import { ASKING, CommandWriter } from '../cluster/resp/command-writer.ts';
import type { INCOMPLETE, Reply, ReplyReader } from '../cluster/resp/reply-reader.ts';
import type { Batch } from '../cluster/row-exchange.ts';
import { slotOf } from '../cluster/slot.ts';
import { nextTurn, rowsWorth } from '../cluster/turns.ts';
import { FeatureStoreError, oneLine, PartialLoadError, type FailedRow } from '../errors.ts';
import type { WriteOptions } from './call-options.ts';
import { FeatureEncoder } from './codec.ts';
import { confirmation, newDeadline, type Context } from './context.ts';
import type { FeatureRows, Features } from './features.ts';
import { isRecord, show, showKind } from './option-checks.ts';
import { windowsOf, type Source, type Window } from './windows.ts';

const ROWS_PER_WINDOW = 10_000;
const BYTES_PER_WINDOW = 8_388_608;
const WINDOWS_UNDER_WAY = 2;
/** Of rows that are all at hand, this many bytes are encoded before the first is sent. */
const BYTES_AHEAD = 16_777_216;
/**
 * Encoded or checked at once; then the event loop turns, so that online reads get their replies.
 */
const ROWS_PER_TURN = 100;
/** Of a usual row: one of more counts as several. */
const FEATURES_PER_ROW = 16;
/** A load with more failed rows than this is stopped: something is wrong with all of it. */
const MAX_FAILED_ROWS = 1_000_000;

export interface LoadResult {
  /** Rows that were written and acknowledged. */
  readonly loaded: number;
  /** Rows that were not, or of which nobody knows, each with the reason. */
  readonly failed: readonly FailedRow[];
  readonly elapsedMs: number;
}

export interface LoadProgress {
  readonly loaded: number;
  readonly failed: number;
}

export interface LoadOptions extends WriteOptions {
  /** Instead of the store's `batchTtlSeconds` or `streamingTtlSeconds`. */
  readonly ttlSeconds?: number;
  /** Called after each window of rows. */
  readonly onProgress?: (progress: LoadProgress) => void;
}

/** What a kind of write does with a row. */
export interface RowWriter extends Pick<Batch<true>, 'commandsPerRow' | 'transaction'> {
  answerOf(replies: readonly Reply[], featureCount: number): true | FeatureStoreError;
  /** The same straight from the bytes, as a batch's `readAnswer` does. */
  readAnswer?(reader: ReplyReader, featureCount: number): true | typeof INCOMPLETE | undefined;
  /** Gives the number of features. @throws FeatureStoreError INVALID_FEATURE */
  check(id: string, features: Features): number;
  /**
   * Writes the row's commands, and gives the number of features; 0, and nothing is written, where
   * none are there and that is fine.
   * @throws FeatureStoreError INVALID_FEATURE
   */
  write(id: string, key: string, features: Features, writer: CommandWriter): number;
  /** Writes a second command after the first, where there is one. */
  writeSecond?(key: string, writer: CommandWriter): void;
  /** Called for each row that was acknowledged. */
  onWritten(featureCount: number): void;
}

export async function loadRows(
  context: Context,
  rows: FeatureRows,
  writer: RowWriter,
  options: LoadOptions,
): Promise<LoadResult> {
  return new RowLoad(context, writer, options).run(sourceOf(rows));
}

/** Checks rows that are all at hand, and nothing of a lazy source. */
export async function checkRowsAtHand(context: Context, rows: FeatureRows): Promise<void> {
  const source = sourceOf(rows);
  if (Array.isArray(source)) await checkRows(context, source, 0, new FeatureEncoder());
}

async function checkRows(
  { layout }: Context,
  rows: readonly Entry[],
  from: number,
  writer: Pick<RowWriter, 'check'>,
): Promise<void> {
  let rowsLeft = ROWS_PER_TURN;
  for (let row = from; row < rows.length; row++) {
    if (rowsLeft <= 0) {
      await nextTurn();
      rowsLeft = ROWS_PER_TURN;
    }
    const [id, features] = entryOf(rows[row]);
    layout.keyFor(id);
    rowsLeft -= Math.max(1, writer.check(id, features) / FEATURES_PER_ROW);
  }
}

export type Entry = readonly [id: string, features: Features];

class RowLoad {
  readonly #context: Context;
  readonly #writer: RowWriter;
  readonly #options: LoadOptions;
  readonly #startedAtMs = performance.now();
  readonly #failed: FailedRow[] = [];
  readonly #underWay: { readonly window: RowWindow; readonly written: Promise<void> }[] = [];
  #loaded = 0;
  /** What the last window needed; the next begins with as much. */
  #roomBytes: number | undefined;

  constructor(context: Context, writer: RowWriter, options: LoadOptions) {
    this.#context = context;
    this.#writer = writer;
    this.#options = options;
  }

  async run(source: Source<Entry>): Promise<LoadResult> {
    const { signal } = this.#options;
    const newWindow = (): RowWindow => new RowWindow(this.#context, this.#writer, this.#roomBytes);
    const windows = windowsOf(source, newWindow, signal, ROWS_PER_TURN);
    const ahead = Array.isArray(source) ? await this.#checkAll(source, windows) : [];
    try {
      for (const window of ahead) await this.#begin(window);
      for await (const window of windows) await this.#begin(window);
      for (const { written } of this.#underWay) await written;
    } catch (error) {
      await Promise.allSettled(this.#underWay.map(({ written }) => written));
      throw this.#stopped(error);
    }
    return {
      loaded: this.#loaded,
      failed: this.#failed,
      elapsedMs: performance.now() - this.#startedAtMs,
    };
  }

  /**
   * Checks rows that are all at hand, before anything is sent. The first of them are encoded with
   * that, and given back: mostly they are all, and none is looked at twice.
   * @throws FeatureStoreError INVALID_ID, INVALID_FEATURE
   */
  async #checkAll(
    source: readonly Entry[],
    windows: AsyncGenerator<RowWindow>,
  ): Promise<RowWindow[]> {
    const ahead: RowWindow[] = [];
    let [bytes, row] = [0, 0];
    while (row < source.length && bytes < BYTES_AHEAD) {
      const { value: window, done } = await this.#nextOf(windows);
      if (done) break;
      for (const { error } of window.refused) throw error;
      this.#roomBytes = Math.ceil(window.bytes * 1.1);
      bytes += window.bytes;
      row += window.rowCount;
      ahead.push(window);
    }
    await checkRows(this.#context, source, row, this.#writer);
    return ahead;
  }

  /** The next window; where the signal has fired, the load stops before it began. */
  async #nextOf(windows: AsyncGenerator<RowWindow>): Promise<IteratorResult<RowWindow>> {
    try {
      return await windows.next();
    } catch (error) {
      throw this.#stopped(error);
    }
  }

  /** Begins to write a window, when there is room for it. */
  async #begin(window: RowWindow): Promise<void> {
    const last = this.#underWay.at(-1);
    if (last && window.overlaps(last.window)) await last.written;
    this.#roomBytes = Math.ceil(window.bytes * 1.1);
    const written = this.#write(window);
    written.catch(() => undefined); // awaited when its turn comes
    this.#underWay.push({ window, written });
    if (this.#underWay.length < WINDOWS_UNDER_WAY) return;
    await this.#underWay[0]?.written;
    this.#underWay.shift();
  }

  async #write({ ids, featureCounts, batch, refused, nothingToWrite }: RowWindow): Promise<void> {
    this.#failed.push(...refused);
    this.#loaded += nothingToWrite;
    const { connection } = this.#context;
    const deadline = newDeadline(this.#context, this.#options);
    const { failures } = await dispatch(connection, batch, {
      deadline,
      ...confirmation(this.#options, 'bulk'),
    }).finally(() => deadline.clear());
    for (let row = 0; row < ids.length; row++) {
      const error = failures.get(row);
      if (error) this.#failed.push({ id: ids[row] ?? '', error });
      else {
        this.#loaded++;
        this.#writer.onWritten(featureCounts[row] ?? 0);
      }
    }
    const end = failures.firstWith('ABORTED') ?? failures.firstWith('CLOSED');
    if (end) throw end;
    if (this.#failed.length > MAX_FAILED_ROWS) {
      throw new FeatureStoreError('PARTIAL_LOAD', `More than ${MAX_FAILED_ROWS} rows failed.`);
    }
    this.#options.onProgress?.({ loaded: this.#loaded, failed: this.#failed.length });
  }

  #stopped(cause: unknown): FeatureStoreError {
    // What the source threw may quote a row: its words are in the cause alone.
    const why =
      cause instanceof FeatureStoreError
        ? cause.message
        : `the rows or onProgress threw ${kindOfThrown(cause)}; see the cause.`;
    return new PartialLoadError(
      `The load stopped after ${this.#loaded} rows were written: ${why}`,
      this.#loaded,
      this.#failed,
      cause,
    );
  }
}

/** Rows in columns: no object per row is made, of which a load of millions would make millions. */
class RowWindow implements Window<Entry> {
  readonly ids: string[] = [];
  readonly featureCounts: number[] = [];
  readonly refused: FailedRow[] = [];
  /** Rows without features, where that is fine. */
  nothingToWrite = 0;
  readonly #context: Context;
  readonly #writer: RowWriter;
  readonly #distinctIds = new Set<string>();
  readonly #slots: number[] = [];
  /** The commands of all rows; a row's begin at `#begins`, its second one at `#seconds`. */
  readonly #encoded: CommandWriter;
  readonly #begins: number[] = [];
  readonly #seconds: number[] = [];
  #lastCost = 1;

  constructor(context: Context, writer: RowWriter, capacityBytes?: number) {
    this.#context = context;
    this.#writer = writer;
    this.#encoded = new CommandWriter(capacityBytes);
  }

  get lastCost(): number {
    return this.#lastCost;
  }

  /** Bytes of all commands. */
  get bytes(): number {
    return this.#encoded.length;
  }

  add(entry: Entry): boolean {
    const begin = this.#encoded.length;
    let id: unknown;
    try {
      const row = entryOf(entry);
      [id] = row;
      const key = this.#context.layout.keyFor(row[0]);
      if (this.#distinctIds.has(row[0])) return false;
      this.#lastCost = 1;
      const featureCount = this.#writer.write(row[0], key, row[1], this.#encoded);
      this.#lastCost = rowsWorth(this.#encoded.length - begin);
      if (featureCount === 0) {
        this.nothingToWrite++;
        return true;
      }
      this.#seconds.push(this.#encoded.length);
      this.#writer.writeSecond?.(key, this.#encoded);
      this.#begins.push(begin);
      this.#slots.push(slotOf(key));
      this.#distinctIds.add(row[0]);
      this.ids.push(row[0]);
      this.featureCounts.push(featureCount);
    } catch (error) {
      if (!(error instanceof FeatureStoreError)) throw error;
      this.#encoded.truncate(begin);
      this.refused.push({ id: typeof id === 'string' ? id : show(id), error });
    }
    return true;
  }

  get batch(): Batch<true> {
    const { commandsPerRow, transaction = false, answerOf, readAnswer } = this.#writer;
    return {
      rowCount: this.ids.length,
      slotOf: (row) => this.#slots[row] ?? 0,
      commandsPerRow,
      transaction,
      encode: (row, writer, asking) => this.#copy(row, writer, asking),
      bytesOf: (row) => this.#endOf(row) - (this.#begins[row] ?? 0),
      answerOf: (replies, row) => answerOf(replies, this.featureCounts[row] ?? 0),
      readAnswer: (reader, row) => readAnswer?.(reader, this.featureCounts[row] ?? 0),
    };
  }

  get full(): boolean {
    return this.rowCount >= ROWS_PER_WINDOW || this.#encoded.length >= BYTES_PER_WINDOW;
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

  #endOf(row: number): number {
    return this.#begins[row + 1] ?? this.#encoded.length;
  }

  #copy(row: number, writer: CommandWriter, asking: boolean): void {
    const begin = this.#begins[row] ?? 0;
    const end = this.#endOf(row);
    if (!asking) return writer.copy(this.#encoded, begin, end);
    const second = this.#seconds[row] ?? end;
    writer.encoded(ASKING);
    writer.copy(this.#encoded, begin, second);
    if (second === end) return;
    writer.encoded(ASKING);
    writer.copy(this.#encoded, second, end);
  }
}

/** `TypeError`, `Error ECONNRESET`, `a string`. */
function kindOfThrown(thrown: unknown): string {
  if (!(thrown instanceof Error)) return showKind(thrown);
  const code = 'code' in thrown && typeof thrown.code === 'string' ? ` ${thrown.code}` : '';
  return oneLine(`${thrown.name}${code}`.slice(0, 100));
}

/** @throws FeatureStoreError INVALID_FEATURE */
function entryOf(entry: unknown): Entry {
  let shown: string;
  try {
    if (Array.isArray(entry) && entry.length === 2) return [entry[0], entry[1]];
    shown = showKind(entry) + (Array.isArray(entry) ? ` of ${entry.length}` : '');
  } catch (cause) {
    const problem = 'A row cannot be read: it throws; see the cause.';
    throw new FeatureStoreError('INVALID_FEATURE', problem, { cause });
  }
  throw new FeatureStoreError('INVALID_FEATURE', `A row must be [id, features], but is ${shown}.`);
}

/** An array where all rows are at hand, otherwise the lazy source itself. */
function sourceOf(rows: FeatureRows): Source<Entry> {
  if (Array.isArray(rows)) return rows;
  if (rows instanceof Map) return [...rows];
  try {
    if (typeof rows === 'object' && rows !== null) {
      if (Symbol.asyncIterator in rows || Symbol.iterator in rows) return rows as Source<Entry>;
      if (isRecord(rows)) return Object.entries(rows as Readonly<Record<string, Features>>);
    }
  } catch (cause) {
    const problem = 'The rows cannot be listed: the object throws; see the cause.';
    throw new FeatureStoreError('INVALID_FEATURE', problem, { cause });
  }
  throw new FeatureStoreError(
    'INVALID_FEATURE',
    `rows must be an object, a Map, or an iterable of [id, features], but is ${showKind(rows)}.`,
  );
}
