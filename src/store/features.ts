/** The shapes that features take on their way in and out. */

/** What a feature may be. Booleans are stored as `true` and `false`, numbers as `String(value)`. */
export type FeatureValue = string | number | boolean;

/** Features of one entity, by name, on the way in. */
export type Features = Readonly<Record<string, FeatureValue>>;

/** Features of one entity as Redis holds them: strings. Absent features are left out. */
export type FeatureRow = Record<string, string>;

/** Rows of a bulk load: an object, a Map, or any (async) iterable of `[id, features]`. */
export type FeatureRows =
  | Readonly<Record<string, Features>>
  | ReadonlyMap<string, Features>
  | Iterable<readonly [id: string, features: Features]>
  | AsyncIterable<readonly [id: string, features: Features]>;
