/** The shapes that features take on their way in and out. */

/**
 * What a feature may be, up to 8 MiB (8,388,608 bytes). Booleans are stored as `true` and `false`,
 * numbers as `String(value)`, and the bytes of a Uint8Array, such as a Buffer, as they are.
 */
export type FeatureValue = string | number | boolean | Uint8Array;

/**
 * Features of one entity on the way in: values by name, up to 10,000 of them and 64 MiB. `null`
 * deletes the feature, in the same step as the others are written. A name has 1 to 4,096 bytes, and
 * is not `@event_time`, nor begins with `@event_time:`. A streaming write without features writes
 * nothing.
 */
export type Features = Readonly<Record<string, FeatureValue | null>>;

/** What a row says besides its features. */
export interface RowOptions {
  /**
   * When the event happened that a streaming row is of, in Unix milliseconds, a whole number from 0
   * on. The row is written only if it is newer than what is there: see `updateStreaming`.
   */
  readonly eventTimeMs?: number;
  /** The row's place in its source, whatever it is; `onCommitted` gives it back. */
  readonly offset?: unknown;
}

/** A row of a load: the entity's id, its features, and what else there is to say of it. */
export type FeatureEntry =
  | readonly [id: string, features: Features]
  | readonly [id: string, features: Features, options: RowOptions | undefined];

/**
 * Features of one entity as text, by name. Absent features are left out: ask for one with
 * `Object.hasOwn`, as an object has names of its own kind, such as `constructor`.
 */
export type FeatureRow = Record<string, string>;

/**
 * Features of one entity as bytes, by name, those of text too. Each value is a copy of exactly its
 * own bytes.
 */
export type FeatureBytes = Record<string, Uint8Array>;

/** As what values are read: as text, which they must be, or as bytes. */
export type ValuesAs = 'text' | 'bytes';

/**
 * A row whose values are read as `As` says. Where the compiler knows the names that were asked for,
 * it has those and no other, each of which may be absent.
 */
export type RowOf<As extends ValuesAs, Name extends string = string> = string extends Name
  ? As extends 'bytes'
    ? FeatureBytes
    : FeatureRow
  : Partial<Record<Name, As extends 'bytes' ? Uint8Array : string>>;

/**
 * Rows of a load: an object or a Map of features by id, or an (async) iterable of any length that
 * gives `[id, features]` or `[id, features, options]`. An iterable is pulled as rows are written,
 * and never held. Rows of an object, a Map or an array are all checked before anything is sent, and
 * rows of a lazy iterable as they come; `onInvalid` says what a bad one does. Rows are encoded when
 * they are pulled, so they must stay as they are until the load ends.
 * @example
 * ```ts
 * await store.bulkLoad({ u0001: { country_iso: 'US' } });
 * await store.bulkLoad([['u0001', { country_iso: 'US' }]]);
 * ```
 */
export type FeatureRows =
  | Readonly<Record<string, Features>>
  | ReadonlyMap<string, Features>
  | Iterable<FeatureEntry>
  | AsyncIterable<FeatureEntry>;
