import { connect, type ConnectionMode, type Shard } from '../cluster/control/connect.ts';
import { defaultLimits } from '../cluster/limits.ts';
import { slotOf } from '../cluster/batch.ts';
import { checkReadOptions, idsOf, readBatch, rowsOrThrow, type PartialRows } from './batch-read.ts';
import { ReadShapes } from './read-shape.ts';
import { specimensOf } from './specimens.ts';
import { bulkWriter } from './bulk-load.ts';
import {
  checkCallOptions,
  NO_OPTIONS,
  type CallOptions,
  type ReadOptions,
  type ValueOptions,
  type WriteOptions,
} from './call-options.ts';
import { checkNames } from './codec.ts';
import { deliverOne, type Context } from './context.ts';
import { countByShard, deleteAll, listEntityIds, scanEntityIds } from './entity-scan.ts';
import { EntityUpdates } from './entity-update.ts';
import { ServerBackend, type Backend } from '../cluster/delivery/backend.ts';
import type { FeatureRows, Features, FeatureValue, RowOf, ValuesAs } from './features.ts';
import { streamFeatures, type FeatureChunk, type StreamOptions } from './feature-stream.ts';
import { inspectEntity, readEntity, readFieldTtls, type InspectedEntity } from './inspect.ts';
import { DEFAULT_LISTED_IDS, MAX_LISTED_IDS } from './limits.ts';
import { checkInteger, checkKeys, refuse, show } from './option-checks.ts';
import { resolveOptions, type FeatureStoreOptions, type ResolvedOptions } from './options.ts';
import { loadRows, type LoadOptions, type LoadResult } from './row-load.ts';
import { RowBuffer } from './row-write.ts';
import { zeroCounters, type StoreStats } from './stats.ts';
import { VipGroup } from './vip-group.ts';

/** The cluster as the store routes by it now. */
export interface StoreTopology {
  /** `'cluster'`, or `'standalone'` where it is one server. */
  readonly mode: ConnectionMode;
  /** Ordered by first slot. A standalone server is one shard with every slot. */
  readonly shards: readonly Shard[];
}

/** Makes a store on any backend; servers have `FeatureStore.connect`. Not public. */
export let storeOn: (backend: Backend, options: ResolvedOptions) => FeatureStore;

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
  readonly #updates: EntityUpdates;
  readonly #groups: ReadonlyMap<string, VipGroup>;

  static {
    storeOn = (backend, options) => new FeatureStore(backend, options);
  }

  private constructor(backend: Backend, options: ResolvedOptions) {
    const { layout } = options;
    const readShapes = new ReadShapes();
    const counters = zeroCounters();
    const rowBuffer = new RowBuffer(layout);
    const parts = { backend, layout, options, counters, readShapes, rowBuffer };
    this.#context = { ...parts, specimens: specimensOf(parts) };
    this.#updates = new EntityUpdates(this.#context);
    this.keyPrefix = layout.prefix;
    this.batchTtlSeconds = options.batchTtlSeconds;
    this.streamingTtlSeconds = options.streamingTtlSeconds;
    this.#groups = new Map(
      layout.groups.names.map((name) => [name, new VipGroup(this.#context, name)]),
    );
  }

  /**
   * Connects, and finds out whether it is a cluster or one server. What is not there yet is waited
   * for until `connectTimeoutMs`; a wrong login is reported at once. `signal` ends the attempt.
   * @throws FeatureStoreError INVALID_OPTION, INVALID_ID, CONNECT_FAILED, ACCESS_DENIED, ABORTED
   */
  static async connect(
    options: FeatureStoreOptions,
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<FeatureStore> {
    const resolved = resolveOptions(options);
    const limits = defaultLimits;
    const connection = await connect(resolved.target, { ...resolved, limits, signal });
    return new FeatureStore(new ServerBackend(connection), resolved);
  }

  /** The key that holds the entity. @throws FeatureStoreError INVALID_ID */
  keyFor(id: string): string {
    return this.#context.layout.keyFor(id);
  }

  /** The slot of the entity's key, 0 to 16383. @throws FeatureStoreError INVALID_ID */
  slotFor(id: string): number {
    return slotOf(this.keyFor(id));
  }

  /** `host:port` of the entity's primary, if it has one. @throws FeatureStoreError INVALID_ID */
  shardFor(id: string): string | undefined {
    return this.#context.backend.topology.ownerOf(this.slotFor(id));
  }

  /**
   * Writes batch features: HSET and EXPIRE per entity, one pipeline per shard. See `FeatureRows`.
   * @returns `{ loaded, failed: [{ id, error }], elapsedMs }`
   * @throws PartialLoadError PARTIAL_LOAD: aborted, the source threw, or 1,000,000 rows failed
   */
  async bulkLoad(rows: FeatureRows, options: LoadOptions = NO_OPTIONS): Promise<LoadResult> {
    checkCallOptions('bulkLoad', options, ['ttlSeconds', 'minReplicas', 'onProgress']);
    const ttlSeconds = options.ttlSeconds ?? this.batchTtlSeconds;
    return loadRows(this.#context, rows, bulkWriter(this.#context, ttlSeconds), options);
  }

  /**
   * Writes streaming features and their TTL in one atomic step; the key's TTL stays.
   * @throws FeatureStoreError UNSUPPORTED_SERVER below Redis 7.4 and Valkey 9.0, NOT_REPLICATED
   */
  async updateStreaming(
    id: string,
    features: Features,
    options: WriteOptions & { readonly ttlSeconds?: number } = NO_OPTIONS,
  ): Promise<void> {
    checkCallOptions('updateStreaming', options, ['ttlSeconds', 'minReplicas']);
    const ttlSeconds = options.ttlSeconds ?? this.streamingTtlSeconds;
    await this.#updates.streaming(id, features, ttlSeconds, options);
  }

  /**
   * `updateStreaming` for many entities; rows as for `bulkLoad`.
   * @returns `{ loaded, failed: [{ id, error }], elapsedMs }`
   * @throws FeatureStoreError UNSUPPORTED_SERVER, and PartialLoadError PARTIAL_LOAD
   */
  async updateStreamingBatch(
    rows: FeatureRows,
    options: LoadOptions = NO_OPTIONS,
  ): Promise<LoadResult> {
    checkCallOptions('updateStreamingBatch', options, ['ttlSeconds', 'minReplicas', 'onProgress']);
    const ttlSeconds = options.ttlSeconds ?? this.streamingTtlSeconds;
    return this.#updates.streamingBatch(rows, ttlSeconds, options);
  }

  /**
   * Writes one batch feature; the key's TTL stays. A new entity gets the store's `batchTtlSeconds`,
   * so that it cannot live for ever.
   * @throws FeatureStoreError NOT_REPLICATED with `minReplicas`
   */
  async updateBatchFeature(
    id: string,
    name: string,
    value: FeatureValue,
    options: WriteOptions = NO_OPTIONS,
  ): Promise<void> {
    checkCallOptions('updateBatchFeature', options, ['minReplicas']);
    await this.#updates.batchFeature(id, name, value, options);
  }

  /**
   * Reads features of one entity by name. Without names it is HGETALL, for debugging.
   * @returns `{ name: value }`; absent features are left out, so an absent entity is `{}`
   * @throws FeatureStoreError NOT_TEXT: a value is no text, and was not asked for as bytes
   */
  async getFeatures<As extends ValuesAs = 'text'>(
    id: string,
    names?: readonly string[],
    options: ValueOptions<As> = NO_OPTIONS,
  ): Promise<RowOf<As>> {
    checkCallOptions('getFeatures', options, ['as']);
    if (names === undefined) return readEntity(this.#context, id, options);
    const { rows, failed } = await readBatch(
      this.#context,
      { ids: [id], shape: this.#context.readShapes.of(names) },
      options,
    );
    if (failed[0]) throw failed[0].error;
    return rows[0] ?? ({} as RowOf<As>);
  }

  /**
   * Reads features of many entities: one HMGET per id, one pipeline per shard, all in parallel.
   * @returns `rows[i]` for `ids[i]`, duplicates too; `{}` where the entity has none of the features
   * @throws PartialBatchError PARTIAL_BATCH: some ids failed; it carries the rows that arrived
   */
  batchGetFeatures<As extends ValuesAs = 'text'>(
    ids: Iterable<string>,
    names: readonly string[],
    options: ReadOptions<As> & { readonly onFailure: 'return' },
  ): Promise<PartialRows<RowOf<As>>>;
  batchGetFeatures<As extends ValuesAs = 'text'>(
    ids: Iterable<string>,
    names: readonly string[],
    options?: ReadOptions<As> & { readonly onFailure?: 'throw' },
  ): Promise<RowOf<As>[]>;
  async batchGetFeatures<As extends ValuesAs>(
    ids: Iterable<string>,
    names: readonly string[],
    options: ReadOptions<As> = NO_OPTIONS,
  ): Promise<RowOf<As>[] | PartialRows<RowOf<As>>> {
    checkReadOptions('batchGetFeatures', options);
    const plan = { ids: idsOf(ids), shape: this.#context.readShapes.of(names) };
    const result = await readBatch(this.#context, plan, options);
    return options.onFailure === 'return' ? result : rowsOrThrow(result);
  }

  /**
   * `batchGetFeatures` for an (async) iterable of any length: chunks in order, in bounded memory.
   * @returns `{ ids, rows, failed }`, chunk by chunk; the next is read while the caller has one
   * @throws PartialBatchError PARTIAL_BATCH: some ids of a chunk failed
   */
  streamFeatures<As extends ValuesAs = 'text'>(
    ids: Iterable<string> | AsyncIterable<string>,
    names: readonly string[],
    options: StreamOptions<As> = NO_OPTIONS,
  ): AsyncGenerator<FeatureChunk<RowOf<As>>> {
    return streamFeatures(this.#context, ids, names, options);
  }

  /** A group of `vipGroups`. @throws FeatureStoreError UNKNOWN_VIP_GROUP */
  vipGroup(name: string): VipGroup {
    return this.#groups.get(name) ?? this.#context.layout.groups.refuse(name);
  }

  /**
   * Reads every field of an entity with its TTL, for people who ask why a feature is missing.
   * @returns `{ exists, keyTtlSeconds, fields: [{ name, value, ttlSeconds }] }`, fields by name; a
   * TTL in seconds is -1 where there is none, and `keyTtlSeconds` -2 where there is no entity
   * @throws FeatureStoreError WRONG_TYPE the key is no hash
   */
  async inspect(id: string, options: CallOptions = NO_OPTIONS): Promise<InspectedEntity> {
    checkCallOptions('inspect', options);
    return inspectEntity(this.#context, id, options);
  }

  /**
   * The TTL of an entity's key (https://redis.io/docs/latest/commands/ttl/).
   * @returns seconds until it expires; -1: no TTL; -2: no such entity
   * @throws FeatureStoreError INVALID_ID
   */
  async keyTtlSeconds(id: string, options: CallOptions = NO_OPTIONS): Promise<number> {
    checkCallOptions('keyTtlSeconds', options);
    const read = ([ttl]: readonly unknown[]): number => Number(ttl);
    return deliverOne(this.#context, { id, commands: [['TTL']], read }, options);
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
    checkCallOptions('fieldTtlsSeconds', options);
    this.#context.layout.check(id);
    checkNames(names);
    if (names.length === 0) return {};
    const ttls = await readFieldTtls(this.#context, id, names, String, options);
    return Object.fromEntries(names.map((name, index) => [name, ttls[index] ?? -2]));
  }

  /**
   * Every id, in no order, as SCAN finds them (https://redis.io/docs/latest/commands/scan/): one may
   * come twice while a server resizes its table, and one that moves meanwhile may be missed.
   * @returns ids, as they are found
   * @throws FeatureStoreError UNEXPECTED_REPLY
   */
  scanEntityIds(options: CallOptions = NO_OPTIONS): AsyncGenerator<string> {
    checkCallOptions('scanEntityIds', options);
    return scanEntityIds(this.#context, options);
  }

  /**
   * Some ids, sorted: the first that SCAN finds on each shard, in equal parts.
   * @param limit - how many ids in all, 1 to 10,000,000; 200 where it is not given
   * @returns the ids
   * @throws FeatureStoreError INVALID_OPTION a limit that is none
   */
  async listEntityIds(
    limit: number = DEFAULT_LISTED_IDS,
    options: CallOptions = NO_OPTIONS,
  ): Promise<string[]> {
    checkCallOptions('listEntityIds', options);
    checkInteger('listEntityIds limit', limit, { min: 1, max: MAX_LISTED_IDS });
    return listEntityIds(this.#context, limit, options);
  }

  /**
   * How many entities there are, as SCAN finds them: one that moves meanwhile may be missed.
   * @returns their number
   * @throws FeatureStoreError INVALID_OPTION
   */
  async countEntities(options: CallOptions = NO_OPTIONS): Promise<number> {
    checkCallOptions('countEntities', options);
    const counts = await countByShard(this.#context, options);
    return Object.values(counts).reduce((total, count) => total + count, 0);
  }

  /**
   * How many entities each shard has, as `countEntities` counts them.
   * @returns `{ 'host:port': count }` by primary
   * @throws FeatureStoreError INVALID_OPTION
   */
  async countEntitiesByShard(options: CallOptions = NO_OPTIONS): Promise<Record<string, number>> {
    checkCallOptions('countEntitiesByShard', options);
    return countByShard(this.#context, options);
  }

  /**
   * Deletes an entity, whatever features it has.
   * @returns whether there was one
   * @throws FeatureStoreError INVALID_ID
   */
  async deleteEntity(id: string, options: CallOptions = NO_OPTIONS): Promise<boolean> {
    checkCallOptions('deleteEntity', options);
    const read = ([count]: readonly unknown[]): boolean => Number(count) === 1;
    return deliverOne(this.#context, { id, commands: [['DEL']], read }, options);
  }

  /**
   * Deletes every key under the prefix, entities or not, with one UNLINK each.
   * @returns how many keys were deleted
   * @throws FeatureStoreError TIMEOUT of a page of keys; some are deleted by then
   */
  async reset(options: CallOptions = NO_OPTIONS): Promise<number> {
    checkCallOptions('reset', options);
    return deleteAll(this.#context, options);
  }

  /**
   * The shards and their slots, as the store routes by them now.
   * @param options - `refresh`: whether the nodes are asked anew first; false where not given
   * @returns `{ mode, shards: [{ address, replicas, slotCount, slotRanges }] }`
   * @throws FeatureStoreError INVALID_OPTION
   */
  async topology(options: { readonly refresh?: boolean } = {}): Promise<StoreTopology> {
    checkKeys('topology options', options, ['refresh']);
    const { refresh = false } = options;
    if (typeof refresh !== 'boolean') {
      refuse(`topology options.refresh must be true or false, but is ${show(refresh)}.`);
    }
    const { backend } = this.#context;
    if (refresh) await backend.refresh();
    return { mode: backend.mode, shards: [...backend.topology.shards()] };
  }

  /** Counters since `connect` or `resetStats`, also by shard. */
  stats(): StoreStats {
    return { ...this.#context.counters, ...this.#context.backend.counters.snapshot() };
  }

  /** Sets every counter of `stats` to 0. */
  resetStats(): void {
    Object.assign(this.#context.counters, zeroCounters());
    this.#context.backend.counters.reset();
  }

  /**
   * Closes every connection that the store opened. Calls that are under way reject with CLOSED; a
   * `redis` that the caller gave stays open. Never rejects.
   */
  async close(): Promise<void> {
    await this.#context.backend.close();
  }
}

// A method named by a symbol that the runtime does not know would be named 'undefined'.
const asyncDispose: symbol | undefined = Symbol.asyncDispose;
if (asyncDispose !== undefined) {
  Object.defineProperty(FeatureStore.prototype, asyncDispose, {
    value(this: FeatureStore): Promise<void> {
      return this.close();
    },
    configurable: true,
    writable: true,
  });
}
