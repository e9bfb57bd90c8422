/**
 * The layers that entities of the workload have, each with features of its own that are written
 * together.
 *
 * A value names its entity, its feature and its version, so that a row that reached another id is
 * seen too.
 */

/** How a layer is written, and what its features do. */
interface LayerKind {
  readonly names: readonly string[];
  /** Whether its versions have other features each; otherwise each has them all. */
  readonly varies?: boolean;
  /** Whether features have a TTL of their own. */
  readonly isStreaming?: boolean;
  /** Whether a write sets the TTL of the key. */
  readonly setsKeyTtl?: boolean;
}

export type Layer =
  | 'batch'
  | 'single'
  | 'streaming'
  | 'replaced'
  | 'subset'
  | 'nulled'
  | 'fleeting'
  | 'timed';

const KINDS: Readonly<Record<Layer, LayerKind>> = {
  /** `bulkLoad`. */
  batch: { names: ['b0', 'b1'], setsKeyTtl: true },
  /** `updateBatchFeature`. */
  single: { names: ['u'] },
  /** `updateStreaming` and its batch. */
  streaming: { names: ['s0', 's1'], isStreaming: true },
  /** `bulkLoad` with `mode: 'replace'`: the entity has no other batch features. */
  replaced: { names: ['r0', 'r1', 'r2', 'r3', 'r4', 'r5'], varies: true, setsKeyTtl: true },
  /** `bulkLoad` with `mode: 'replace'` and these as `features`. */
  subset: { names: ['p0', 'p1', 'p2', 'p3'], varies: true, setsKeyTtl: true },
  /** `bulkLoad` that merges: what a version has not is null. */
  nulled: { names: ['n0', 'n1', 'n2', 'n3'], varies: true, setsKeyTtl: true },
  /** `updateStreaming` and its batch: what a version has not is null. */
  fleeting: { names: ['f0', 'f1', 'f2'], varies: true, isStreaming: true },
  /** `updateStreaming` and its batch with an event time, which is the version: see time-model.ts. */
  timed: { names: ['t0', 't1', '@event_time'], isStreaming: true },
};

/** Those of the entities that have no other. */
export const LAYERS = ['batch', 'single', 'streaming'] as const;

export function kindOf(layer: Layer): LayerKind {
  return KINDS[layer];
}

export function namesOf(layers: readonly Layer[]): string[] {
  return layers.flatMap((layer) => KINDS[layer].names);
}

export const FEATURE_NAMES: readonly string[] = namesOf(LAYERS);

/** The features of a layer at a version. */
export function valuesOf(layer: Layer, id: string, version: number): Record<string, string> {
  const values: Record<string, string> = {};
  for (const [at, name] of KINDS[layer].names.entries()) {
    if (hasFeature(layer, version, at)) values[name] = `${id} ${name} ${version}`;
  }
  return values;
}

/** The same, with null for each feature that the version has not. */
export function valuesAndNulls(
  layer: Layer,
  id: string,
  version: number,
): Record<string, string | null> {
  const none = KINDS[layer].names.map((name) => [name, null] as const);
  return { ...Object.fromEntries(none), ...valuesOf(layer, id, version) };
}

/**
 * Whether a version has the feature that is at this place among those of its layer. Each has at
 * least one.
 */
export function hasFeature(layer: Layer, version: number, at: number): boolean {
  const { names, varies = false } = KINDS[layer];
  return !varies || at === version % names.length || ((version * 0x9e37) >> (at + 3)) % 2 === 1;
}
