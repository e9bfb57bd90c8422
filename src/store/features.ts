/** The shapes that features take on their way in and out. */

/**
 * What a feature may be, up to 8 MiB (8,388,608 bytes). Booleans are stored as `true` and `false`,
 * numbers as `String(value)`, and the bytes of a Uint8Array, such as a Buffer, as they are.
 */
export type FeatureValue = string | number | boolean | Uint8Array;

/**
 * Features of one entity on the way in: values by name, up to 10,000 of them and 64 MiB. A name has
 * 1 to 4,096 bytes. A streaming write without features writes nothing.
 */
export type Features = Readonly<Record<string, FeatureValue>>;

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

/** A row whose values are read as `As` says. */
export type RowOf<As extends ValuesAs> = As extends 'bytes' ? FeatureBytes : FeatureRow;

/**
 * Rows of a load: an object or a Map of features by id, or an (async) iterable of any length that
 * gives `[id, features]`. An iterable is pulled as rows are written, and never held. Rows of an
 * object, a Map or an array are all checked before anything is sent; a bad row of a lazy iterable
 * is reported in `failed`, and not sent. Rows are encoded when they are pulled, so they must stay
 * as they are until the load ends.
 * @example
 * ```ts
 * await store.bulkLoad({ u0001: { country_iso: 'US' } });
 * await store.bulkLoad([['u0001', { country_iso: 'US' }]]);
 * ```
 */
export type FeatureRows =
  | Readonly<Record<string, Features>>
  | ReadonlyMap<string, Features>
  | Iterable<readonly [id: string, features: Features]>
  | AsyncIterable<readonly [id: string, features: Features]>;
