/**
 * Every error that the store throws or reports.
 *
 * One base, one list of codes: match on `code`, not on the message. `retryable` says whether the
 * same call may succeed later without a change on the caller's side. Messages say what happened,
 * to which value, which limit was met, and what to do; they never hold a credential.
 */

/** Code → may the same call succeed later, unchanged? */
export const ERROR_CODES = {
  /** An option of `connect` or of a call is unknown, impossible, or contradicts another. */
  INVALID_OPTION: false,
  /** An entity id is empty, too long, holds braces, or is not well-formed Unicode. */
  INVALID_ID: false,
  /** A feature name or value cannot be stored and read back exactly. */
  INVALID_FEATURE: false,
  /** A name that is not among `vipGroups`. */
  UNKNOWN_VIP_GROUP: false,
  /** No node answered, or none accepted the credentials, while connecting. */
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
  /** NOAUTH, WRONGPASS or NOPERM: credentials or ACL rights are missing. */
  ACCESS_DENIED: false,
  /** The server does not know a command that the call needs. */
  UNSUPPORTED_SERVER: false,
  /** Fewer replicas than `minReplicas` confirmed a row that its primary has written. */
  NOT_REPLICATED: true,
  /** The server refused the command for another reason; its words are in the message. */
  COMMAND_REFUSED: false,
  /** A value, or the name of a field, is not UTF-8 text: another writer's bytes, or written as bytes. */
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

export type ErrorCode = keyof typeof ERROR_CODES;

/** Base of every error of this package. */
export class FeatureStoreError extends Error {
  override readonly name: string = 'FeatureStoreError';
  readonly code: ErrorCode;
  /** Whether the same call may succeed later without a change on the caller's side. */
  readonly retryable: boolean;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.retryable = ERROR_CODES[code];
  }
}

/** An id whose row failed, and why. */
export interface FailedRow {
  readonly id: string;
  readonly error: FeatureStoreError;
}

/**
 * Some ids of a batch read failed. `rows[i]` belongs to `ids[i]` as ever; the row of a failed id
 * is `undefined`, which an absent entity (`{}`) never is.
 */
export class PartialBatchError<
  Row extends object = Record<string, string>,
> extends FeatureStoreError {
  override readonly name = 'PartialBatchError';
  /** Whether one of the failed ids may succeed later. */
  override readonly retryable: boolean;
  readonly rows: readonly (Row | undefined)[];
  readonly failed: readonly FailedRow[];

  constructor(rows: readonly (Row | undefined)[], failed: readonly FailedRow[]) {
    const first = failed[0];
    super(
      'PARTIAL_BATCH',
      `${failed.length} of ${rows.length} ids could not be read; error.rows has the others. ` +
        "Pass onFailure: 'return' to get both without an error." +
        (first ? ` The first, '${first.id.slice(0, 60)}': ${first.error.message}` : ''),
      first ? { cause: first.error } : undefined,
    );
    this.rows = rows;
    this.failed = failed;
    this.retryable = failed.some(({ error }) => error.retryable);
  }
}

/** A bulk load stopped before the end of its rows: aborted, its source threw, or too many rows failed. */
export class PartialLoadError extends FeatureStoreError {
  override readonly name = 'PartialLoadError';
  /** Rows that were written and acknowledged. */
  readonly loaded: number;
  readonly failed: readonly FailedRow[];

  constructor(message: string, loaded: number, failed: readonly FailedRow[], cause: unknown) {
    super('PARTIAL_LOAD', message, { cause });
    this.loaded = loaded;
    this.failed = failed;
  }
}
