import type { Backend } from '../cluster/delivery/backend.ts';
import { slotOf } from '../cluster/batch.ts';
import { batchRead, tryBatchRead, type PartialRows } from './batch-read.ts';
import { bulkLoad, type BulkLoadOptions } from './bulk-load.ts';
import { checkCloseOptions, NO_OPTIONS } from './call-options.ts';
import type { BatchReadOptions, CallOptions, CloseOptions, ReadOptions } from './call-options.ts';
import type { StreamingOptions, ValueOptions, WriteOptions } from './call-options.ts';
import { addAsyncDispose } from './async-dispose.ts';
import { Calls, named } from './calls.ts';
import { agreedOptions, connectBackend } from './connect-backend.ts';
import type { Context } from './context.ts';
import { newContext } from './new-context.ts';
import {
  countByShard,
  countEntities,
  deleteAll,
  listEntityIds,
  scanEntityIds,
} from './entity-scan.ts';
import { deleteEntity, fieldTtlsSeconds, keyTtlSeconds, readEntity } from './entity-read.ts';
import { EntityUpdates, type StreamingLoadOptions } from './entity-update.ts';
import {
  deleteFeatures,
  deleteFeaturesEverywhere,
  type DeletionOptions,
  type DeletionProgress,
} from './feature-deletion.ts';
import type { FeatureRows, Features, FeatureValue, RowOf, ValuesAs } from './features.ts';
import { streamFeatures, type FeatureChunk, type StreamOptions } from './feature-stream.ts';
import { inspectEntity, type InspectedEntity } from './inspect.ts';
import type { LoadResult } from './load-tally.ts';
import { resolveOptions, type FeatureStoreOptions, type ResolvedOptions } from './options.ts';
import type { RowOutcome } from './row-writer.ts';
import { topologyOf, type StoreTopology, type TopologyOptions } from './store-topology.ts';
import { zeroCounters, type StoreStats } from './stats.ts';
import { vipGroupsOf, type VipGroup } from './vip-group.ts';

/** Makes a store on any backend; servers have `FeatureStore.connect`. Not public. */
export let storeOn: (backend: Backend, options: ResolvedOptions) => Promise<FeatureStore>;

/**
 * An online feature store on Redis Cluster, or on one Redis server. An entity is one hash at
 * `{keyPrefix}{id}`: batch features live under the key's TTL, streaming features each under their
 * own. A batch is one pipeline per shard, all in parallel; rows come in the order of the ids.
 * @throws FeatureStoreError of every call: TIMEOUT, ABORTED, CLOSED, CONNECTION_LOST,
 * ACCESS_DENIED, OUT_OF_MEMORY, WRONG_TYPE, COMMAND_REFUSED, UNEXPECTED_REPLY; of bad input
 * INVALID_ID, INVALID_FEATURE, INVALID_OPTION
 * @example
 * ```ts
 * const store = await FeatureStore.connect({ nodes: ['redis://127.0.0.1:7000'] });
 * await store.bulkLoad({ u0001: { country_iso: 'US', tx_count_7d: 14 } });
 * await store.batchGetFeatures(['u0001'], ['tx_count_7d']); // [{ tx_count_7d: '14' }]
 * ```
 */
export class FeatureStore implements AsyncDisposable {
  /** `close`, where the runtime knows the symbol: from Node 20.4 on. */
  declare readonly [Symbol.asyncDispose]: () => Promise<void>;
  /** What every key begins with. */
  readonly keyPrefix: string;
  /** The key TTL of `bulkLoad`, in seconds. */
  readonly batchTtlSeconds: number;
  /** The field TTL of streaming writes, in seconds. */
  readonly streamingTtlSeconds: number;
  readonly #context: Context;
  readonly #calls: Calls;
  readonly #updates: EntityUpdates;
  readonly #groups: ReadonlyMap<string, VipGroup>;

  static {
    storeOn = async (backend, options) =>
      new FeatureStore(backend, await agreedOptions(backend, options));
  }

  private constructor(backend: Backend, options: ResolvedOptions) {
    this.#context = newContext(backend, options);
    this.#calls = new Calls(this.#context);
    this.#updates = new EntityUpdates(this.#context);
    this.#groups = vipGroupsOf(this.#context, this.#calls);
    this.keyPrefix = options.layout.prefix;
    this.batchTtlSeconds = options.batchTtlSeconds;
    this.streamingTtlSeconds = options.streamingTtlSeconds;
  }

  /**
   * Connects, and finds out whether it is a cluster or one server. What is not there yet is waited
   * for until `connectTimeoutMs`; a wrong login is reported at once. `signal` ends the attempt.
   * @throws FeatureStoreError INVALID_OPTION, INVALID_ID, CONNECT_FAILED, ACCESS_DENIED, ABORTED,
   * VIP_GROUPS_MISMATCH
   */
  static async connect(
    options: FeatureStoreOptions,
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<FeatureStore> {
    return named('connect', async () => {
      const resolved = resolveOptions(options);
      return storeOn(await connectBackend(resolved, signal), resolved);
    });
  }

  /** The key that holds the entity. @throws FeatureStoreError INVALID_ID */
  keyFor(id: string): string {
    return this.#calls.now('keyFor', id, ({ layout }) => layout.keyFor(id));
  }

  /** The slot of the entity's key, 0 to 16383. @throws FeatureStoreError INVALID_ID */
  slotFor(id: string): number {
    return this.#calls.now('slotFor', id, ({ layout }) => slotOf(layout.keyFor(id)));
  }

  /** `host:port` of the entity's primary, if it has one. @throws FeatureStoreError INVALID_ID */
  shardFor(id: string): string | undefined {
    return this.#calls.now('shardFor', id, ({ backend, layout }) =>
      backend.topology.ownerOf(slotOf(layout.keyFor(id))),
    );
  }

  /**
   * Writes batch features: HSET and EXPIRE per entity, one pipeline per shard. See `FeatureRows`.
   * `mode: 'replace'` makes an entity's batch features exactly those of its row, in one step.
   * @returns `{ loaded, failed: [{ id, position, error }], elapsedMs, … }`
   * @throws PartialLoadError PARTIAL_LOAD: aborted, the source threw, or too many rows failed
   */
  async bulkLoad(rows: FeatureRows, options: BulkLoadOptions = NO_OPTIONS): Promise<LoadResult> {
    return this.#calls.run('bulkLoad', (context) => bulkLoad(context, rows, options));
  }

  /**
   * Writes streaming features and their TTL in one atomic step; the key's TTL stays. With a
   * condition, if one is given: newer than what is there, or of an entity with batch features.
   * @returns `'written'`; or why it was not: `'older'` by its event time, `'absent'`
   * @throws FeatureStoreError UNSUPPORTED_SERVER below Redis 7.4 and Valkey 9.0, NOT_REPLICATED
   */
  async updateStreaming(
    id: string,
    features: Features,
    options: StreamingOptions = NO_OPTIONS,
  ): Promise<RowOutcome> {
    const update = (): Promise<RowOutcome> => this.#updates.streaming(id, features, options);
    return this.#calls.run('updateStreaming', update, id);
  }

  /**
   * `updateStreaming` for many entities, from a source that may never end; rows as for `bulkLoad`.
   * @returns `{ loaded, older, absent, failed: [{ id, position, error }], elapsedMs, … }`
   * @throws FeatureStoreError UNSUPPORTED_SERVER, and PartialLoadError PARTIAL_LOAD
   */
  async updateStreamingBatch(
    rows: FeatureRows,
    options: StreamingLoadOptions = NO_OPTIONS,
  ): Promise<LoadResult> {
    const update = (): Promise<LoadResult> => this.#updates.streamingBatch(rows, options);
    return this.#calls.run('updateStreamingBatch', update);
  }

  /**
   * Writes one batch feature, or deletes it with null; the key's TTL stays. A new entity gets the
   * store's `batchTtlSeconds`, so that it cannot live for ever.
   * @throws FeatureStoreError NOT_REPLICATED with `minReplicas`
   */
  async updateBatchFeature(
    id: string,
    name: string,
    value: FeatureValue | null,
    options: WriteOptions = NO_OPTIONS,
  ): Promise<void> {
    const update = (): Promise<void> => this.#updates.batchFeature(id, name, value, options);
    return this.#calls.run('updateBatchFeature', update, id);
  }

  /**
   * Deletes features of one entity, whether they are batch or streaming ones; the others stay.
   * @returns how many of them were there; with its last feature the entity is gone
   * @throws FeatureStoreError INVALID_FEATURE a name that no feature can have
   */
  async deleteFeatures(
    id: string,
    names: readonly string[],
    options: WriteOptions = NO_OPTIONS,
  ): Promise<number> {
    const remove = (): Promise<number> => deleteFeatures(this.#context, id, names, options);
    return this.#calls.run('deleteFeatures', remove, id);
  }

  /**
   * Deletes features of every entity that SCAN finds, page by page. One that is written meanwhile
   * may have them again: run it once more when nobody writes them.
   * @returns `{ scanned, entities, features }`, counts; with `dryRun` of what would be deleted
   * @throws FeatureStoreError INVALID_FEATURE; TIMEOUT of a page: some are deleted by then
   */
  async deleteFeaturesEverywhere(
    names: readonly string[],
    options: DeletionOptions = NO_OPTIONS,
  ): Promise<DeletionProgress> {
    return this.#calls.run('deleteFeaturesEverywhere', (context) =>
      deleteFeaturesEverywhere(context, names, options),
    );
  }

  /**
   * Reads features of one entity by name. Without names it is HGETALL, for debugging.
   * @returns `{ name: value }`; absent features are left out, so an absent entity is `{}`
   * @throws FeatureStoreError NOT_TEXT: a value is no text, and was not asked for as bytes
   */
  async getFeatures<Name extends string = string, As extends ValuesAs = 'text'>(
    id: string,
    names?: readonly Name[],
    options: ValueOptions<As> = NO_OPTIONS,
  ): Promise<RowOf<As, Name>> {
    const read = (context: Context): Promise<RowOf<As, Name>> =>
      readEntity(context, id, names, options);
    return this.#calls.run('getFeatures', read, id);
  }

  /**
   * Reads features of many entities: one HMGET per id, one pipeline per shard, all in parallel.
   * @returns `rows[i]` for `ids[i]`, duplicates too; `{}` where the entity has none of the features
   * @throws PartialBatchError PARTIAL_BATCH: some ids failed; it carries the rows that arrived
   */
  batchGetFeatures<Name extends string = string, As extends ValuesAs = 'text'>(
    ids: Iterable<string>,
    names: readonly Name[],
    options?: ReadOptions<As> & { readonly onFailure?: 'throw' },
  ): Promise<RowOf<As, Name>[]>;
  batchGetFeatures<Name extends string = string, As extends ValuesAs = 'text'>(
    ids: Iterable<string>,
    names: readonly Name[],
    options: ReadOptions<As> & { readonly onFailure: 'return' },
  ): Promise<PartialRows<RowOf<As, Name>>>;
  async batchGetFeatures<Name extends string, As extends ValuesAs>(
    ids: Iterable<string>,
    names: readonly Name[],
    options: ReadOptions<As> = NO_OPTIONS,
  ): Promise<RowOf<As, Name>[] | PartialRows<RowOf<As, Name>>> {
    return this.#calls.run('batchGetFeatures', (context) =>
      batchRead(context, ids, names, options),
    );
  }

  /**
   * `batchGetFeatures` that does not reject where some ids fail.
   * @returns `{ rows, failed }`: `rows[i]` for `ids[i]`, undefined where it failed; `failed` has the
   * id, position and error of each of those
   * @throws FeatureStoreError INVALID_ID unless `onInvalid` is `'report'`, ABORTED, CLOSED
   */
  async tryBatchGetFeatures<Name extends string = string, As extends ValuesAs = 'text'>(
    ids: Iterable<string>,
    names: readonly Name[],
    options: BatchReadOptions<As> = NO_OPTIONS,
  ): Promise<PartialRows<RowOf<As, Name>>> {
    return this.#calls.run('tryBatchGetFeatures', (context) =>
      tryBatchRead(context, ids, names, options),
    );
  }

  /**
   * `batchGetFeatures` for an (async) iterable of any length: chunks in order, in bounded memory.
   * @returns `{ ids, rows, failed }`, chunk by chunk; the next is read while the caller has one
   * @throws PartialBatchError PARTIAL_BATCH: some ids of a chunk failed
   */
  streamFeatures<Name extends string = string, As extends ValuesAs = 'text'>(
    ids: Iterable<string> | AsyncIterable<string>,
    names: readonly Name[],
    options: StreamOptions<As> = NO_OPTIONS,
  ): AsyncGenerator<FeatureChunk<RowOf<As, Name>>> {
    return this.#calls.each('streamFeatures', (context) =>
      streamFeatures(context, ids, names, options),
    );
  }

  /** A group of `vipGroups`. @throws FeatureStoreError UNKNOWN_VIP_GROUP */
  vipGroup(name: string): VipGroup {
    const find = (): VipGroup => this.#groups.get(name) ?? this.#context.layout.groups.refuse(name);
    return this.#calls.now('vipGroup', undefined, find);
  }

  /**
   * Reads every field of an entity with its TTL, for people who ask why a feature is missing.
   * @returns `{ exists, keyTtlSeconds, fields: [{ name, value, ttlSeconds }] }`, fields by name; a
   * TTL in seconds is -1 where there is none, and `keyTtlSeconds` -2 where there is no entity
   * @throws FeatureStoreError WRONG_TYPE the key is no hash
   */
  async inspect(id: string, options: CallOptions = NO_OPTIONS): Promise<InspectedEntity> {
    return this.#calls.run('inspect', (context) => inspectEntity(context, id, options), id);
  }

  /**
   * The TTL of an entity's key (https://redis.io/docs/latest/commands/ttl/).
   * @returns seconds until it expires; -1: no TTL; -2: no such entity
   * @throws FeatureStoreError INVALID_ID
   */
  async keyTtlSeconds(id: string, options: CallOptions = NO_OPTIONS): Promise<number> {
    return this.#calls.run('keyTtlSeconds', (context) => keyTtlSeconds(context, id, options), id);
  }

  /**
   * The TTLs of an entity's features (https://redis.io/docs/latest/commands/httl/).
   * @returns seconds by name; -1: no TTL of its own; -2: no such feature
   * @throws FeatureStoreError INVALID_ID, INVALID_FEATURE a name that no feature can have
   */
  async fieldTtlsSeconds(
    id: string,
    names: readonly string[],
    options: CallOptions = NO_OPTIONS,
  ): Promise<Record<string, number>> {
    const read = (context: Context): Promise<Record<string, number>> =>
      fieldTtlsSeconds(context, id, names, options);
    return this.#calls.run('fieldTtlsSeconds', read, id);
  }

  /**
   * Every id, in no order, as SCAN finds them (https://redis.io/docs/latest/commands/scan/): one may
   * come twice while a server resizes its table, and one that moves meanwhile may be missed.
   * @returns ids, as they are found
   * @throws FeatureStoreError UNEXPECTED_REPLY
   */
  scanEntityIds(options: CallOptions = NO_OPTIONS): AsyncGenerator<string> {
    return this.#calls.each('scanEntityIds', (context) => scanEntityIds(context, options));
  }

  /**
   * Some ids, sorted: the first that SCAN finds on each shard, in equal parts.
   * @param limit - how many ids in all, 1 to 10,000,000; 200 where it is not given
   * @returns the ids
   * @throws FeatureStoreError INVALID_OPTION a limit that is none
   */
  async listEntityIds(limit?: number, options: CallOptions = NO_OPTIONS): Promise<string[]> {
    return this.#calls.run('listEntityIds', (context) => listEntityIds(context, limit, options));
  }

  /**
   * How many entities there are, as SCAN finds them: one that moves meanwhile may be missed.
   * @returns their number
   * @throws FeatureStoreError INVALID_OPTION
   */
  async countEntities(options: CallOptions = NO_OPTIONS): Promise<number> {
    return this.#calls.run('countEntities', (context) => countEntities(context, options));
  }

  /**
   * How many entities each shard has, as `countEntities` counts them.
   * @returns `{ 'host:port': count }` by primary
   * @throws FeatureStoreError INVALID_OPTION
   */
  async countEntitiesByShard(options: CallOptions = NO_OPTIONS): Promise<Record<string, number>> {
    return this.#calls.run('countEntitiesByShard', (context) => countByShard(context, options));
  }

  /**
   * Deletes an entity, whatever features it has.
   * @returns whether there was one
   * @throws FeatureStoreError INVALID_ID
   */
  async deleteEntity(id: string, options: CallOptions = NO_OPTIONS): Promise<boolean> {
    return this.#calls.run('deleteEntity', (context) => deleteEntity(context, id, options), id);
  }

  /**
   * Deletes every key under the prefix, entities or not, with one UNLINK each.
   * @returns how many keys were deleted
   * @throws FeatureStoreError TIMEOUT of a page of keys; some are deleted by then
   */
  async reset(options: CallOptions = NO_OPTIONS): Promise<number> {
    return this.#calls.run('reset', (context) => deleteAll(context, options));
  }

  /**
   * The shards and their slots, as the store routes by them now.
   * @returns `{ mode, shards: [{ address, replicas, slotCount, slotRanges }] }`
   * @throws FeatureStoreError INVALID_OPTION
   */
  async topology(options: TopologyOptions = {}): Promise<StoreTopology> {
    return this.#calls.run('topology', (context) => topologyOf(context, options));
  }

  /** Counters since `connect` or `resetStats`, also by shard, and the state of each shard. */
  stats(): StoreStats {
    return { ...this.#context.counters, ...this.#context.backend.stats() };
  }

  /** Sets every counter of `stats` to 0. The states of shards stay. */
  resetStats(): void {
    Object.assign(this.#context.counters, zeroCounters());
    this.#context.backend.counters.reset();
  }

  /**
   * Closes every connection that the store opened. Calls that are under way reject with CLOSED, at
   * once or after `drainMs`; a `redis` that the caller gave stays open.
   * @throws FeatureStoreError INVALID_OPTION, and nothing else; the store is open then
   */
  async close(options: CloseOptions = {}): Promise<void> {
    await this.#calls.end(this.#calls.now('close', undefined, () => checkCloseOptions(options)));
    await this.#context.backend.close();
  }
}

addAsyncDispose(FeatureStore.prototype);
