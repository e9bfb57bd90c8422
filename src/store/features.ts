/** The shapes that features take on their way in and out. */

/**
 * What a feature may be. Booleans are stored as `true` and `false`, numbers as `String(value)`, and
 * the bytes of a Uint8Array, such as a Buffer, as they are.
 */
export type FeatureValue = string | number | boolean | Uint8Array;

/** Features of one entity, by name, on the way in. */
export type Features = Readonly<Record<string, FeatureValue>>;

/**
 * Features of one entity as text. Absent features are left out: ask for one with `Object.hasOwn`,
 * as an object has names of its own kind, such as `constructor`.
 */
export type FeatureRow = Record<string, string>;

/**
 * Features of one entity as bytes, those of text too. Each value is a copy of exactly its own
 * bytes.
 */
export type FeatureBytes = Record<string, Uint8Array>;

/** As what values are read: as text, which they must be, or as bytes. */
export type ValuesAs = 'text' | 'bytes';

/** A row of values that are read as `As`. */
export type RowOf<As extends ValuesAs> = As extends 'bytes' ? FeatureBytes : FeatureRow;

/** Rows of a bulk load: an object, a Map, or any (async) iterable of `[id, features]`. */
export type FeatureRows =
  | Readonly<Record<string, Features>>
  | ReadonlyMap<string, Features>
  | Iterable<readonly [id: string, features: Features]>
  | AsyncIterable<readonly [id: string, features: Features]>;
