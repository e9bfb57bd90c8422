/** Writes layers of entities, version after version, and has the model know what came of it. */

import { sample, type Random } from '../../src/synthetic/seeded-random.ts';
import { FeatureStoreError, PartialLoadError, type LoadResult } from '../../src/index.ts';
import type { Checker } from './checker.ts';
import { valuesOf, type Layer } from './layers.ts';
import type { Model } from './model.ts';
import { count } from './tally.ts';

/** How many more ids are looked at than are wanted, as writes of some are under way. */
const MORE_IDS = 300;

/** Features that a version of a layer has, and null for those that are to be deleted. */
export type LayerRow = readonly [id: string, values: Readonly<Record<string, string | null>>];
type ValuesOf = (layer: Layer, id: string, version: number) => LayerRow[1];

export class LayerWrites {
  readonly checker: Checker<Model>;

  constructor(checker: Checker<Model>) {
    this.checker = checker;
  }

  /** Ids of which no write of the layer is under way. */
  idle(random: Random, layer: Layer, idCount: number): string[] {
    const { model } = this.checker;
    const drawn = sample(random, model.ids, idCount + MORE_IDS);
    return drawn.filter((id) => !model.isBusy(layer, id)).slice(0, idCount);
  }

  /** The next version of each. */
  async load(
    layer: Layer,
    ids: readonly string[],
    write: (rows: LayerRow[]) => Promise<Pick<LoadResult, 'loaded' | 'failed'>>,
    valuesAt: ValuesOf = valuesOf,
  ): Promise<void> {
    const { model, tally } = this.checker;
    const rows = ids.map((id) => [id, valuesAt(layer, id, model.begin(layer, id))] as const);
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

  /** The next version of one. */
  async one(
    layer: Layer,
    id: string,
    write: (values: LayerRow[1]) => Promise<unknown>,
    valuesAt: ValuesOf = valuesOf,
  ): Promise<void> {
    const { model, tally } = this.checker;
    const values = valuesAt(layer, id, model.begin(layer, id));
    tally.writes++;
    try {
      await write(values);
      this.#settle(layer, id, undefined);
    } catch (error) {
      this.#settle(layer, id, codeOf(error));
    }
  }

  #settle(layer: Layer, id: string, code: string | undefined): void {
    const { model, tally } = this.checker;
    if (code === undefined) {
      tally.acknowledgedRows++;
      model.acknowledge(layer, id);
    } else {
      count(tally.failedWrites, code);
      model.fail(layer, id, code);
    }
  }
}

/** The code of the store's errors; any other error is a finding, and goes on. */
export function codeOf(error: unknown): string {
  if (error instanceof PartialLoadError) return codeOf(error.cause);
  if (error instanceof FeatureStoreError) return error.code;
  throw error;
}
