/**
 * A feature store under work: reads of every kind, bulk loads and streaming writes, all at once and
 * all the time, every row checked against the model.
 *
 *   start: every entity loaded ─▶ readers and writers run ─▶ stop: every entity and its TTLs checked once more
 *
 * Each reader and writer draws its choices from a generator of its own, so the same seed gives the
 * same choices, however the calls interleave.
 */

import { setTimeout as pause } from 'node:timers/promises';
import { sample, seededRandom, type Random } from '../../src/synthetic/seeded-random.ts';
import {
  FeatureStoreError,
  PartialLoadError,
  type CallOptions,
  type FeatureStore,
  type PartialRows,
} from '../../src/index.ts';
import { Checker, type Tolerate } from './checker.ts';
import { FEATURE_NAMES, LAYERS, Model, valuesOf, type Layer } from './model.ts';
import { count, total, type Tally } from './tally.ts';

export interface WorkloadOptions {
  /** Each call takes one of them: what one store wrote the others must see. */
  readonly stores: readonly [FeatureStore, ...FeatureStore[]];
  readonly seed: number;
  /** Entities outside the VIP group. @default 3000 */
  readonly entityCount?: number;
  /** A group of the stores; its members are entities too. */
  readonly vipGroup?: string;
  /** The deadline of every call. @default 30_000 */
  readonly timeoutMs?: number;
  /** How long a reader or writer rests between two calls, at most. @default 4 */
  readonly restMs?: number;
  /** Which losses of acknowledged writes are not the store's. @default none */
  readonly tolerate?: Tolerate;
}

const IDS_PER_READ = 300;
const ROWS_PER_LOAD = 150;
/** Ids of a read that were never written. */
const STRANGERS_PER_READ = 5;
const IDS_PER_STREAM_CHUNK = 500;
const CALLS_AT_ONCE = 100;

type Work = (random: Random) => Promise<void>;

export class Workload {
  readonly checker: Checker;
  readonly ids: readonly string[];
  /** The share of batch calls whose signal fires early. */
  abortShare = 0;
  readonly #options: WorkloadOptions;
  readonly #timeoutMs: number;
  readonly #startedAtMs = performance.now();
  #stopping = false;
  #loops: Promise<unknown> = Promise.resolve();

  /** Loads every entity and begins to work. */
  static async start(options: WorkloadOptions): Promise<Workload> {
    const workload = new Workload(options);
    await workload.#loadAll();
    workload.#begin();
    return workload;
  }

  private constructor(options: WorkloadOptions) {
    const { stores, vipGroup, entityCount = 3_000, seed, tolerate } = options;
    const members = vipGroup === undefined ? [] : stores[0].vipGroup(vipGroup).ids;
    this.ids = [...Array.from({ length: entityCount }, (_, n) => `e${n}`), ...members];
    const model = new Model(this.ids, () => this.elapsedMs);
    this.checker = new Checker(model, seed, tolerate);
    this.#options = options;
    this.#timeoutMs = options.timeoutMs ?? 30_000;
  }

  /** Since the start; the clock of histories and losses. */
  get elapsedMs(): number {
    return performance.now() - this.#startedAtMs;
  }

  get tally(): Tally {
    return this.checker.tally;
  }

  get model(): Model {
    return this.checker.model;
  }

  /** No new call begins; those under way end by their deadline, or when their store is closed. */
  halt(): void {
    this.#stopping = true;
  }

  /** Ends the work and looks at every entity once more. */
  async stop(): Promise<Tally> {
    this.halt();
    await this.#loops;
    for (const store of this.#options.stores) await this.readAll(store);
    await this.#checkAllTtls();
    return this.tally;
  }

  /** Reads every entity through this store and checks each. */
  async readAll(store: FeatureStore): Promise<void> {
    const { model } = this;
    const floors = model.floorsOf(this.ids);
    const { rows, failed } = await store.batchGetFeatures(this.ids, FEATURE_NAMES, {
      onFailure: 'return',
    });
    this.checker.checkRows(this.ids, floors, rows, failed);
  }

  async #loadAll(): Promise<void> {
    const [store] = this.#options.stores;
    for (const layer of ['batch', 'streaming'] as const) {
      await this.#load(layer, this.ids, (rows) =>
        layer === 'batch' ? store.bulkLoad(rows) : store.updateStreamingBatch(rows),
      );
    }
    for (let begin = 0; begin < this.ids.length; begin += CALLS_AT_ONCE) {
      const ids = this.ids.slice(begin, begin + CALLS_AT_ONCE);
      await Promise.all(ids.map((id) => this.#writeOne(store, 'single', id)));
    }
    if (this.tally.acknowledgedRows !== LAYERS.length * this.ids.length) {
      throw new Error(`the first load failed: ${JSON.stringify(this.tally.failedWrites)}`);
    }
  }

  #begin(): void {
    const works: Work[] = [
      (random) => this.#readBatch(random),
      (random) => this.#readBatch(random),
      (random) => this.#readOne(random),
      (random) => this.#readOne(random),
      (random) => this.#readStream(random),
      (random) => this.#readTtls(random),
      (random) => this.#loadSome(random, 'batch'),
      (random) => this.#loadSome(random, 'streaming'),
      (random) => this.#writeSome(random, 'streaming'),
      (random) => this.#writeSome(random, 'single'),
    ];
    if (this.#options.vipGroup !== undefined) works.push((random) => this.#readVip(random));
    const loops = works.map((work, index) =>
      this.#repeat(work, seededRandom(this.#options.seed + index)),
    );
    this.#loops = Promise.all(loops);
  }

  async #repeat(work: Work, random: Random): Promise<void> {
    const restMs = this.#options.restMs ?? 4;
    while (!this.#stopping) {
      const startedAtMs = performance.now();
      try {
        await work(random);
      } catch (error) {
        this.checker.violation(`a call threw ${error instanceof Error ? error.stack : error}`);
      }
      const overrunMs = performance.now() - startedAtMs - this.#timeoutMs;
      this.tally.longestOverrunMs = Math.max(this.tally.longestOverrunMs, overrunMs);
      await pause(restMs * random.next());
    }
  }

  #store(random: Random): FeatureStore {
    return random.pick(this.#options.stores);
  }

  /** Options of a batch call, whose signal may fire while it runs. */
  #callOptions(random: Random): CallOptions {
    const timeoutMs = this.#timeoutMs;
    if (random.next() >= this.abortShare) return { timeoutMs };
    return { timeoutMs, signal: AbortSignal.timeout(random.integer(0, 10)) };
  }

  async #readBatch(random: Random): Promise<void> {
    const ids = sample(random, this.ids, IDS_PER_READ - STRANGERS_PER_READ);
    for (let n = 0; n < STRANGERS_PER_READ; n++) ids.push(`nobody${random.integer(0, 1_000)}`);
    ids.push(...ids.slice(0, 3)); // duplicates
    const options = { ...this.#callOptions(random), onFailure: 'return' } as const;
    const store = this.#store(random);
    await this.#read(ids, () => store.batchGetFeatures(ids, FEATURE_NAMES, options));
  }

  async #readOne(random: Random): Promise<void> {
    const ids = sample(random, this.ids, 1);
    const options = { timeoutMs: this.#timeoutMs };
    const store = this.#store(random);
    await this.#read(ids, async () => ({
      rows: [await store.getFeatures(ids[0] ?? '', FEATURE_NAMES, options)],
      failed: [],
    }));
  }

  async #read(ids: readonly string[], call: () => Promise<PartialRows>): Promise<void> {
    const floors = this.model.floorsOf(ids);
    try {
      const { rows, failed } = await call();
      this.checker.checkRows(ids, floors, rows, failed);
    } catch (error) {
      this.checker.countFailed([codeOf(error)]);
    }
  }

  async #readStream(random: Random): Promise<void> {
    const { model } = this;
    const options = {
      ...this.#callOptions(random),
      onFailure: 'return',
      chunkSize: IDS_PER_STREAM_CHUNK,
    } as const;
    const floors = model.floorsOf(this.ids);
    let begin = 0;
    try {
      const chunks = this.#store(random).streamFeatures(this.ids, FEATURE_NAMES, options);
      for await (const { ids, rows, failed } of chunks) {
        const floorsPerId = floors.length / this.ids.length;
        const part = floors.subarray(begin * floorsPerId, (begin + ids.length) * floorsPerId);
        this.checker.checkRows(ids, part, rows, failed);
        begin += ids.length;
        if (this.#stopping) return;
      }
    } catch (error) {
      this.checker.countFailed([codeOf(error)]);
    }
  }

  async #readVip(random: Random): Promise<void> {
    const options = { ...this.#callOptions(random), onFailure: 'return' } as const;
    const group = this.#store(random).vipGroup(this.#options.vipGroup ?? '');
    await this.#read(group.ids, () => group.batchGetFeatures(FEATURE_NAMES, options));
  }

  async #readTtls(random: Random): Promise<void> {
    await this.#checkTtls(this.#store(random), sample(random, this.ids, 1)[0] ?? '');
  }

  async #checkTtls(store: FeatureStore, id: string): Promise<void> {
    const floors = this.model.floorsOf([id]);
    const options = { timeoutMs: this.#timeoutMs };
    try {
      const [keyTtl, fieldTtls] = await Promise.all([
        store.keyTtlSeconds(id, options),
        store.fieldTtlsSeconds(id, FEATURE_NAMES, options),
      ]);
      this.checker.checkTtls(id, keyTtl, fieldTtls, floors, store);
    } catch (error) {
      this.checker.countFailed([codeOf(error)]);
    }
  }

  async #checkAllTtls(): Promise<void> {
    const [store] = this.#options.stores;
    const failedBefore = total(this.tally.failedRows);
    for (let begin = 0; begin < this.ids.length; begin += CALLS_AT_ONCE) {
      const ids = this.ids.slice(begin, begin + CALLS_AT_ONCE);
      await Promise.all(ids.map((id) => this.#checkTtls(store, id)));
      // Each of them may last as long as its deadline.
      if (total(this.tally.failedRows) > failedBefore) {
        return this.checker.violation('TTLs cannot be read although all faults are over');
      }
    }
  }

  async #loadSome(random: Random, layer: 'batch' | 'streaming'): Promise<void> {
    const store = this.#store(random);
    const ids = this.#idle(random, layer, ROWS_PER_LOAD);
    const options = this.#callOptions(random);
    await this.#load(layer, ids, (rows) => {
      // Now as an array, which is checked whole, now as an iterable, which is pulled.
      const source = random.next() < 0.5 ? rows : rows.values();
      return layer === 'batch'
        ? store.bulkLoad(source, options)
        : store.updateStreamingBatch(source, options);
    });
  }

  async #load(
    layer: Layer,
    ids: readonly string[],
    write: (
      rows: (readonly [string, Record<string, string>])[],
    ) => ReturnType<FeatureStore['bulkLoad']>,
  ): Promise<void> {
    const { model, tally } = this;
    const rows = ids.map((id) => [id, valuesOf(layer, id, model.begin(layer, id))] as const);
    tally.writes++;
    const codes = new Map<string, string>();
    try {
      const { loaded, failed } = await write(rows);
      for (const { id, error } of failed) codes.set(id, error.code);
      if (loaded + codes.size !== ids.length) {
        this.checker.violation(`${loaded} loaded and ${codes.size} failed of ${ids.length} rows`);
      }
    } catch (error) {
      // Some rows may have been written; nobody says which.
      for (const id of ids) codes.set(id, codeOf(error));
    }
    for (const id of ids) this.#settle(layer, id, codes.get(id));
  }

  async #writeSome(random: Random, layer: 'single' | 'streaming'): Promise<void> {
    const [id] = this.#idle(random, layer, 1);
    if (id !== undefined) await this.#writeOne(this.#store(random), layer, id);
  }

  async #writeOne(store: FeatureStore, layer: 'single' | 'streaming', id: string): Promise<void> {
    const values = valuesOf(layer, id, this.model.begin(layer, id));
    const options = { timeoutMs: this.#timeoutMs };
    this.tally.writes++;
    try {
      if (layer === 'streaming') await store.updateStreaming(id, values, options);
      else {
        const [[name = '', value = ''] = []] = Object.entries(values);
        await store.updateBatchFeature(id, name, value, options);
      }
      this.#settle(layer, id, undefined);
    } catch (error) {
      this.#settle(layer, id, codeOf(error));
    }
  }

  #settle(layer: Layer, id: string, code: string | undefined): void {
    if (code === undefined) {
      this.tally.acknowledgedRows++;
      this.model.acknowledge(layer, id);
    } else {
      count(this.tally.failedWrites, code);
      this.model.fail(layer, id, code);
    }
  }

  /** Ids of which no write of the layer is under way. */
  #idle(random: Random, layer: Layer, idCount: number): string[] {
    const drawn = sample(random, this.ids, idCount + 2 * ROWS_PER_LOAD);
    return drawn.filter((id) => !this.model.isBusy(layer, id)).slice(0, idCount);
  }
}

/** The code of the store's errors; any other error is a finding, and goes on. */
function codeOf(error: unknown): string {
  if (error instanceof PartialLoadError) return codeOf(error.cause);
  if (error instanceof FeatureStoreError) return error.code;
  throw error;
}
