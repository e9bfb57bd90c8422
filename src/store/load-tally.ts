/**
 * What a load has come to so far, and up to which row everything is settled: windows end in any
 * order, and are committed in theirs.
 */

import { performance } from '../runtime/clock.ts';
import type { RowOutcome } from './row-writer.ts';
import type { RowWindow } from './row-window.ts';
import type { FailedRow, LoadCounts } from './partial-errors.ts';

/** What a load came to. */
export interface LoadResult extends LoadCounts {
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

/** Rows that are settled, and all rows before them. */
export interface CommitEvent {
  /** How many rows from the first on are settled: written, passed over, or failed. */
  readonly position: number;
  /** The `offset` of the last of them, where it has one. */
  readonly offset: unknown;
  /** Those that failed since the last event: what is committed is not tried again. */
  readonly failed: readonly FailedRow[];
}

/** A row that was passed over: what is there is as new, or there is no such entity. */
export interface SkippedRow {
  /** The id of the row. */
  readonly id: string;
  /** Which row of the load it was, from 0. */
  readonly position: number;
  /** Why: `'older'` by its event time, or `'absent'` with `ifExists`. */
  readonly reason: 'older' | 'absent';
}

/** A window that was sent, until all before it are settled. */
interface Sent {
  readonly window: RowWindow;
  readonly failed: FailedRow[];
  isSettled: boolean;
}

export class LoadTally {
  readonly failed: FailedRow[] = [];
  loaded = 0;
  older = 0;
  absent = 0;
  /** Rows from the first on that are settled. */
  committed = 0;
  readonly #startedAtMs = performance.now();
  /** In the order of the rows. */
  #sent: Sent[] = [];
  /** Rows of the windows that were sent. */
  #sentCount = 0;
  readonly #onCommitted: ((event: CommitEvent) => void) | undefined;

  constructor(onCommitted: ((event: CommitEvent) => void) | undefined) {
    this.#onCommitted = onCommitted;
  }

  /** A window is about to be sent. */
  begin(window: RowWindow): void {
    this.#sent.push({ window, failed: [...window.refused], isSettled: false });
    this.#sentCount += window.rowCount;
    this.failed.push(...window.refused);
    this.loaded += window.nothingToWrite;
  }

  /** A row of the window was refused, and so none of it is sent. */
  refuse({ refused }: RowWindow): void {
    this.failed.push(...refused);
    this.#sentCount += refused.length;
  }

  /** A row that did not fail. */
  settle(outcome: RowOutcome): void {
    if (outcome === 'written') this.loaded++;
    else if (outcome === 'older') this.older++;
    else this.absent++;
  }

  fail(window: RowWindow, row: FailedRow): void {
    this.failed.push(row);
    this.#sent.find((sent) => sent.window === window)?.failed.push(row);
  }

  /** Whether a row of the window failed. */
  hasFailed(window: RowWindow): boolean {
    return this.#sent.some((sent) => sent.window === window && sent.failed.length > 0);
  }

  /** All rows of the window are settled. */
  end(window: RowWindow): void {
    const ended = this.#sent.find((sent) => sent.window === window);
    if (ended) ended.isSettled = true;
    const open = this.#sent.findIndex(({ isSettled }) => !isSettled);
    const settled = open === -1 ? this.#sent : this.#sent.slice(0, open);
    const last = settled.at(-1);
    if (last === undefined) return;
    this.#sent = this.#sent.slice(settled.length);
    this.committed = last.window.end;
    const failed = settled.flatMap((sent) => sent.failed);
    failed.sort((a, b) => a.position - b.position);
    this.#onCommitted?.({ position: this.committed, offset: last.window.lastOffset, failed });
  }

  /** @param pulled rows that were taken from the source */
  counts(pulled: number): LoadCounts {
    const { loaded, older, absent, committed } = this;
    return { pulled, loaded, older, absent, neverSent: pulled - this.#sentCount, committed };
  }

  result(pulled: number): LoadResult {
    const elapsedMs = performance.now() - this.#startedAtMs;
    return { ...this.counts(pulled), failed: this.failed, elapsedMs };
  }
}
