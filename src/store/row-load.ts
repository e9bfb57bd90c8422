/**
 * Writes rows of any number: the way that bulk loads and streaming batches share.
 *
 *   source ─▶ windows, encoded ─▶ dispatch ─▶ counts, failed rows ─▶ committed, in order
 *
 * - A window is sent when it is full, or when its first row has waited for `maxDelayMs`, so a slow
 *   source is written as it goes.
 * - What is under way is bounded, in rows and bytes, so a source of any length is never held.
 * - A row is encoded when it is pulled, so a source may use one object for all its rows.
 * - An id that comes twice is written in the order of the rows: a window never holds an id twice,
 *   and does not start while another one that holds the id is under way.
 * - Rows of an object, a Map or an array are all checked before anything is sent, unless bad ones
 *   are to be reported. A lazy source can only be checked as it comes.
 */

import { FeatureStoreError, notePlace, oneLine } from '../errors.ts';
import { onAbort } from '../runtime/abort-listeners.ts';
import { nextTurn } from '../runtime/slices.ts';
import { unthrowing } from './callbacks.ts';
import type { WriteOptions } from './call-options.ts';
import { FeatureEncoder } from './codec.ts';
import { confirmation, newDeadline, throwIfEnded, type Context } from './context.ts';
import type { FeatureEntry, FeatureRows } from './features.ts';
import {
  BYTES_AHEAD,
  BYTES_UNDER_WAY,
  FEATURES_PER_ROW,
  MAX_FAILED_ROWS,
  ROOM_TO_GROW,
  ROWS_ENCODED_PER_TURN,
  ROWS_PER_WINDOW,
  ROWS_UNDER_WAY,
  WINDOWS_UNDER_WAY,
} from './limits.ts';
import {
  LoadTally,
  type CommitEvent,
  type LoadProgress,
  type LoadResult,
  type SkippedRow,
} from './load-tally.ts';
import { showKind } from './option-checks.ts';
import { failedRow, PartialLoadError } from './partial-errors.ts';
import { entryOf, sourceOf } from './row-source.ts';
import { RowWindow, type WindowTerms } from './row-window.ts';
import type { RowWriter } from './row-writer.ts';
import { windowsOf, type Source } from './windows.ts';

/** What `bulkLoad` and `updateStreamingBatch` take. */
export interface LoadOptions extends WriteOptions {
  /**
   * TTL in seconds, 1 to 3,153,600,000.
   * @default the store's `batchTtlSeconds`, or `streamingTtlSeconds` for streaming features
   */
  readonly ttlSeconds?: number;
  /**
   * What a row does whose id, features or options are refused: `'throw'` ends the call, with the
   * error itself where all rows are at hand and nothing was sent, and with PARTIAL_LOAD where rows
   * come one by one; `'report'` puts it into `failed`, and the others are written.
   * @default `'throw'`
   */
  readonly onInvalid?: 'throw' | 'report';
  /**
   * How many rows may fail, 0 to 1,000,000; with one more the load stops, and what failed with it
   * is not committed.
   * @default `1_000_000`
   */
  readonly maxFailedRows?: number;
  /** Called after each window of up to 10,000 rows, with the counts so far. */
  readonly onProgress?: (progress: LoadProgress) => void;
  /**
   * Called in the order of the rows, each time that more of them are settled from the first on: up
   * to here a consumer may commit its offset.
   */
  readonly onCommitted?: (event: CommitEvent) => void;
}

/** The names of the options. */
export const LOAD_OPTIONS: readonly string[] = [
  'ttlSeconds',
  'minReplicas',
  'onInvalid',
  'maxFailedRows',
  'onProgress',
  'onCommitted',
];

/** A load, as its kind has resolved it. */
export interface LoadPlan {
  readonly writer: RowWriter;
  /** @default 10,000 */
  readonly maxRows?: number | undefined;
  /** @default no limit */
  readonly maxDelayMs?: number | undefined;
  readonly onSkipped?: ((row: SkippedRow) => void) | undefined;
}

export async function loadRows(
  context: Context,
  rows: FeatureRows,
  plan: LoadPlan,
  options: LoadOptions,
): Promise<LoadResult> {
  return new RowLoad(context, plan, options).run(sourceOf(rows));
}

/** Checks rows that are all at hand, and nothing of a lazy source. */
export async function checkRowsAtHand(context: Context, rows: FeatureRows): Promise<void> {
  const source = sourceOf(rows);
  if (Array.isArray(source)) await checkRows(context, source, 0, new FeatureEncoder());
}

async function checkRows(
  { layout }: Context,
  rows: readonly FeatureEntry[],
  from: number,
  writer: Pick<RowWriter, 'check'>,
): Promise<void> {
  let rowsLeft = ROWS_ENCODED_PER_TURN;
  for (let row = from; row < rows.length; row++) {
    if (rowsLeft <= 0) {
      await nextTurn();
      rowsLeft = ROWS_ENCODED_PER_TURN;
    }
    const [id, features, options] = entryOf(rows[row]);
    try {
      layout.check(id);
      const featureCount = writer.check(id, features, options?.eventTimeMs);
      rowsLeft -= Math.max(1, featureCount / FEATURES_PER_ROW);
    } catch (error) {
      if (typeof id === 'string') notePlace(error, { id });
      throw error;
    }
  }
}

interface UnderWay {
  readonly window: RowWindow;
  /** Never rejects. */
  readonly done: Promise<void>;
}

const CLOSED = 'The store was closed; connect a new one.';

class RowLoad {
  readonly #context: Context;
  readonly #plan: LoadPlan;
  readonly #options: LoadOptions;
  readonly #terms: WindowTerms;
  readonly #tally: LoadTally;
  readonly #onProgress: ((progress: LoadProgress) => void) | undefined;
  readonly #onSkipped: ((row: SkippedRow) => void) | undefined;
  /** In the order of the rows. */
  #underWay: UnderWay[] = [];
  /** Fires when nothing more is to be taken from the source. */
  readonly #stop = new AbortController();
  /** Why, unless the source is at its end. */
  #trouble: { readonly cause: unknown } | undefined;
  /** Called when a window is done. */
  #onDone: () => void = () => undefined;
  /** The window that is filled, or was filled last. */
  #last: RowWindow | undefined;
  /** What the last window needed; the next begins with as much. */
  #roomBytes: number | undefined;

  constructor(context: Context, plan: LoadPlan, options: LoadOptions) {
    const { onInvalid, onProgress, onCommitted } = options;
    this.#context = context;
    this.#plan = plan;
    this.#options = options;
    this.#terms = {
      layout: context.layout,
      writer: plan.writer,
      maxRows: plan.maxRows ?? ROWS_PER_WINDOW,
      stopsAtInvalid: onInvalid !== 'report',
    };
    this.#onProgress = unthrowing('onProgress', onProgress);
    this.#onSkipped = unthrowing('onSkipped', plan.onSkipped);
    this.#tally = new LoadTally(unthrowing('onCommitted', onCommitted));
  }

  async run(source: Source<FeatureEntry>): Promise<LoadResult> {
    const { signal } = this.#options;
    const { closing } = this.#context.backend;
    const onClose = (): void => this.#end({ cause: new FeatureStoreError('CLOSED', CLOSED) });
    const abort = (): void => this.#stop.abort(signal?.reason);
    const offAbort = signal && onAbort(signal, abort);
    if (signal?.aborted) abort();
    closing.add(onClose);
    try {
      return await this.#load(source);
    } finally {
      offAbort?.();
      closing.delete(onClose);
    }
  }

  async #load(source: Source<FeatureEntry>): Promise<LoadResult> {
    const windows = windowsOf(source, {
      newWindow: (): RowWindow => {
        this.#last = new RowWindow(this.#terms, this.#pulled, this.#roomBytes);
        return this.#last;
      },
      signal: this.#stop.signal,
      itemsPerTurn: ROWS_ENCODED_PER_TURN,
      maxDelayMs: this.#plan.maxDelayMs,
    });
    const isAtHand = Array.isArray(source) && this.#terms.stopsAtInvalid;
    const ahead = isAtHand ? await this.#checkAll(source, windows) : [];
    const { groupRecord } = this.#context;
    const { timeoutMs = this.#context.options.timeoutMs } = this.#options;
    if (groupRecord.isDue) await groupRecord.declare(timeoutMs);
    try {
      for (const window of ahead) await this.#begin(window);
      for await (const window of windows) await this.#begin(window);
      while (this.#underWay.length > 0) await this.#oneDone();
    } catch (error) {
      await Promise.all(this.#underWay.map(({ done }) => done));
      throw this.#stopped(error);
    }
    return this.#tally.result(this.#pulled);
  }

  /** How many rows were taken from the source. */
  get #pulled(): number {
    return this.#last?.end ?? 0;
  }

  /**
   * Checks rows that are all at hand, before anything is sent. The first of them are encoded with
   * that, and given back: mostly they are all, and none is looked at twice.
   * @throws FeatureStoreError INVALID_ID, INVALID_FEATURE, INVALID_OPTION
   */
  async #checkAll(
    source: readonly FeatureEntry[],
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
    await checkRows(this.#context, source, row, this.#plan.writer);
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
    if (this.#terms.stopsAtInvalid)
      for (const { error } of window.refused) this.#refuse(window, error);
    while (this.#mustWait(window)) await this.#oneDone();
    if (this.#trouble) throw this.#trouble.cause;
    this.#roomBytes = Math.ceil(window.bytes * ROOM_TO_GROW);
    const done = this.#write(window)
      .catch((cause: unknown) => this.#end({ cause }))
      .finally(() => {
        this.#underWay = this.#underWay.filter((other) => other.window !== window);
        this.#onDone();
      });
    this.#underWay.push({ window, done });
  }

  #refuse(window: RowWindow, error: FeatureStoreError): never {
    this.#tally.refuse(window);
    throw error;
  }

  /** Resolves when one of the windows under way is done. @throws why the load must stop */
  async #oneDone(): Promise<void> {
    if (this.#trouble === undefined) await new Promise<void>((resolve) => (this.#onDone = resolve));
    if (this.#trouble) throw this.#trouble.cause;
  }

  /** Takes nothing more from the source. */
  #end(trouble: { readonly cause: unknown }): void {
    this.#trouble ??= trouble;
    this.#stop.abort();
    this.#onDone();
  }

  #mustWait(window: RowWindow): boolean {
    if (this.#underWay.length === 0) return false;
    if (this.#underWay.length >= WINDOWS_UNDER_WAY) return true;
    let [rows, bytes] = [window.rowCount, window.bytes];
    for (const { window: other } of this.#underWay) {
      rows += other.rowCount;
      bytes += other.bytes;
    }
    if (rows > ROWS_UNDER_WAY || bytes > BYTES_UNDER_WAY) return true;
    return this.#underWay.some((other) => window.overlaps(other.window));
  }

  async #write(window: RowWindow): Promise<void> {
    const tally = this.#tally;
    tally.begin(window);
    const deadline = newDeadline(this.#context, this.#options, 'write');
    const delivery = { deadline, ...confirmation(this.#options, 'bulk') };
    const { ids, featureCounts, batch } = window;
    const { answers, failures } = await this.#context.backend
      .dispatch(batch, delivery)
      .finally(() => deadline.clear());
    for (let row = 0; row < ids.length; row++) {
      const error = failures.get(row);
      const outcome = answers[row];
      if (error) tally.fail(window, failedRow(ids[row] ?? '', window.positionOf(row), error));
      else if (outcome !== undefined) {
        tally.settle(outcome);
        if (outcome === 'written') this.#plan.writer.onWritten(featureCounts[row] ?? 0);
        else this.#skip(window, row, outcome);
      }
    }
    throwIfEnded(failures);
    const { maxFailedRows = MAX_FAILED_ROWS } = this.#options;
    const isTooMuch = tally.failed.length > maxFailedRows;
    if (!isTooMuch || !tally.hasFailed(window)) tally.end(window);
    if (isTooMuch) {
      throw new FeatureStoreError('PARTIAL_LOAD', `More than ${maxFailedRows} rows failed.`);
    }
    this.#onProgress?.({ loaded: tally.loaded, failed: tally.failed.length });
  }

  #skip(window: RowWindow, row: number, reason: SkippedRow['reason']): void {
    if (this.#onSkipped === undefined) return;
    this.#onSkipped({ id: window.ids[row] ?? '', position: window.positionOf(row), reason });
  }

  #stopped(error: unknown): FeatureStoreError {
    // The source is stopped by a signal, whatever the reason is.
    const cause = this.#trouble ? this.#trouble.cause : error;
    // What the source threw may quote a row: its words are in the cause alone.
    const why =
      cause instanceof FeatureStoreError
        ? cause.message
        : `the rows threw ${kindOfThrown(cause)}; see the cause.`;
    const counts = this.#tally.counts(this.#pulled);
    return new PartialLoadError(
      `The load stopped after ${counts.loaded} rows were written; ${counts.neverSent} of ` +
        `${counts.pulled} that were taken were never sent: ${why}`,
      counts,
      this.#tally.failed,
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
