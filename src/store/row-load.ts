/**
 * Writes rows of any number: the way that bulk loads and streaming batches share.
 *
 *   source ─▶ windows ─▶ encode ─▶ dispatch ─▶ counts, failed rows
 *
 * - Two windows are under way at the most, so a source of any length is never held.
 * - An id that comes twice is written in the order of the rows: a window never holds an id twice,
 *   and does not start while another one that holds the id is under way.
 * - Rows of an object, a Map or an array are all checked before anything is sent. A lazy source can
 *   only be checked as it comes: there a bad row is reported among the failed ones, and not sent.
 */

import { dispatch, type Batch } from '../cluster/dispatch.ts';
import type { Reply, Unit } from '../cluster/lane.ts';
import { FeatureStoreError, PartialLoadError, type FailedRow } from '../errors.ts';
import type { CallOptions } from './call-options.ts';
import { newDeadline, type Context } from './context.ts';
import type { FeatureRows, Features } from './features.ts';
import { show } from './option-checks.ts';
import { windowsOf, type Source, type Window } from './windows.ts';

const ROWS_PER_WINDOW = 10_000;
const BYTES_PER_WINDOW = 8_388_608;
const WINDOWS_UNDER_WAY = 2;
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

export interface LoadOptions extends CallOptions {
  /** Instead of the store's `batchTtlSeconds` or `streamingTtlSeconds`. */
  readonly ttlSeconds?: number;
  /** Called after each window of rows. */
  readonly onProgress?: (progress: LoadProgress) => void;
}

export interface EncodedRow {
  readonly id: string;
  readonly key: string;
  readonly unit: Unit;
  readonly bytes: number;
  readonly featureCount: number;
}

/** What a kind of write does with a row. */
export interface RowWriter {
  /** @throws FeatureStoreError INVALID_ID, INVALID_FEATURE */
  encode(id: string, features: Features): EncodedRow;
  /** What is wrong with the replies, if anything is. */
  check(replies: readonly Reply[]): FeatureStoreError | undefined;
  /** Called for each row that was acknowledged. */
  onWritten(row: EncodedRow): void;
}

export async function loadRows(
  context: Context,
  rows: FeatureRows,
  writer: RowWriter,
  options: LoadOptions,
): Promise<LoadResult> {
  const source = sourceOf(rows);
  if (Array.isArray(source)) for (const entry of source) encodeEntry(writer, entry);
  return new RowLoad(context, writer, options).run(source);
}

type Entry = readonly [id: string, features: Features];

class RowLoad {
  readonly #context: Context;
  readonly #writer: RowWriter;
  readonly #options: LoadOptions;
  readonly #startedAtMs = performance.now();
  readonly #failed: FailedRow[] = [];
  #loaded = 0;

  constructor(context: Context, writer: RowWriter, options: LoadOptions) {
    this.#context = context;
    this.#writer = writer;
    this.#options = options;
  }

  async run(source: Source<Entry>): Promise<LoadResult> {
    const newWindow = (): RowWindow => new RowWindow(this.#writer);
    const underWay: { window: RowWindow; written: Promise<void> }[] = [];
    try {
      for await (const window of windowsOf(source, newWindow, this.#options.signal)) {
        const last = underWay.at(-1);
        if (last && window.overlaps(last.window)) await last.written;
        const written = this.#write(window);
        written.catch(() => undefined); // awaited when its turn comes
        underWay.push({ window, written });
        if (underWay.length === WINDOWS_UNDER_WAY) {
          await underWay[0]?.written;
          underWay.shift();
        }
      }
      for (const { written } of underWay) await written;
    } catch (error) {
      await Promise.allSettled(underWay.map(({ written }) => written));
      throw this.#stopped(error);
    }
    return {
      loaded: this.#loaded,
      failed: this.#failed,
      elapsedMs: performance.now() - this.#startedAtMs,
    };
  }

  async #write({ rows, refused }: RowWindow): Promise<void> {
    using deadline = newDeadline(this.#context, this.#options);
    this.#failed.push(...refused);
    const { connection } = this.#context;
    const delivery = { deadline, purpose: 'bulk' } as const;
    const { failures } = await dispatch(connection, this.#batchOf(rows), delivery);
    for (const [index, row] of rows.entries()) {
      const error = failures.get(index);
      if (error) this.#failed.push({ id: row.id, error });
      else {
        this.#loaded++;
        this.#writer.onWritten(row);
      }
    }
    for (const error of failures.values()) {
      if (error.code === 'ABORTED' || error.code === 'CLOSED') throw error;
    }
    if (this.#failed.length > MAX_FAILED_ROWS) {
      throw new Error(`more than ${MAX_FAILED_ROWS} rows failed`);
    }
    this.#options.onProgress?.({ loaded: this.#loaded, failed: this.#failed.length });
  }

  #batchOf(rows: readonly EncodedRow[]): Batch<true> {
    return {
      keys: rows.map((row) => row.key),
      unitOf: (row) => rows[row]?.unit ?? [],
      bytesOf: (row) => rows[row]?.bytes ?? 0,
      answerOf: (replies) => this.#writer.check(replies) ?? true,
    };
  }

  #stopped(cause: unknown): FeatureStoreError {
    const why = cause instanceof Error ? cause.message : String(cause);
    return new PartialLoadError(
      `The load stopped after ${this.#loaded} rows were written: ${why}`,
      this.#loaded,
      this.#failed,
      cause,
    );
  }
}

class RowWindow implements Window<Entry> {
  readonly rows: EncodedRow[] = [];
  readonly refused: FailedRow[] = [];
  readonly #writer: RowWriter;
  readonly #ids = new Set<string>();
  #bytes = 0;

  constructor(writer: RowWriter) {
    this.#writer = writer;
  }

  add(entry: Entry): boolean {
    try {
      const row = encodeEntry(this.#writer, entry);
      if (this.#ids.has(row.id)) return false;
      this.#ids.add(row.id);
      this.rows.push(row);
      this.#bytes += row.bytes;
    } catch (error) {
      if (!(error instanceof FeatureStoreError)) throw error;
      this.refused.push({ id: String(entry?.[0]), error });
    }
    return true;
  }

  get full(): boolean {
    const count = this.rows.length + this.refused.length;
    return count >= ROWS_PER_WINDOW || this.#bytes >= BYTES_PER_WINDOW;
  }

  get empty(): boolean {
    return this.rows.length + this.refused.length === 0;
  }

  overlaps(other: RowWindow): boolean {
    return this.rows.some((row) => other.#ids.has(row.id));
  }
}

function encodeEntry(writer: RowWriter, entry: Entry): EncodedRow {
  if (Array.isArray(entry) && entry.length === 2) return writer.encode(entry[0], entry[1]);
  throw new FeatureStoreError(
    'INVALID_FEATURE',
    `A row must be [id, features], but is ${show(entry)}${Array.isArray(entry) ? ` of ${entry.length}` : ''}.`,
  );
}

/** An array where all rows are at hand, otherwise the lazy source itself. */
function sourceOf(rows: FeatureRows): Source<Entry> {
  if (typeof rows === 'object' && rows !== null) {
    if (Array.isArray(rows)) return rows;
    if (rows instanceof Map) return [...rows];
    if (Symbol.asyncIterator in rows || Symbol.iterator in rows) return rows as Source<Entry>;
    return Object.entries(rows as Readonly<Record<string, Features>>);
  }
  throw new FeatureStoreError(
    'INVALID_FEATURE',
    `rows must be an object, a Map, or an iterable of [id, features], but is ${show(rows)}.`,
  );
}
