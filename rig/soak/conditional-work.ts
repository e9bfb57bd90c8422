/**
 * Replacements, nulls, event times and `ifExists`, on entities of their own:
 *
 *   r…  replaced whole, under streaming features that are written where the entity exists
 *       the first of them also by many writers at once, with event times
 *   n…  a set of features replaced, others merged with nulls, streaming features with nulls
 *   g…  ghosts: written where they exist, which they never do
 */

import { sample, seededRandom, type Random } from '../../src/synthetic/seeded-random.ts';
import type { CallOptions, FeatureStore, LoadResult, SkippedRow } from '../../src/index.ts';
import type { Checker } from './checker.ts';
import { GhostModel } from './ghost-model.ts';
import { codeOf, LayerWrites, type LayerRow } from './layer-writes.ts';
import { namesOf, valuesAndNulls, valuesOf, type Layer } from './layers.ts';
import { Model, type Expectations } from './model.ts';
import { total } from './tally.ts';
import { TimeModel } from './time-model.ts';
import { TimedWrites } from './timed-writes.ts';

/** What the workload lends. */
export interface Surroundings {
  /** Counts with the workload's. */
  checkerOf<Other extends Expectations>(model: Other): Checker<Other>;
  elapsedMs(): number;
  store(random: Random): FeatureStore;
  callOptions(random: Random): CallOptions;
  readonly timeoutMs: number;
}

const ENTITIES = 200;
const TIMED_ENTITIES = 40;
const GHOSTS = 100;
const ROWS_PER_LOAD = 50;
const GHOSTS_PER_LOAD = 5;
const IDS_PER_READ = 60;
const CALLS_AT_ONCE = 100;

export class ConditionalWork {
  /** Of all that exist. */
  readonly ids: readonly string[];
  readonly works: readonly ((random: Random) => Promise<void>)[];
  readonly #around: Surroundings;
  readonly #replaced: LayerWrites;
  readonly #nulled: LayerWrites;
  readonly #timed: TimedWrites;
  readonly #ghosts: Checker<GhostModel>;

  constructor(around: Surroundings) {
    const idsOf = (prefix: string, count: number): string[] =>
      Array.from({ length: count }, (_, n) => `${prefix}${n}`);
    const [replaced, nulled] = [idsOf('r', ENTITIES), idsOf('n', ENTITIES)];
    const { checkerOf, elapsedMs } = around;
    const writesOf = (ids: readonly string[], layers: readonly Layer[]): LayerWrites =>
      new LayerWrites(checkerOf(new Model(ids, elapsedMs, layers)));
    this.#around = around;
    this.#replaced = writesOf(replaced, ['replaced', 'streaming']);
    this.#nulled = writesOf(nulled, ['subset', 'nulled', 'fleeting']);
    const timed = new TimeModel(replaced.slice(0, TIMED_ENTITIES), elapsedMs);
    this.#timed = new TimedWrites(checkerOf(timed), around);
    this.#ghosts = checkerOf(new GhostModel(idsOf('g', GHOSTS)));
    this.ids = [...replaced, ...nulled];
    this.works = [
      (random) => this.#load(random, random.pick(['replaced', 'subset', 'nulled'])),
      (random) => this.#stream(random),
      (random) => this.#timed.write(random),
      (random) => this.#read(random),
    ];
  }

  get models(): readonly Expectations[] {
    return this.#checkers.map(({ model }) => model);
  }

  get #checkers(): readonly Checker[] {
    return [this.#replaced.checker, this.#nulled.checker, this.#timed.checker, this.#ghosts];
  }

  /** Loads every entity, and gives how many rows that takes. */
  async loadAll(store: FeatureStore): Promise<number> {
    const [replaced, nulled] = [this.#replaced, this.#nulled];
    const { ids } = replaced.checker.model;
    const { ids: nulledIds } = nulled.checker.model;
    await replaced.load('replaced', ids, (rows) => store.bulkLoad(rows, { mode: 'replace' }));
    await replaced.load('streaming', ids, (rows) =>
      store.updateStreamingBatch(rows, { ifExists: true }),
    );
    await nulled.load('subset', nulledIds, (rows) => store.bulkLoad(rows));
    await nulled.load('nulled', nulledIds, (rows) => store.bulkLoad(rows));
    await nulled.load('fleeting', nulledIds, (rows) => store.updateStreamingBatch(rows));
    const { model } = this.#timed.checker;
    await this.#timed.write(seededRandom(1), [...model.ids], 1);
    return 2 * ids.length + 3 * nulledIds.length + model.ids.length;
  }

  /** Reads every entity through this store and checks each. */
  async readAll(store: FeatureStore): Promise<void> {
    for (const checker of this.#checkers) await readRows(checker, checker.model.ids, store);
  }

  /** At the TTLs of every entity, and for ghosts. */
  async lastLook(store: FeatureStore): Promise<void> {
    for (const checker of this.#checkers) {
      const { ids } = checker.model;
      const failedBefore = total(checker.tally.failedRows);
      for (let begin = 0; begin < ids.length; begin += CALLS_AT_ONCE) {
        const some = ids.slice(begin, begin + CALLS_AT_ONCE);
        await Promise.all(some.map((id) => this.#checkTtls(checker, store, id)));
        if (total(checker.tally.failedRows) > failedBefore) {
          return checker.violation('TTLs cannot be read although all faults are over');
        }
      }
    }
  }

  async #load(random: Random, layer: 'replaced' | 'subset' | 'nulled'): Promise<void> {
    const { store, callOptions } = this.#around;
    const writes = layer === 'replaced' ? this.#replaced : this.#nulled;
    const ids = writes.idle(random, layer, ROWS_PER_LOAD);
    const options = callOptions(random);
    const terms = {
      replaced: { mode: 'replace' },
      subset: { mode: 'replace', features: namesOf(['subset']) },
      nulled: { mode: 'merge' },
    } as const;
    // Null deletes, as to be left out does where the row is replaced.
    const withNulls = layer === 'nulled' || (layer === 'replaced' && random.next() < 0.3);
    await writes.load(
      layer,
      ids,
      (rows) => {
        const source = random.next() < 0.5 ? rows : rows.values();
        return store(random).bulkLoad(source, { ...options, ...terms[layer] });
      },
      withNulls ? valuesAndNulls : valuesOf,
    );
  }

  async #stream(random: Random): Promise<void> {
    const store = this.#around.store(random);
    const options = this.#around.callOptions(random);
    const [replaced, nulled] = [this.#replaced, this.#nulled];
    const works: readonly [() => Promise<void>, ...(() => Promise<void>)[]] = [
      () =>
        replaced.load('streaming', replaced.idle(random, 'streaming', ROWS_PER_LOAD), (rows) =>
          this.#loadWhereItExists(random, store, rows),
        ),
      () => this.#writeWhereItExists(random, store, replaced, 'streaming'),
      () => this.#writeGhost(random, store),
      () =>
        nulled.load(
          'fleeting',
          nulled.idle(random, 'fleeting', ROWS_PER_LOAD),
          (rows) => store.updateStreamingBatch(rows, options),
          valuesAndNulls,
        ),
      () => this.#writeWhereItExists(random, store, nulled, 'fleeting'),
    ];
    await random.pick(works)();
  }

  async #writeWhereItExists(
    random: Random,
    store: FeatureStore,
    writes: LayerWrites,
    layer: 'streaming' | 'fleeting',
  ): Promise<void> {
    const options = { timeoutMs: this.#around.timeoutMs, ifExists: true };
    const [id] = writes.idle(random, layer, 1);
    if (id === undefined) return;
    const write = async (values: LayerRow[1]): Promise<void> => {
      const outcome = await store.updateStreaming(id, values, options);
      if (outcome === 'written') return;
      writes.checker.report(id, { kind: 'ghost', layer, what: `exists, and was ${outcome}` });
    };
    await writes.one(layer, id, write, valuesAndNulls);
  }

  /** Rows of entities that exist among some of ghosts. */
  async #loadWhereItExists(
    random: Random,
    store: FeatureStore,
    rows: readonly LayerRow[],
  ): Promise<Pick<LoadResult, 'loaded' | 'failed'>> {
    const ghosts = new Set(sample(random, this.#ghosts.model.ids, GHOSTS_PER_LOAD));
    const ghostRows = [...ghosts].map((id): LayerRow => [id, valuesOf('streaming', id, 1)]);
    const source = sample(random, [...rows, ...ghostRows], rows.length + ghosts.size);
    const skipped = new Set<string>();
    const onSkipped = ({ id, reason }: SkippedRow): void => {
      skipped.add(id);
      if (reason === 'absent' && ghosts.has(id)) return;
      this.#ghosts.report(id, { kind: 'ghost', layer: 'streaming', what: `exists, is ${reason}` });
    };
    const options = { ...this.#around.callOptions(random), ifExists: true, onSkipped };
    const result = await store.updateStreamingBatch(source, options);
    const failed = result.failed.filter(({ id }) => !ghosts.has(id));
    const failedGhosts = new Set(result.failed.map(({ id }) => id).filter((id) => ghosts.has(id)));
    for (const id of ghosts) {
      if (skipped.has(id) || failedGhosts.has(id)) continue;
      this.#ghosts.report(id, { kind: 'ghost', layer: 'streaming', what: 'was written' });
    }
    return { failed, loaded: result.loaded };
  }

  async #writeGhost(random: Random, store: FeatureStore): Promise<void> {
    const [id = ''] = sample(random, this.#ghosts.model.ids, 1);
    const eventTimeMs = random.next() < 0.5 ? random.integer(0, 1_000) : undefined;
    const time = eventTimeMs === undefined ? {} : { eventTimeMs };
    const options = { timeoutMs: this.#around.timeoutMs, ifExists: true, ...time };
    this.#ghosts.tally.writes++;
    try {
      const outcome = await store.updateStreaming(id, valuesOf('streaming', id, 1), options);
      if (outcome === 'absent') return;
      this.#ghosts.report(id, { kind: 'ghost', layer: 'streaming', what: `was ${outcome}` });
    } catch (error) {
      this.#ghosts.countFailed([codeOf(error)]);
    }
  }

  async #read(random: Random): Promise<void> {
    const [first = this.#ghosts, ...others] = this.#checkers;
    const checker = random.pick([first, ...others]);
    const store = this.#around.store(random);
    const ids = sample(random, checker.model.ids, random.next() < 0.7 ? IDS_PER_READ : 1);
    try {
      await readRows(checker, ids, store, this.#around.callOptions(random));
    } catch (error) {
      checker.countFailed([codeOf(error)]);
    }
  }

  async #checkTtls(checker: Checker, store: FeatureStore, id: string): Promise<void> {
    const { model } = checker;
    const options = { timeoutMs: this.#around.timeoutMs };
    const floors = model.floorsOf([id]);
    try {
      const keyTtl = await store.keyTtlSeconds(id, options);
      if (model instanceof GhostModel) {
        if (keyTtl === NO_KEY) return;
        checker.report(id, { kind: 'ghost', layer: 'streaming', what: `has TTL ${keyTtl}` });
        return;
      }
      const fieldTtls = await store.fieldTtlsSeconds(id, namesOf(model.layers), options);
      checker.checkTtls(id, keyTtl, fieldTtls, floors, store);
    } catch (error) {
      checker.countFailed([codeOf(error)]);
    }
  }
}

/** What TTL says of a key that does not exist. */
const NO_KEY = -2;

/** One alone is read with all that it has, where the model can do with it. */
async function readRows(
  checker: Checker,
  ids: readonly string[],
  store: FeatureStore,
  options: CallOptions = {},
): Promise<void> {
  const { model } = checker;
  const [id] = ids;
  const floors = model.floorsOf(ids);
  // The time of an event is given to those alone that name it.
  if (ids.length === 1 && id !== undefined && !(model instanceof TimeModel)) {
    checker.checkRows(ids, floors, [await store.getFeatures(id, undefined, options)], []);
    return;
  }
  const names = namesOf(model.layers);
  const { rows, failed } = await store.batchGetFeatures(ids, names, {
    ...options,
    onFailure: 'return',
  });
  checker.checkRows(ids, floors, rows, failed);
}
