/**
 * Every error that the store throws or reports.
 *
 * One base, one list of codes: match on `code`, not on the message. `retryable` says whether the
 * same call may succeed later without a change on the caller's side. Messages say what happened,
 * to which id or option, which limit was met, and what to do. They are one line, and never hold a
 * credential or the value of a feature.
 *
 * Errors that carry rows keep them where no printer or logger looks: `rows` and `failed` are
 * getters of the class. What is logged is `summary`, whose size does not depend on how many rows
 * failed.
 */

/** Every error code, and whether the same call may succeed later, unchanged. */
export const ERROR_CODES = {
  /** An option of `connect` or of a call is unknown, impossible, or contradicts another. */
  INVALID_OPTION: false,
  /** An entity id is empty, too long, holds braces, or is not well-formed Unicode. */
  INVALID_ID: false,
  /** A feature name or value cannot be stored and read back exactly. */
  INVALID_FEATURE: false,
  /** A name that is not among `vipGroups`. */
  UNKNOWN_VIP_GROUP: false,
  /** No node could be used until `connectTimeoutMs`, or `credentials` failed until then. */
  CONNECT_FAILED: true,
  /** The call's deadline passed before the row was answered. */
  TIMEOUT: true,
  /** The caller's AbortSignal fired. */
  ABORTED: false,
  /** The connection closed before the reply came; a write may or may not have been applied. */
  CONNECTION_LOST: true,
  /** The slot had no reachable owner until the deadline (CLUSTERDOWN, LOADING, MASTERDOWN, …). */
  SHARD_UNAVAILABLE: true,
  /** The slot kept moving (MOVED, ASK, TRYAGAIN) until the redirect limit or the deadline. */
  TOO_MANY_REDIRECTS: true,
  /** The key holds another Redis type than a hash. */
  WRONG_TYPE: false,
  /** The server is at `maxmemory` and refuses writes. */
  OUT_OF_MEMORY: true,
  /** NOAUTH, WRONGPASS, NOPERM or DENIED: credentials or ACL rights are missing. */
  ACCESS_DENIED: false,
  /** The server does not know a command that the call needs. */
  UNSUPPORTED_SERVER: false,
  /** Fewer replicas than `minReplicas` confirmed a row that its primary has written. */
  NOT_REPLICATED: true,
  /** The server refused the command for another reason; its words are in the message. */
  COMMAND_REFUSED: false,
  /**
   * A value, or the name of a field, is not UTF-8 text: another writer's bytes, or written as
   * bytes.
   */
  NOT_TEXT: false,
  /** A reply code says that the server did not do all it was asked. */
  UNEXPECTED_REPLY: false,
  /** Some rows of a batch failed; the error carries the rows that arrived. */
  PARTIAL_BATCH: true,
  /** A bulk load stopped before the end of its rows; the error carries the result so far. */
  PARTIAL_LOAD: true,
  /** The store was closed. */
  CLOSED: false,
} as const;

/** A code of an error: a name of `ERROR_CODES`. */
export type ErrorCode = keyof typeof ERROR_CODES;

/**
 * Base of every error of this package. Match on `code`; the message is for people.
 * @example
 * ```ts
 * try {
 *   await store.getFeatures('u0001', ['tx_count_7d']);
 * } catch (error) {
 *   if (!(error instanceof FeatureStoreError) || !error.retryable) throw error;
 * }
 * ```
 */
export class FeatureStoreError extends Error {
  /** The name of the class. */
  override readonly name: string = 'FeatureStoreError';
  /** What went wrong; docs/errors.md says of each code what to do. */
  readonly code: ErrorCode;
  /** Whether the same call may succeed later without a change on the caller's side. */
  readonly retryable: boolean;
  /** `host:port` of the node that the row was sent to last, where it was sent. */
  declare readonly shard?: string;

  /** Makes an error of this code. `retryable` is what `ERROR_CODES` says of the code. */
  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.retryable = ERROR_CODES[code];
  }
}

/** An id whose row failed, and why. */
export interface FailedRow {
  /** The id, as the call was given it. */
  readonly id: string;
  /** Why the row failed. */
  readonly error: FeatureStoreError;
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

/** Frames of a stack that lead from the store into the caller's code. */
const FRAMES = 4;
/** Frames of each cause: loggers print the stacks of causes too. */
const CAUSE_FRAMES = 2;
/** Deeper than the causes of a row's error go. */
const MAX_CAUSES = 4;

/** What errors with failed rows share: where the rows are, and what is printed instead of them. */
abstract class PartialError extends FeatureStoreError {
  readonly #failed: readonly FailedRow[];
  readonly #summary: FailureSummary;

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

  /**
   * What JSON has of the error: its message, code and counts, and no row.
   * @returns a plain object
   */
  toJSON(): object {
    return { ...this, message: this.message, ...this.#summary };
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

/**
 * A bulk load stopped before the end of its rows: aborted, its source threw, or too many rows
 * failed.
 */
export class PartialLoadError extends PartialError {
  /** The name of the class. */
  override readonly name = 'PartialLoadError';
  /** How many rows were written and acknowledged. */
  readonly loaded: number;

  /** Makes the error of a load that stopped after `loaded` rows. */
  constructor(message: string, loaded: number, failed: readonly FailedRow[], cause: unknown) {
    super('PARTIAL_LOAD', message, failed, cause);
    this.loaded = loaded;
    this.shortenStacks();
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
    if (this.#firstIds.length < FIRST_IDS) this.#firstIds.push(shownText(id).slice(1, -1));
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
  error.stack = [`${error.name}: ${error.message}`, ...frames.slice(0, frameCount)].join('\n');
}

const SHOWN_CHARACTERS = 60;
/** What would break a log line, or turn it round. */
const UNPRINTABLE = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu;

/** Text as an error message shows it: short, on one line, and quoted. */
export function shownText(text: string): string {
  const { length } = text;
  const begin = length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text;
  return `'${oneLine(begin)}'`;
}

/** With what is not printable escaped. */
export function oneLine(text: string): string {
  return text.toWellFormed().replace(UNPRINTABLE, escaped);
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
