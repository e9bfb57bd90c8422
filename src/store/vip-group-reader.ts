import { slotOf } from '../cluster/slot.ts';
import { checkReadOptions, readBatch, rowsOrThrow } from './batch-read.ts';
import type { PartialRows } from './batch-read.ts';
import { NO_OPTIONS, type ReadOptions } from './call-options.ts';
import type { Context } from './context.ts';
import type { RowOf, ValuesAs } from './features.ts';

/** A VIP group: entities whose keys share one slot, so that one pipeline to one shard reads them all. */
export class VipGroup {
  readonly name: string;
  /** In the order of the options; rows come in this order. */
  readonly ids: readonly string[];
  readonly slot: number;
  readonly #context: Context;

  constructor(context: Context, name: string) {
    this.name = name;
    this.ids = context.layout.groups.membersOf(name);
    this.slot = slotOf(`${context.layout.prefix}{${name}}:`);
    this.#context = context;
  }

  /** `host:port` of the primary that serves the group now; undefined while no node owns its slot. */
  shard(): string | undefined {
    return this.#context.connection.topology.ownerOf(this.slot);
  }

  /** Features of every member, in the order of `ids`, in one pipeline. Errors as with a batch read. */
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
    const plan = { ids: this.ids, shape, unchunked: true };
    const result = await readBatch(this.#context, plan, options);
    return options.onFailure === 'return' ? result : rowsOrThrow(result);
  }
}
