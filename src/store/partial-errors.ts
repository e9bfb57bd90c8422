/**
 * Errors that carry rows. They keep them where no printer or logger looks: `rows` and `failed` are
 * getters of the class. What is logged is `summary`, whose size does not depend on how many rows
 * failed.
 */

import { fileURLToPath } from 'node:url';
import { cut, FeatureStoreError, notePlace, shownText, type ErrorCode } from '../errors.ts';

/** An id whose row failed, and why. */
export interface FailedRow {
  /** The id, as the call was given it; what is no string is described. */
  readonly id: string;
  /** Which of the ids or rows of the call it was, from 0. */
  readonly position: number;
  /** Why the row failed. */
  readonly error: FeatureStoreError;
}

/** A failed row; its error says which one it is, where it is the error of no other. */
export function failedRow(id: string, position: number, error: FeatureStoreError): FailedRow {
  if (error.slot !== undefined) notePlace(error, { id });
  return { id, position, error };
}

/** What is printed and logged of failed rows. */
export interface FailureSummary {
  /** How many rows failed. */
  readonly failedCount: number;
  /** Failed rows by the code of their error, most first. */
  readonly byCode: Readonly<Record<string, number>>;
  /** Failed rows by the node they were sent to last, most first: ten nodes, and `others`. */
  readonly byShard: Readonly<Record<string, number>>;
  /** The ids of the first five failed rows, each cut after 60 characters. */
  readonly firstIds: readonly string[];
}

/** Of the message, what JSON has: the counts that follow it are there by themselves. */
const HEADLINE_CHARACTERS = 300;
/** Frames of a stack: where the error was made, and where the caller called. */
const FRAMES = 2;
/** Frames of each cause: loggers print the stacks of causes too. */
const CAUSE_FRAMES = 2;
/** Deeper than the causes of a row's error go. */
const MAX_CAUSES = 4;

/** What errors with failed rows share: where the rows are, and what is printed instead of them. */
abstract class PartialError extends FeatureStoreError {
  readonly #failed: readonly FailedRow[];
  readonly #summary: FailureSummary;
  readonly #headline: string;

  constructor(
    code: ErrorCode,
    message: string,
    failed: readonly FailedRow[],
    cause: unknown,
    summary: FailureSummary = summaryOf(failed),
  ) {
    super(code, message + describe(summary));
    this.#failed = failed;
    this.#summary = summary;
    this.#headline = cut(message, HEADLINE_CHARACTERS);
    // By a getter: an uncaught error is printed with what is in its cause, and in that one's.
    Object.defineProperty(this, 'cause', { configurable: true, get: () => cause });
  }

  /** Every failed row, with its error. */
  get failed(): readonly FailedRow[] {
    return this.#failed;
  }

  /** Counts, codes, shards and the first ids of the failed rows; the message has them too. */
  get summary(): FailureSummary {
    return this.#summary;
  }

  /** How many rows failed by the code of their error, most first. */
  get byCode(): Readonly<Record<string, number>> {
    return this.#summary.byCode;
  }

  /** How many rows failed by the node they were sent to last: ten nodes, and `others`. */
  get byShard(): Readonly<Record<string, number>> {
    return this.#summary.byShard;
  }

  /**
   * What JSON has of the error, for loggers: what happened, its code and counts, and no row; a few
   * hundred bytes, however many rows failed.
   * @returns a plain object
   */
  override toJSON(): object {
    return { ...this, message: this.#headline, ...this.#summary };
  }

  /** Keeps the start of the stacks that printers show: the error's own, and those of its causes. */
  protected shortenStacks(): void {
    shortenStack(this, FRAMES);
    let { cause } = this;
    for (let i = 0; i < MAX_CAUSES && cause instanceof FeatureStoreError; i++) {
      if (cause instanceof PartialError) return;
      shortenStack(cause, CAUSE_FRAMES);
      ({ cause } = cause);
    }
  }
}

/**
 * For console.log and the like: the start of the stack, unless the error is inside something else.
 */
function printed(
  this: PartialError,
  depth: number | null,
  options: object & { readonly depth?: number | null },
  inspect: (value: unknown, options: object) => string,
): string {
  const { name, ...facts } = this;
  const isOutermost = depth === options.depth;
  const head = isOutermost ? this.stack : `${name}: ${this.message}`;
  return `${head} ${inspect(facts, { ...options, breakLength: Infinity })}`;
}
const INSPECT = Symbol.for('nodejs.util.inspect.custom');
Object.defineProperty(PartialError.prototype, INSPECT, { value: printed });

/**
 * Some ids of a batch read failed. `rows[i]` belongs to `ids[i]` as ever; the row of a failed id
 * is `undefined`, which an absent entity (`{}`) never is. No row is printed or logged with the
 * error.
 */
export class PartialBatchError<Row extends object = Record<string, string>> extends PartialError {
  /** The name of the class. */
  override readonly name = 'PartialBatchError';
  /** Whether one of the failed ids may succeed later. */
  override readonly retryable: boolean;
  readonly #rows: readonly (Row | undefined)[];

  /**
   * Makes the error of a batch: `rows` in the order of the ids, and every failed one.
   * @param summary - of `failed`, where it was made before; otherwise it is made now
   */
  constructor(
    rows: readonly (Row | undefined)[],
    failed: readonly FailedRow[],
    summary?: FailureSummary,
  ) {
    const first = failed[0];
    super(
      'PARTIAL_BATCH',
      `${failed.length} of ${rows.length} ids could not be read; error.rows has the others. ` +
        "Pass onFailure: 'return' to get both without an error." +
        (first ? ` The first, ${shownText(first.id)}: ${first.error.message}` : ''),
      failed,
      first?.error,
      summary,
    );
    this.#rows = rows;
    this.retryable = failed.some(({ error }) => error.retryable);
    this.shortenStacks();
  }

  /** `rows[i]` for `ids[i]`: the features, or undefined where the id failed. */
  get rows(): readonly (Row | undefined)[] {
    return this.#rows;
  }
}

/** How far a load came. */
export interface LoadCounts {
  /** How many rows were taken from the source: the sum of the next four, and of the failed ones. */
  readonly pulled: number;
  /** How many rows were written and acknowledged, or had nothing to write. */
  readonly loaded: number;
  /** How many rows were not written, since what was there is of the same event time or newer. */
  readonly older: number;
  /** How many rows were not written, since there is no such entity (`ifExists`). */
  readonly absent: number;
  /** How many rows were taken and never sent; they are the last ones. */
  readonly neverSent: number;
  /**
   * Rows from the first on of which each is settled: written, passed over, or failed. A consumer
   * that begins again here loses none.
   */
  readonly committed: number;
}

/**
 * A load stopped before the end of its rows: aborted, its source threw, a row was refused, or too
 * many rows failed.
 */
export class PartialLoadError extends PartialError {
  /** The name of the class. */
  override readonly name = 'PartialLoadError';
  /** How many rows were written and acknowledged, or had nothing to write. */
  readonly loaded: number;
  readonly #counts: LoadCounts;

  /** Makes the error of a load that stopped when it had come as far as `counts` say. */
  constructor(message: string, counts: LoadCounts, failed: readonly FailedRow[], cause: unknown) {
    super('PARTIAL_LOAD', message, failed, cause);
    this.loaded = counts.loaded;
    this.#counts = counts;
    this.shortenStacks();
  }

  /** How far the load came: rows that were taken, written, passed over, never sent, committed. */
  get counts(): LoadCounts {
    return this.#counts;
  }

  /**
   * What JSON has of the error, for loggers: as of every partial one, and the counts.
   * @returns a plain object
   */
  override toJSON(): object {
    return { ...super.toJSON(), ...this.#counts };
  }
}

const FIRST_IDS = 5;
const SHARDS_NAMED = 10;

/** Counted at once; then the counts go on to what is in the errors. */
const MAX_ERRORS_COUNTED = 4_096;

/**
 * Counts failed rows one by one, so that a million of them can be counted in turns of the event
 * loop.
 */
export class FailureTally {
  readonly #codes = new Tally<string>();
  readonly #shards = new Tally<string>();
  /** Most rows share their error with others, and one look-up by identity is the quickest. */
  readonly #errors = new Tally<FeatureStoreError>();
  readonly #firstIds: string[] = [];
  #failedCount = 0;

  add({ id, error }: FailedRow): void {
    this.#failedCount++;
    if (this.#firstIds.length < FIRST_IDS) this.#firstIds.push(cut(id));
    this.#errors.add(error, 1);
    if (this.#errors.counts.size >= MAX_ERRORS_COUNTED) this.#goOn();
  }

  summary(): FailureSummary {
    this.#goOn();
    return {
      failedCount: this.#failedCount,
      byCode: mostFirst(this.#codes, Number.POSITIVE_INFINITY),
      byShard: mostFirst(this.#shards, SHARDS_NAMED),
      firstIds: [...this.#firstIds],
    };
  }

  #goOn(): void {
    for (const [{ code, shard }, { count }] of this.#errors.counts) {
      this.#codes.add(code, count);
      if (shard !== undefined) this.#shards.add(shard, count);
    }
    this.#errors.counts.clear();
  }
}

function summaryOf(failed: readonly FailedRow[]): FailureSummary {
  const tally = new FailureTally();
  for (const row of failed) tally.add(row);
  return tally.summary();
}

/** `2 TIMEOUT, 1 WRONG_TYPE; by shard: 2 127.0.0.1:7000, 1 127.0.0.1:7001; first ids: 'u1'.` */
function describe({ failedCount, byCode, byShard, firstIds }: FailureSummary): string {
  if (failedCount === 0) return '';
  const list = (counts: Readonly<Record<string, number>>): string =>
    Object.entries(counts)
      .map(([name, count]) => `${count} ${name}`)
      .join(', ');
  const shards = list(byShard);
  const ids = firstIds.map((id) => `'${id}'`).join(', ');
  return ` Failed: ${list(byCode)}${shards && `; by shard: ${shards}`}; first ids: ${ids}.`;
}

class Tally<Item> {
  readonly counts = new Map<Item, { count: number }>();

  add(item: Item, count: number): void {
    const seen = this.counts.get(item);
    if (seen) seen.count += count;
    else this.counts.set(item, { count });
  }
}

/** The rest, where there are more names, is `others`. */
function mostFirst({ counts }: Tally<string>, nameCount: number): Record<string, number> {
  const sorted = [...counts].map(([name, { count }]) => [name, count] as const);
  sorted.sort(([, a], [, b]) => b - a);
  const others = sorted.slice(nameCount).reduce((sum, [, count]) => sum + count, 0);
  return {
    ...Object.fromEntries(sorted.slice(0, nameCount)),
    ...(others > 0 ? { others } : {}),
  };
}

function shortenStack(error: Error, frameCount: number): void {
  const { stack }: { stack?: unknown } = error;
  if (typeof stack !== 'string') return; // an application may make stacks of its own
  const frames = stack.split('\n').filter((line) => /^\s+at /.test(line));
  const [first, ...others] = frames;
  const callers = others.filter((line) => !line.includes(OWN_FOLDER));
  const kept = first === undefined || callers.length === 0 ? frames : [first, ...callers];
  error.stack = [`${error.name}: ${error.message}`, ...kept.slice(0, frameCount)].join('\n');
}

/** Of the frames in between nobody needs to know. */
const OWN_FOLDER = fileURLToPath(new URL('.', import.meta.url));
