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

import { FeatureStoreError, oneLine, PartialLoadError, type FailedRow } from '../errors.ts';
import { performance } from '../runtime/clock.ts';
import { nextTurn } from '../runtime/slices.ts';
import type { WriteOptions } from './call-options.ts';
import { FeatureEncoder } from './codec.ts';
import { confirmation, newDeadline, throwIfEnded, type Context } from './context.ts';
import type { FeatureRows } from './features.ts';
import {
  BYTES_AHEAD,
  FEATURES_PER_ROW,
  MAX_FAILED_ROWS,
  ROOM_TO_GROW,
  ROWS_ENCODED_PER_TURN,
  WINDOWS_UNDER_WAY,
} from './limits.ts';
import { showKind } from './option-checks.ts';
import { entryOf, sourceOf, type Entry } from './row-source.ts';
import { RowWindow } from './row-window.ts';
import type { RowWriter } from './row-writer.ts';
import { windowsOf, type Source } from './windows.ts';

/** What a load came to. */
export interface LoadResult {
  /** How many rows were written and acknowledged. */
  readonly loaded: number;
  /** The rows that were not written, or of which nobody knows, each with its error. */
  readonly failed: readonly FailedRow[];
  /** How long the load took, in milliseconds. */
  readonly elapsedMs: number;
}

/** How far a load has come. */
export interface LoadProgress {
  /** How many rows were written so far. */
  readonly loaded: number;
  /** How many rows failed so far. */
  readonly failed: number;
}

/** What `bulkLoad` and `updateStreamingBatch` take. */
export interface LoadOptions extends WriteOptions {
  /**
   * TTL in seconds, 1 to 3,153,600,000.
   * @default the store's `batchTtlSeconds`, or `streamingTtlSeconds` for streaming features
   */
  readonly ttlSeconds?: number;
  /** Called after each window of up to 10,000 rows, with the counts so far. */
  readonly onProgress?: (progress: LoadProgress) => void;
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
  let rowsLeft = ROWS_ENCODED_PER_TURN;
  for (let row = from; row < rows.length; row++) {
    if (rowsLeft <= 0) {
      await nextTurn();
      rowsLeft = ROWS_ENCODED_PER_TURN;
    }
    const [id, features] = entryOf(rows[row]);
    layout.check(id);
    rowsLeft -= Math.max(1, writer.check(id, features) / FEATURES_PER_ROW);
  }
}

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
    const newWindow = (): RowWindow =>
      new RowWindow(this.#context.layout, this.#writer, this.#roomBytes);
    const windows = windowsOf(source, newWindow, signal, ROWS_ENCODED_PER_TURN);
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
      this.#roomBytes = Math.ceil(window.bytes * ROOM_TO_GROW);
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
    this.#roomBytes = Math.ceil(window.bytes * ROOM_TO_GROW);
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
    const deadline = newDeadline(this.#context, this.#options);
    const delivery = { deadline, ...confirmation(this.#options, 'bulk') };
    const { failures } = await this.#context.backend
      .dispatch(batch, delivery)
      .finally(() => deadline.clear());
    for (let row = 0; row < ids.length; row++) {
      const error = failures.get(row);
      if (error) this.#failed.push({ id: ids[row] ?? '', error });
      else {
        this.#loaded++;
        this.#writer.onWritten(featureCounts[row] ?? 0);
      }
    }
    throwIfEnded(failures);
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

/** `TypeError`, `Error ECONNRESET`, `a string`. */
function kindOfThrown(thrown: unknown): string {
  if (!(thrown instanceof Error)) return showKind(thrown);
  const code = 'code' in thrown && typeof thrown.code === 'string' ? ` ${thrown.code}` : '';
  return oneLine(`${thrown.name}${code}`.slice(0, 100));
}
