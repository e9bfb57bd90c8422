/**
 * Every error that the store throws or reports.
 *
 * One base, one list of codes: match on `code`, not on the message. `retryable` says whether the
 * same call may succeed later without a change on the caller's side. Messages say what happened,
 * to which id or option, which limit was met, and what to do. They are one line, and never hold a
 * credential or the value of a feature. Where an error happened is on it as far as it is known: the
 * call, the shard, the slot, the id.
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
  /** The entities were written with other `vipGroups`: members would not be found. */
  VIP_GROUPS_MISMATCH: false,
  /** No node could be used until `connectTimeoutMs`, or `credentials` failed until then. */
  CONNECT_FAILED: true,
  /** The call's deadline passed before the row was answered. */
  TIMEOUT: true,
  /** The caller's AbortSignal fired. */
  ABORTED: false,
  /** The connection closed before the reply came; a write may or may not have been applied. */
  CONNECTION_LOST: true,
  /**
   * The slot had no reachable owner until the deadline (CLUSTERDOWN, LOADING, MASTERDOWN, …), or its
   * shard is down, with `onShardDown: 'fail-fast'`.
   */
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
  /** The call that was made: `'getFeatures'`, `'vipGroup.batchGetFeatures'`, `'connect'`, … */
  declare readonly operation?: string;
  /** `host:port` of the node that the row was sent to last, where it was sent, or that is down. */
  declare readonly shard?: string;
  /** The slot of the row, 0 to 16383, where the error is of one row alone. */
  declare readonly slot?: number;
  /** The id of the row, where the error is of one row alone. */
  declare readonly id?: string;

  /** Makes an error of this code. `retryable` is what `ERROR_CODES` says of the code. */
  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.retryable = ERROR_CODES[code];
  }

  /**
   * What JSON has of the error, for loggers: its message, code, and where it happened; a few
   * hundred bytes.
   * @returns a plain object
   */
  toJSON(): object {
    const { name, code, message, retryable, operation, shard, slot, id, cause } = this;
    const shownId = id === undefined ? undefined : cut(id);
    // Another's error may quote what the store was given.
    const why =
      cause instanceof FeatureStoreError ? { code: cause.code, message: cause.message } : undefined;
    return { name, code, message, retryable, operation, shard, slot, id: shownId, cause: why };
  }
}

/** What is known of where an error happened. */
export interface ErrorPlace {
  readonly operation?: string | undefined;
  readonly shard?: string | undefined;
  readonly slot?: number | undefined;
  readonly id?: string | undefined;
}

/** Adds what the error does not say yet: it is made where that is not known. */
export function notePlace(error: unknown, place: ErrorPlace): void {
  if (!(error instanceof FeatureStoreError)) return;
  const known: { -readonly [Key in keyof ErrorPlace]: ErrorPlace[Key] } = error;
  if (place.operation !== undefined) known.operation ??= place.operation;
  if (place.shard !== undefined) known.shard ??= place.shard;
  if (place.slot !== undefined) known.slot ??= place.slot;
  if (place.id !== undefined) known.id ??= place.id;
}

const SHOWN_CHARACTERS = 60;
/** What would break a log line, or turn it round. */
const UNPRINTABLE = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu;

/** Text as an error message shows it: short, on one line, and quoted. */
export function shownText(text: string): string {
  return `'${cut(text)}'`;
}

/** `shownText` without quotes. */
export function cut(text: string, characters: number = SHOWN_CHARACTERS): string {
  return oneLine(text.length > characters ? `${text.slice(0, characters)}…` : text);
}

/** With what is not printable escaped. */
export function oneLine(text: string): string {
  return text.toWellFormed().replace(UNPRINTABLE, escaped);
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
