/**
 * One HMGET per id, one pipeline per shard, all shards in parallel; rows in the order of the ids.
 */

import type { Deadline } from '../cluster/delivery/deadline.ts';
import { KeyedRows, KeyTable, type Failures } from '../cluster/batch.ts';
import { inSlices, nextTurn } from '../runtime/slices.ts';
import { FailureTally, FeatureStoreError, PartialBatchError, type FailedRow } from '../errors.ts';
import { checkCallOptions, NO_OPTIONS, type ReadOptions } from './call-options.ts';
import { deliver, newDeadline, type Context } from './context.ts';
import type { FeatureBytes, FeatureRow, RowOf, ValuesAs } from './features.ts';
import { refuse, show } from './option-checks.ts';
import { FeatureReplies, type ReadShape } from './read-shape.ts';
import { IDS_PER_TURN, MAX_ONLINE_IDS, MAX_ONLINE_VALUES } from './limits.ts';

/** What a batch read gives with `onFailure: 'return'`. */
export interface PartialRows<Row = FeatureRow> {
  /** `rows[i]` for `ids[i]`; undefined where the id failed, `{}` where the entity is absent. */
  readonly rows: (Row | undefined)[];
  /** The ids that failed, in the order of the ids, each with its error. */
  readonly failed: readonly FailedRow[];
}

export interface ReadPlan {
  readonly ids: readonly string[];
  readonly shape: ReadShape;
}

/** A plan whose keys are made. */
export interface KeyedPlan extends ReadPlan {
  readonly keys: KeyTable;
  /** The commands of all ids, where they are encoded already. */
  readonly request?: Uint8Array;
}

/** @throws FeatureStoreError INVALID_ID, INVALID_FEATURE, INVALID_OPTION, ABORTED, CLOSED */
export async function readBatch<As extends ValuesAs>(
  context: Context,
  { ids, shape }: ReadPlan,
  options: ReadOptions<As>,
): Promise<PartialRows<RowOf<As>>> {
  if (ids.length === 0) return { rows: [], failed: [] };
  const deadline = newDeadline(context, options);
  try {
    const keys = new KeyTable(context.layout.keyPrefix, ids.length);
    for (let from = 0; from < ids.length; from += IDS_PER_TURN) {
      if (from > 0) await nextTurn();
      const some = ids.length <= IDS_PER_TURN ? ids : ids.slice(from, from + IDS_PER_TURN);
      context.layout.addKeys(keys, some);
    }
    return await deliverRead(context, { ids, shape, keys }, deadline, options);
  } finally {
    deadline.clear();
  }
}

/** @throws FeatureStoreError ABORTED, CLOSED */
export async function deliverRead<As extends ValuesAs>(
  context: Context,
  { ids, shape, keys, request }: KeyedPlan,
  deadline: Deadline,
  options: ReadOptions<As>,
): Promise<PartialRows<RowOf<As>>> {
  const nameCount = shape.names.length;
  if (nameCount === 0) return { rows: ids.map(() => ({}) as RowOf<As>), failed: [] };
  const isLarge = ids.length > MAX_ONLINE_IDS || ids.length * nameCount > MAX_ONLINE_VALUES;
  const replies = new FeatureReplies(shape, ids, options.as);
  const batch = { keys, commands: new KeyedRows(shape.command, keys, request), replies };
  const { answers, failures } = await deliver(context, batch, {
    deadline,
    purpose: isLarge ? 'bulk' : 'online',
    onPipeline: options.onPipeline,
  });
  const failed = failures.size === 0 ? NOTHING_FAILED : await failedRows(ids, failures);
  context.counters.readsTotal += ids.length - failed.length;
  context.counters.readFieldsTotal += replies.featureCount;
  return { rows: answers as (RowOf<As> | undefined)[], failed }; // of the kind that was asked for
}

const NOTHING_FAILED: readonly FailedRow[] = Object.freeze([]);

async function failedRows(ids: readonly string[], failures: Failures): Promise<FailedRow[]> {
  const failed: FailedRow[] = [];
  for (let row = 0; row < ids.length; row++) {
    if (row % IDS_PER_TURN === IDS_PER_TURN - 1) await nextTurn();
    const error = failures.get(row);
    if (error !== undefined) failed.push({ id: ids[row] ?? '', error });
  }
  return failed;
}

/** Rows without a hole, or the error that carries those that arrived. */
export async function rowsOrThrow<Row extends FeatureRow | FeatureBytes>({
  rows,
  failed,
}: PartialRows<Row>): Promise<Row[]> {
  if (failed.length > 0) {
    const tally = new FailureTally();
    await inSlices(failed, IDS_PER_TURN, (row) => tally.add(row));
    throw new PartialBatchError(rows, failed, tally.summary());
  }
  return rows as Row[]; // without a failure every row has its answer
}

export function checkReadOptions(
  call: string,
  options: ReadOptions<ValuesAs>,
  known: readonly string[] = [],
): void {
  if (options === NO_OPTIONS) return;
  checkCallOptions(call, options, ['as', 'onPipeline', 'onFailure', ...known]);
  const { onFailure } = options;
  if (onFailure !== undefined && onFailure !== 'throw' && onFailure !== 'return') {
    refuse(`${call} options.onFailure must be 'throw' or 'return', but is ${show(onFailure)}.`);
  }
}

/** The ids of a batch as an array of our own: the caller may change theirs while we wait. */
export function idsOf(ids: Iterable<string>): readonly string[] {
  checkIterable(ids, [Symbol.iterator]);
  return [...ids];
}

/**
 * A string is an iterable too, of characters, which nobody means.
 * @throws FeatureStoreError INVALID_ID
 */
export function checkIterable(
  ids: unknown,
  ways: readonly symbol[] = [Symbol.iterator, Symbol.asyncIterator],
): void {
  const isIterable =
    typeof ids === 'object' &&
    ids !== null &&
    ways.some((way) => typeof (ids as Record<symbol, unknown>)[way] === 'function');
  if (isIterable) return;
  const problem = `ids must be an iterable of ids such as an array, but is ${show(ids)}.`;
  throw new FeatureStoreError('INVALID_ID', problem);
}
