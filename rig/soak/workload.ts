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
import type { CallOptions, FeatureStore, PartialRows } from '../../src/index.ts';
import { Checker, type Tolerate } from './checker.ts';
import { ConditionalWork } from './conditional-work.ts';
import { codeOf, LayerWrites } from './layer-writes.ts';
import { FEATURE_NAMES, LAYERS } from './layers.ts';
import { Model } from './model.ts';
import { total, type Tally } from './tally.ts';

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
/** Conditional writes rest so many times as long: each is of many calls. */
const CONDITIONAL_RESTS = 6;
const CALLS_AT_ONCE = 100;

type Work = (random: Random) => Promise<void>;

export class Workload {
  readonly checker: Checker<Model>;
  /** Of all entities. */
  readonly ids: readonly string[];
  /** The share of batch calls whose signal fires early. */
  abortShare = 0;
  readonly #options: WorkloadOptions;
  readonly #timeoutMs: number;
  readonly #writes: LayerWrites;
  readonly #conditional: ConditionalWork;
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
    const ids = [...Array.from({ length: entityCount }, (_, n) => `e${n}`), ...members];
    const model = new Model(ids, () => this.elapsedMs);
    this.checker = new Checker(model, seed, tolerate);
    this.#options = options;
    this.#timeoutMs = options.timeoutMs ?? 30_000;
    this.#writes = new LayerWrites(this.checker);
    this.#conditional = new ConditionalWork({
      checkerOf: (other) => new Checker(other, seed, tolerate, this.tally),
      elapsedMs: () => this.elapsedMs,
      store: (random) => this.#store(random),
      callOptions: (random) => this.#callOptions(random),
      timeoutMs: this.#timeoutMs,
    });
    this.ids = [...ids, ...this.#conditional.ids];
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

  /**
   * What is acknowledged now is on replicas once `arrival` resolves: from then on no failover may
   * lose it.
   */
  async markReplicated(arrival: () => Promise<unknown>): Promise<void> {
    // What was lost before, and not seen yet, is not acknowledged any more.
    await this.readAll(this.#options.stores[0]);
    let arrived: Promise<unknown> | undefined;
    const arrivalOnce = (): Promise<unknown> => (arrived ??= arrival());
    const models = [this.model, ...this.#conditional.models];
    await Promise.all(models.map((model) => model.markReplicated(arrivalOnce)));
  }

  /** Reads every entity through this store and checks each. */
  async readAll(store: FeatureStore): Promise<void> {
    const { ids } = this.model;
    const floors = this.model.floorsOf(ids);
    const { rows, failed } = await store.batchGetFeatures(ids, FEATURE_NAMES, {
      onFailure: 'return',
    });
    this.checker.checkRows(ids, floors, rows, failed);
    await this.#conditional.readAll(store);
  }

  async #loadAll(): Promise<void> {
    const [store] = this.#options.stores;
    const { ids } = this.model;
    await this.#writes.load('batch', ids, (rows) => store.bulkLoad(rows));
    await this.#writes.load('streaming', ids, (rows) => store.updateStreamingBatch(rows));
    for (let begin = 0; begin < ids.length; begin += CALLS_AT_ONCE) {
      const some = ids.slice(begin, begin + CALLS_AT_ONCE);
      await Promise.all(some.map((id) => this.#writeSingle(store, id)));
    }
    const rowCount = LAYERS.length * ids.length + (await this.#conditional.loadAll(store));
    if (this.tally.acknowledgedRows !== rowCount) {
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
    const { seed, restMs = 4 } = this.#options;
    const conditionalRestMs = CONDITIONAL_RESTS * restMs;
    const loops = [
      ...works.map((work, index) => this.#repeat(work, seededRandom(seed + index), restMs)),
      ...this.#conditional.works.map((work, index) =>
        this.#repeat(work, seededRandom(seed + works.length + index), conditionalRestMs),
      ),
    ];
    this.#loops = Promise.all(loops);
  }

  async #repeat(work: Work, random: Random, restMs: number): Promise<void> {
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
    const ids = sample(random, this.model.ids, IDS_PER_READ - STRANGERS_PER_READ);
    for (let n = 0; n < STRANGERS_PER_READ; n++) ids.push(`nobody${random.integer(0, 1_000)}`);
    ids.push(...ids.slice(0, 3)); // duplicates
    const options = { ...this.#callOptions(random), onFailure: 'return' } as const;
    const store = this.#store(random);
    await this.#read(ids, () => store.batchGetFeatures(ids, FEATURE_NAMES, options));
  }

  async #readOne(random: Random): Promise<void> {
    const ids = sample(random, this.model.ids, 1);
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
    const floors = model.floorsOf(model.ids);
    let begin = 0;
    try {
      const chunks = this.#store(random).streamFeatures(model.ids, FEATURE_NAMES, options);
      for await (const { ids, rows, failed } of chunks) {
        const floorsPerId = floors.length / model.ids.length;
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
    await this.#checkTtls(this.#store(random), sample(random, this.model.ids, 1)[0] ?? '');
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
    const { ids } = this.model;
    const failedBefore = total(this.tally.failedRows);
    for (let begin = 0; begin < ids.length; begin += CALLS_AT_ONCE) {
      const some = ids.slice(begin, begin + CALLS_AT_ONCE);
      await Promise.all(some.map((id) => this.#checkTtls(store, id)));
      // Each of them may last as long as its deadline.
      if (total(this.tally.failedRows) > failedBefore) {
        return this.checker.violation('TTLs cannot be read although all faults are over');
      }
    }
    await this.#conditional.lastLook(store);
  }

  async #loadSome(random: Random, layer: 'batch' | 'streaming'): Promise<void> {
    const store = this.#store(random);
    const ids = this.#writes.idle(random, layer, ROWS_PER_LOAD);
    const options = this.#callOptions(random);
    await this.#writes.load(layer, ids, (rows) => {
      // Now as an array, which is checked whole, now as an iterable, which is pulled.
      const source = random.next() < 0.5 ? rows : rows.values();
      return layer === 'batch'
        ? store.bulkLoad(source, options)
        : store.updateStreamingBatch(source, options);
    });
  }

  async #writeSome(random: Random, layer: 'single' | 'streaming'): Promise<void> {
    const [id] = this.#writes.idle(random, layer, 1);
    if (id === undefined) return;
    const store = this.#store(random);
    if (layer === 'single') return this.#writeSingle(store, id);
    const options = { timeoutMs: this.#timeoutMs };
    await this.#writes.one(layer, id, (values) => store.updateStreaming(id, values, options));
  }

  #writeSingle(store: FeatureStore, id: string): Promise<void> {
    const options = { timeoutMs: this.#timeoutMs };
    return this.#writes.one('single', id, (values) => {
      const [[name = '', value = ''] = []] = Object.entries(values);
      return store.updateBatchFeature(id, name, value, options);
    });
  }
}
