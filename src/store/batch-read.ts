/**
 * One HMGET per id, one pipeline per shard, all shards in parallel; rows in the order of the ids.
 */

import type { Deadline } from '../cluster/delivery/deadline.ts';
import { KeyedRows, KeyTable, type Failures } from '../cluster/batch.ts';
import { inSlices, nextTurn } from '../runtime/slices.ts';
import { FeatureStoreError, notePlace } from '../errors.ts';
import { FailureTally, failedRow, PartialBatchError, type FailedRow } from './partial-errors.ts';
import { unthrowing } from './callbacks.ts';
import {
  checkCallOptions,
  NO_OPTIONS,
  type BatchReadOptions,
  type ReadOptions,
} from './call-options.ts';
import { deliver, newDeadline, type Context } from './context.ts';
import type { FeatureRow, RowOf, ValuesAs } from './features.ts';
import { LoadedReplies, LoadedRows } from './loaded-only.ts';
import { show } from './option-checks.ts';
import { FeatureReplies, type ReadShape } from './read-shape.ts';
import { IDS_PER_TURN, MAX_ONLINE_IDS, MAX_ONLINE_VALUES } from './limits.ts';

/** What `tryBatchGetFeatures` gives, and `batchGetFeatures` with `onFailure: 'return'`. */
export interface PartialRows<Row = FeatureRow> {
  /** `rows[i]` for `ids[i]`; undefined where the id failed, `{}` where the entity is absent. */
  readonly rows: (Row | undefined)[];
  /** The ids that failed, in the order of the ids, each with its error. */
  readonly failed: readonly FailedRow[];
}

/** @throws PartialBatchError, unless `onFailure` says otherwise; as `readBatch` */
export async function batchRead<Name extends string, As extends ValuesAs>(
  context: Context,
  ids: Iterable<string>,
  names: readonly Name[],
  options: ReadOptions<As>,
): Promise<RowOf<As, Name>[] | PartialRows<RowOf<As, Name>>> {
  checkReadOptions('batchGetFeatures', options, ['onFailure']);
  const plan = { ids: idsOf(ids), shape: context.readShapes.of(names) };
  const result = await readBatch<Name, As>(context, plan, options);
  return options.onFailure === 'return' ? result : rowsOrThrow(result);
}

/** @throws FeatureStoreError as `readBatch` */
export async function tryBatchRead<Name extends string, As extends ValuesAs>(
  context: Context,
  ids: Iterable<string>,
  names: readonly Name[],
  options: BatchReadOptions<As>,
): Promise<PartialRows<RowOf<As, Name>>> {
  checkReadOptions('tryBatchGetFeatures', options);
  const plan = { ids: idsOf(ids), shape: context.readShapes.of(names) };
  return readBatch<Name, As>(context, plan, options);
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
export async function readBatch<Name extends string, As extends ValuesAs>(
  context: Context,
  plan: ReadPlan,
  options: BatchReadOptions<As>,
): Promise<PartialRows<RowOf<As, Name>>> {
  const { ids, shape } = plan;
  if (ids.length === 0) return { rows: [], failed: [] };
  const deadline = newDeadline(context, options, 'read');
  try {
    const keys = new KeyTable(context.layout.keyPrefix, ids.length);
    try {
      // Single reads come by the thousand: they do not wait for a turn.
      if (ids.length <= IDS_PER_TURN) context.layout.addKeys(keys, ids);
      else await addKeysByTurns(context, keys, ids);
    } catch (error) {
      const isOfAnId = error instanceof FeatureStoreError;
      if (!isOfAnId || options.onInvalid !== 'report') throw error;
      return await readValid<Name, As>(context, plan, deadline, options);
    }
    return await deliverRead<Name, As>(context, { ids, shape, keys }, deadline, options);
  } finally {
    deadline.clear();
  }
}

/** So many keys at once would hold the event loop. */
async function addKeysByTurns(
  { layout }: Context,
  keys: KeyTable,
  ids: readonly string[],
): Promise<void> {
  for (let from = 0; from < ids.length; from += IDS_PER_TURN) {
    if (from > 0) await nextTurn();
    layout.addKeys(keys, ids.slice(from, from + IDS_PER_TURN));
  }
}

/** Reads the ids that are valid; the others are failed rows, each by itself. */
async function readValid<Name extends string, As extends ValuesAs>(
  context: Context,
  { ids, shape }: ReadPlan,
  deadline: Deadline,
  options: BatchReadOptions<As>,
): Promise<PartialRows<RowOf<As, Name>>> {
  const { layout } = context;
  const keys = new KeyTable(layout.keyPrefix, ids.length);
  const positions: number[] = [];
  const failed: FailedRow[] = [];
  await inSlices(ids, IDS_PER_TURN, (id: unknown, position) => {
    try {
      layout.addKey(keys, id as string); // which says what is wrong with it, if it is none
      positions.push(position);
    } catch (error) {
      if (!(error instanceof FeatureStoreError)) throw error;
      if (typeof id === 'string') notePlace(error, { id });
      failed.push({ id: typeof id === 'string' ? id : show(id), position, error });
    }
  });
  const rows = new Array<RowOf<As, Name> | undefined>(ids.length).fill(undefined);
  if (positions.length === 0) return { rows, failed };
  const valid = positions.map((position) => ids[position] ?? '');
  const plan = { ids: valid, shape, keys };
  const read = await deliverRead<Name, As>(context, plan, deadline, options);
  for (const [at, position] of positions.entries()) rows[position] = read.rows[at];
  for (const { id, position, error } of read.failed) {
    failed.push({ id, position: positions[position] ?? 0, error });
  }
  return { rows, failed: failed.sort((a, b) => a.position - b.position) };
}

/** @throws FeatureStoreError ABORTED, CLOSED */
export async function deliverRead<Name extends string, As extends ValuesAs>(
  context: Context,
  { ids, shape, keys, request }: KeyedPlan,
  deadline: Deadline,
  options: BatchReadOptions<As>,
): Promise<PartialRows<RowOf<As, Name>>> {
  const nameCount = shape.names.length;
  if (nameCount === 0) return { rows: ids.map(() => ({}) as RowOf<As, Name>), failed: [] };
  const isLarge = ids.length > MAX_ONLINE_IDS || ids.length * nameCount > MAX_ONLINE_VALUES;
  const { as, loadedOnly = false } = options;
  const rows = new KeyedRows(shape.command, keys, loadedOnly ? undefined : request);
  const replies = loadedOnly
    ? new LoadedReplies(shape, ids, as)
    : new FeatureReplies(shape, ids, as);
  const batch = { keys, commands: loadedOnly ? new LoadedRows(rows, keys) : rows, replies };
  const { answers, failures } = await deliver(context, batch, {
    deadline,
    purpose: isLarge ? 'bulk' : 'online',
    onPipeline: unthrowing('onPipeline', options.onPipeline),
  });
  const failed = failures.size === 0 ? NOTHING_FAILED : await failedRows(ids, failures);
  context.counters.readsTotal += ids.length - failed.length;
  context.counters.readFieldsTotal += replies.featureCount;
  return { rows: answers as (RowOf<As, Name> | undefined)[], failed }; // of the kind that was asked for
}

const NOTHING_FAILED: readonly FailedRow[] = Object.freeze([]);

async function failedRows(ids: readonly string[], failures: Failures): Promise<FailedRow[]> {
  const failed: FailedRow[] = [];
  for (let row = 0; row < ids.length; row++) {
    if (row % IDS_PER_TURN === IDS_PER_TURN - 1) await nextTurn();
    const error = failures.get(row);
    if (error !== undefined) failed.push(failedRow(ids[row] ?? '', row, error));
  }
  return failed;
}

/** Rows without a hole, or the error that carries those that arrived. */
export async function rowsOrThrow<Row extends object>({
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
  checkCallOptions(call, options, [...READ_OPTIONS, ...known]);
}

const READ_OPTIONS: readonly string[] = ['as', 'loadedOnly', 'onPipeline', 'onInvalid'];

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
