/**
 * Every call of the store that asks a server, with how it ended: for faults that all of them meet.
 */

import {
  FeatureStore,
  FeatureStoreError,
  PartialBatchError,
  PartialLoadError,
  type CallOptions,
  type ErrorCode,
  type FailedRow,
  type FeatureChunk,
} from '../../src/index.ts';

/**
 * What the calls are made on. Every entity has its number as `n`; the calls write other features.
 */
export interface Subject {
  /** Its VIP group `vip` has members that live on one shard with `id`. */
  readonly store: FeatureStore;
  /** An entity of the shard that is looked at. */
  readonly id: string;
  /** Another one there, which may be deleted. */
  readonly spareId: string;
  /** Entities of all shards. */
  readonly ids: readonly string[];
  /** A store with a prefix of its own: everything in it may be deleted. */
  readonly disposable: FeatureStore;
}

export type Call = (subject: Subject, options: CallOptions) => Promise<unknown>;

const NAMES = ['n'];
const WRITTEN = { w: 1 };

export const CALLS: Readonly<Record<string, Call>> = {
  getFeatures: ({ store, id }, options) => store.getFeatures(id, NAMES, options),
  'getFeatures without names': ({ store, id }, options) =>
    store.getFeatures(id, undefined, options),
  batchGetFeatures: ({ store, ids }, options) => store.batchGetFeatures(ids, NAMES, options),
  tryBatchGetFeatures: ({ store, ids }, options) => store.tryBatchGetFeatures(ids, NAMES, options),
  'batchGetFeatures of loaded ones': ({ store, ids }, options) =>
    store.batchGetFeatures(ids, NAMES, { ...options, loadedOnly: true }),
  streamFeatures: ({ store, ids }, options) =>
    all(store.streamFeatures(ids, NAMES, { ...options, chunkSize: 400 })),
  vipGroup: ({ store }, options) => store.vipGroup('vip').batchGetFeatures(NAMES, options),
  inspect: ({ store, id }, options) => store.inspect(id, options),
  keyTtlSeconds: ({ store, id }, options) => store.keyTtlSeconds(id, options),
  fieldTtlsSeconds: ({ store, id }, options) => store.fieldTtlsSeconds(id, NAMES, options),
  scanEntityIds: ({ store }, options) => all(store.scanEntityIds(options)),
  listEntityIds: ({ store }, options) => store.listEntityIds(1_000_000, options),
  countEntities: ({ store }, options) => store.countEntities(options),
  countEntitiesByShard: ({ store }, options) => store.countEntitiesByShard(options),
  bulkLoad: ({ store, ids }, options) => store.bulkLoad(rowsOf(ids), options),
  'bulkLoad that replaces': ({ store, ids }, options) =>
    store.bulkLoad(rowsOf(ids), { ...options, mode: 'replace', features: ['w', 'gone'] }),
  'updateStreaming on conditions': ({ store, id }, options) =>
    store.updateStreaming(id, WRITTEN, { ...options, eventTimeMs: Date.now(), ifExists: true }),
  deleteFeatures: ({ store, spareId }, options) =>
    store.deleteFeatures(spareId, ['nothing'], options),
  deleteFeaturesEverywhere: ({ disposable }, options) =>
    disposable.deleteFeaturesEverywhere(['nothing'], options),
  updateStreaming: ({ store, id }, options) => store.updateStreaming(id, WRITTEN, options),
  updateStreamingBatch: ({ store, ids }, options) =>
    store.updateStreamingBatch(rowsOf(ids), options),
  updateBatchFeature: ({ store, id }, options) => store.updateBatchFeature(id, 'w', 1, options),
  deleteEntity: ({ store, spareId }, options) => store.deleteEntity(spareId, options),
  reset: ({ disposable }, options) => disposable.reset(options),
};

export const CALL_NAMES: readonly string[] = Object.keys(CALLS);

/** Calls that ask no server, take no deadline, or end the store. */
const WITHOUT_DEADLINE: ReadonlySet<string> = new Set([
  'constructor',
  'keyFor',
  'slotFor',
  'shardFor',
  'topology',
  'stats',
  'resetStats',
  'close',
]);

/** Methods of the store that are in neither list: a new one must be tried too. */
export function forgottenCalls(): string[] {
  const known = new Set(CALL_NAMES.map((name) => name.split(' ', 1)[0]));
  return Object.getOwnPropertyNames(FeatureStore.prototype).filter(
    (name) => !known.has(name) && !WITHOUT_DEADLINE.has(name),
  );
}

export function runCall(name: string, subject: Subject, options: CallOptions): Promise<Ending> {
  const call = CALLS[name];
  if (call === undefined) throw new Error(`no call ${name}`);
  return endingOf(() => call(subject, options));
}

export interface Ending {
  readonly elapsedMs: number;
  /** What the call threw. */
  readonly error: FeatureStoreError | undefined;
  readonly value: unknown;
  /**
   * Of a batch: which ids failed; undefined where the call has no rows, or threw for all of them.
   */
  readonly failed: readonly FailedRow[] | undefined;
  /** Why it failed, wholly or for some rows: the codes of the reasons, each once. */
  readonly codes: readonly ErrorCode[];
}

/** Waits for the call's end. An error that is not ours is a finding, and thrown. */
export async function endingOf(call: () => Promise<unknown>): Promise<Ending> {
  const startedAtMs = performance.now();
  let value: unknown;
  let error: unknown;
  try {
    value = await call();
  } catch (thrown) {
    error = thrown;
  }
  const elapsedMs = performance.now() - startedAtMs;
  if (error !== undefined && !(error instanceof FeatureStoreError)) throw error;
  const failed = failedOf(error ?? value);
  const codes = failed ? failed.map((row) => row.error.code) : error ? [reasonOf(error)] : [];
  return { elapsedMs, error, value, failed, codes: [...new Set(codes)] };
}

function failedOf(outcome: unknown): readonly FailedRow[] | undefined {
  if (outcome instanceof PartialBatchError) return outcome.failed;
  if (outcome instanceof Error || typeof outcome !== 'object' || outcome === null) return undefined;
  return 'failed' in outcome ? (outcome.failed as readonly FailedRow[]) : undefined;
}

function reasonOf(error: FeatureStoreError): ErrorCode {
  if (!(error instanceof PartialLoadError)) return error.code;
  return error.cause instanceof FeatureStoreError ? error.cause.code : error.code;
}

function rowsOf(ids: readonly string[]): (readonly [string, { w: number }])[] {
  return ids.map((id) => [id, WRITTEN] as const);
}

async function all(items: AsyncIterable<FeatureChunk | string>): Promise<unknown[]> {
  const found: unknown[] = [];
  for await (const item of items) found.push(item);
  return found;
}
