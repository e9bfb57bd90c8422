import { CommandWriter, KeyTable, slotOf } from '../cluster/batch.ts';
import {
  checkReadOptions,
  deliverRead,
  type KeyedPlan,
  type PartialRows,
  rowsOrThrow,
} from './batch-read.ts';
import { NO_OPTIONS, type BatchReadOptions, type ReadOptions } from './call-options.ts';
import type { Calls } from './calls.ts';
import { newDeadline, type Context } from './context.ts';
import type { RowOf, ValuesAs } from './features.ts';
import type { ReadShape } from './read-shape.ts';

/**
 * A VIP group: entities whose keys share one slot, so that one pipeline to one shard reads them
 * all.
 * @example
 * ```ts
 * const group = store.vipGroup('vip');
 * const rows = await group.batchGetFeatures(['tx_count_7d']); // rows[i] for group.ids[i]
 * ```
 */
export class VipGroup {
  /** The name in `vipGroups`. */
  readonly name: string;
  /** The ids of the members, in the order of the options; rows come in this order. */
  readonly ids: readonly string[];
  /** The slot of every member's key, 0 to 16383. */
  readonly slot: number;
  readonly #context: Context;
  readonly #calls: Calls;
  #last: KeyedPlan | undefined;

  constructor(context: Context, calls: Calls, name: string) {
    this.#calls = calls;
    this.name = name;
    this.ids = context.layout.groups.membersOf(name);
    this.slot = slotOf(`${context.layout.prefix}{${name}}:`);
    this.#context = context;
  }

  /**
   * `host:port` of the primary that serves the group now; undefined while no node owns its slot.
   */
  shard(): string | undefined {
    return this.#context.backend.topology.ownerOf(this.slot);
  }

  /**
   * Reads features of every member in one pipeline to one shard.
   * @returns `rows[i]` for `ids[i]`; `{}` where the entity has none of the features. With
   * `onFailure: 'return'` it is `{ rows, failed }`
   * @throws PartialBatchError PARTIAL_BATCH: some ids failed; it carries the rows that arrived
   * @throws FeatureStoreError INVALID_FEATURE a name that no feature can have
   */
  batchGetFeatures<Name extends string = string, As extends ValuesAs = 'text'>(
    names: readonly Name[],
    options?: ReadOptions<As> & { readonly onFailure?: 'throw' },
  ): Promise<RowOf<As, Name>[]>;
  batchGetFeatures<Name extends string = string, As extends ValuesAs = 'text'>(
    names: readonly Name[],
    options: ReadOptions<As> & { readonly onFailure: 'return' },
  ): Promise<PartialRows<RowOf<As, Name>>>;
  async batchGetFeatures<Name extends string, As extends ValuesAs>(
    names: readonly Name[],
    options: ReadOptions<As> = NO_OPTIONS,
  ): Promise<RowOf<As, Name>[] | PartialRows<RowOf<As, Name>>> {
    return this.#calls.run('vipGroup.batchGetFeatures', async () => {
      checkReadOptions('batchGetFeatures', options, ['onFailure']);
      const result = await this.#read<Name, As>(names, options);
      return options.onFailure === 'return' ? result : rowsOrThrow(result);
    });
  }

  /**
   * `batchGetFeatures` that does not reject where some ids fail.
   * @returns `{ rows, failed }`: `rows[i]` for `ids[i]`, undefined where it failed
   * @throws FeatureStoreError INVALID_FEATURE a name that no feature can have
   */
  async tryBatchGetFeatures<Name extends string = string, As extends ValuesAs = 'text'>(
    names: readonly Name[],
    options: BatchReadOptions<As> = NO_OPTIONS,
  ): Promise<PartialRows<RowOf<As, Name>>> {
    return this.#calls.run('vipGroup.tryBatchGetFeatures', () => {
      checkReadOptions('tryBatchGetFeatures', options);
      return this.#read<Name, As>(names, options);
    });
  }

  async #read<Name extends string, As extends ValuesAs>(
    names: readonly Name[],
    options: BatchReadOptions<As>,
  ): Promise<PartialRows<RowOf<As, Name>>> {
    const { ids } = this;
    const shape = this.#context.readShapes.of(names);
    if (ids.length === 0) return { rows: [], failed: [] };
    const deadline = newDeadline(this.#context, options, 'read');
    try {
      return await deliverRead<Name, As>(this.#context, this.#planOf(shape), deadline, options);
    } finally {
      deadline.clear();
    }
  }

  /** A read of all members, kept for the shape that was read last: its keys never change. */
  #planOf(shape: ReadShape): KeyedPlan {
    if (this.#last?.shape === shape) return this.#last;
    const keys = this.#last?.keys ?? this.#newKeys();
    const writer = new CommandWriter();
    for (let row = 0; row < keys.count; row++) shape.command.write(keys, row, writer);
    this.#last = { ids: this.ids, shape, keys, request: new Uint8Array(writer.view()) };
    return this.#last;
  }

  #newKeys(): KeyTable {
    const { layout } = this.#context;
    const keys = new KeyTable(layout.keyPrefix, this.ids.length);
    layout.addKeys(keys, this.ids);
    keys.slot = this.slot;
    return keys;
  }
}

/** The groups of a store, by name. */
export function vipGroupsOf(context: Context, calls: Calls): ReadonlyMap<string, VipGroup> {
  const { names } = context.layout.groups;
  return new Map(names.map((name) => [name, new VipGroup(context, calls, name)]));
}
