import { CommandWriter, KeyTable, slotOf } from '../cluster/batch.ts';
import {
  checkReadOptions,
  deliverRead,
  type KeyedPlan,
  type PartialRows,
  rowsOrThrow,
} from './batch-read.ts';
import { NO_OPTIONS, type ReadOptions } from './call-options.ts';
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
  #last: KeyedPlan | undefined;

  constructor(context: Context, name: string) {
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
  batchGetFeatures<As extends ValuesAs = 'text'>(
    names: readonly string[],
    options: ReadOptions<As> & { readonly onFailure: 'return' },
  ): Promise<PartialRows<RowOf<As>>>;
  batchGetFeatures<As extends ValuesAs = 'text'>(
    names: readonly string[],
    options?: ReadOptions<As> & { readonly onFailure?: 'throw' },
  ): Promise<RowOf<As>[]>;
  async batchGetFeatures<As extends ValuesAs>(
    names: readonly string[],
    options: ReadOptions<As> = NO_OPTIONS,
  ): Promise<RowOf<As>[] | PartialRows<RowOf<As>>> {
    checkReadOptions('batchGetFeatures', options);
    const shape = this.#context.readShapes.of(names);
    const result = await this.#read(shape, options);
    return options.onFailure === 'return' ? result : rowsOrThrow(result);
  }

  async #read<As extends ValuesAs>(
    shape: ReadShape,
    options: ReadOptions<As>,
  ): Promise<PartialRows<RowOf<As>>> {
    const { ids } = this;
    if (ids.length === 0) return { rows: [], failed: [] };
    const deadline = newDeadline(this.#context, options);
    try {
      return await deliverRead(this.#context, this.#planOf(shape), deadline, options);
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
