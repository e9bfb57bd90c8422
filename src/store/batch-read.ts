/** One HMGET per id, one pipeline per shard, all shards in parallel; rows in the order of the ids. */

import { ASKING, encodeWords } from '../cluster/resp/command-writer.ts';
import { INCOMPLETE } from '../cluster/resp/reply-reader.ts';
import type { Batch } from '../cluster/row-exchange.ts';
import { slotOf } from '../cluster/slot.ts';
import { FeatureStoreError, PartialBatchError, type FailedRow } from '../errors.ts';
import { checkCallOptions, type ReadOptions } from './call-options.ts';
import { checkNames, decodeRow } from './codec.ts';
import { deliver, newDeadline, unexpected, type Context } from './context.ts';
import type { FeatureRow } from './features.ts';
import { refuse, show } from './option-checks.ts';

/**
 * Up to this many ids a read is an online read. More are bulk work, on the lanes of their own, so
 * that no single read waits behind them.
 */
const MAX_ONLINE_IDS = 1_000;

/** What a batch read gives with `onFailure: 'return'`. */
export interface PartialRows {
  /** `rows[i]` for `ids[i]`; undefined where the id failed, `{}` where the entity is absent. */
  readonly rows: (FeatureRow | undefined)[];
  readonly failed: readonly FailedRow[];
}

export interface ReadPlan {
  readonly ids: readonly string[];
  readonly names: readonly string[];
  /** One pipeline however many ids: for VIP groups. */
  readonly unchunked?: boolean;
}

/** @throws FeatureStoreError INVALID_ID, INVALID_FEATURE, INVALID_OPTION, ABORTED, CLOSED */
export async function readBatch(
  context: Context,
  { ids, names, unchunked = false }: ReadPlan,
  options: ReadOptions,
): Promise<PartialRows> {
  const keys = ids.map((id) => context.layout.keyFor(id));
  if (keys.length === 0 || names.length === 0) return { rows: ids.map(() => ({})), failed: [] };
  using deadline = newDeadline(context, options);
  const { answers, failures } = await deliver(context, readOf(keys, names), {
    deadline,
    purpose: keys.length > MAX_ONLINE_IDS ? 'bulk' : 'online',
    unchunked,
    onPipeline: options.onPipeline,
  });
  const failed = [...failures].map(([row, error]) => ({ id: ids[row] ?? '', error }));
  context.counters.readsTotal += ids.length - failed.length;
  for (const row of answers) {
    if (row) context.counters.readFieldsTotal += Object.keys(row).length;
  }
  return { rows: answers, failed };
}

function readOf(keys: readonly string[], names: readonly string[]): Batch<FeatureRow> {
  const [hmget, encodedNames] = [encodeWords('HMGET'), encodeWords(...names)];
  const values: (string | null)[] = names.map(() => null); // the same for every row, read at once
  const keyOf = (row: number): string => keys[row] ?? '';
  return {
    rowCount: keys.length,
    slotOf: (row) => slotOf(keyOf(row)),
    commandsPerRow: 1,
    encode: (row, writer, asking) => {
      if (asking) writer.encoded(ASKING);
      writer.arrayHeader(2 + names.length);
      writer.encoded(hmget);
      writer.bulkString(keyOf(row));
      writer.encoded(encodedNames);
    },
    answerOf: ([reply]) =>
      Array.isArray(reply) && reply.length === names.length
        ? decodeRow(names, reply)
        : unexpected('HMGET', reply),
    readAnswer: (reader) => {
      const read = reader.readStrings(values);
      if (read === INCOMPLETE) return INCOMPLETE;
      return read === true ? decodeRow(names, values) : undefined;
    },
    bytesOf: (row) => keyOf(row).length + encodedNames.length,
  };
}

/** Rows without a hole, or the error that carries those that arrived. */
export function rowsOrThrow({ rows, failed }: PartialRows): FeatureRow[] {
  if (failed.length > 0) throw new PartialBatchError(rows, failed);
  return rows as FeatureRow[]; // without a failure every row has its answer
}

export function checkReadOptions(
  call: string,
  options: ReadOptions,
  known: readonly string[] = [],
): void {
  checkCallOptions(call, options, ['onPipeline', 'onFailure', ...known]);
  const { onFailure } = options;
  if (onFailure !== undefined && onFailure !== 'throw' && onFailure !== 'return') {
    refuse(`${call} options.onFailure must be 'throw' or 'return', but is ${show(onFailure)}.`);
  }
}

/** The ids of a batch as an array, with names checked. */
export function planRead(ids: Iterable<string>, names: readonly string[]): ReadPlan {
  checkNames(names);
  if (typeof ids === 'string' || typeof ids?.[Symbol.iterator] !== 'function') {
    throw new FeatureStoreError(
      'INVALID_ID',
      `ids must be an iterable of ids such as an array, but is ${show(ids)}.`,
    );
  }
  return { ids: Array.isArray(ids) ? ids : [...ids], names };
}
