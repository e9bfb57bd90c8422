/** One HMGET per id, one pipeline per shard, all shards in parallel; rows in the order of the ids. */

import { ASKING, CommandWriter, encodeWords } from '../cluster/resp/command-writer.ts';
import { INCOMPLETE, type ReplyReader } from '../cluster/resp/reply-reader.ts';
import type { Batch } from '../cluster/row-exchange.ts';
import { slotOf } from '../cluster/slot.ts';
import { FeatureStoreError, PartialBatchError, type FailedRow } from '../errors.ts';
import { checkCallOptions, type ReadOptions } from './call-options.ts';
import { checkNames, decodeRow, isSame } from './codec.ts';
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
  readonly shape: ReadShape;
  /** One pipeline however many ids: for VIP groups. */
  readonly unchunked?: boolean;
}

/** @throws FeatureStoreError INVALID_ID, INVALID_FEATURE, INVALID_OPTION, ABORTED, CLOSED */
export async function readBatch(
  context: Context,
  { ids, shape, unchunked = false }: ReadPlan,
  options: ReadOptions,
): Promise<PartialRows> {
  const keys = ids.map((id) => context.layout.keyFor(id));
  if (keys.length === 0 || shape.names.length === 0)
    return { rows: ids.map(() => ({})), failed: [] };
  using deadline = newDeadline(context, options);
  const { answers, failures } = await deliver(context, shape.batch(keys), {
    deadline,
    purpose: keys.length > MAX_ONLINE_IDS ? 'bulk' : 'online',
    unchunked,
    onPipeline: options.onPipeline,
  });
  const failed = [...failures].map(([row, error]) => ({ id: ids[row] ?? '', error }));
  context.counters.readsTotal += ids.length - failed.length;
  context.counters.readFieldsTotal += fieldCount(answers);
  return { rows: answers, failed };
}

function fieldCount(rows: readonly (FeatureRow | undefined)[]): number {
  let count = 0;
  for (const row of rows) for (const _ in row) count++;
  return count;
}

/** What all reads of the same features share: their names, checked and encoded once. */
export class ReadShape {
  readonly names: readonly string[];
  /** `*8\r\n$5\r\nHMGET\r\n`; the key and `encodedNames` follow. */
  readonly #head: Uint8Array;
  readonly #encodedNames: Uint8Array;
  /** Where the values of a row are put to be read at once. */
  readonly #values: (string | null)[];

  constructor(names: readonly string[]) {
    checkNames(names);
    this.names = [...names];
    const head = new CommandWriter();
    head.arrayHeader(2 + names.length);
    head.bulkString('HMGET');
    this.#head = Uint8Array.from(head.view());
    this.#encodedNames = encodeWords(...names);
    this.#values = names.map(() => null);
  }

  batch(keys: readonly string[]): Batch<FeatureRow> {
    return {
      rowCount: keys.length,
      slotOf: (row) => slotOf(keys[row] ?? ''),
      commandsPerRow: 1,
      encode: (row, writer, asking) => {
        if (asking) writer.encoded(ASKING);
        writer.encoded(this.#head);
        writer.bulkString(keys[row] ?? '');
        writer.encoded(this.#encodedNames);
      },
      answerOf: ([reply]) =>
        Array.isArray(reply) && reply.length === this.names.length
          ? decodeRow(this.names, reply)
          : unexpected('HMGET', reply),
      readAnswer: this.#readAnswer,
      bytesOf: (row) => (keys[row]?.length ?? 0) + this.#encodedNames.length,
    };
  }

  readonly #readAnswer = (reader: ReplyReader): FeatureRow | typeof INCOMPLETE | undefined => {
    const read = reader.readStrings(this.#values);
    if (read === INCOMPLETE) return INCOMPLETE;
    return read === true ? decodeRow(this.names, this.#values) : undefined;
  };
}

/** Callers mostly pass the same array of names again: its shape is kept as long as the array is. */
export class ReadShapes {
  readonly #byNames = new WeakMap<readonly string[], ReadShape>();

  /** @throws FeatureStoreError INVALID_FEATURE */
  of(names: readonly string[]): ReadShape {
    const known = Array.isArray(names) ? this.#byNames.get(names) : undefined;
    // The array can have been changed since.
    if (known && isSame(known.names, names)) return known;
    const shape = new ReadShape(names);
    this.#byNames.set(names, shape);
    return shape;
  }
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

/** The ids of a batch as an array. */
export function idsOf(ids: Iterable<string>): readonly string[] {
  if (Array.isArray(ids)) return ids;
  if (typeof ids === 'string' || typeof ids?.[Symbol.iterator] !== 'function') {
    throw new FeatureStoreError(
      'INVALID_ID',
      `ids must be an iterable of ids such as an array, but is ${show(ids)}.`,
    );
  }
  return [...ids];
}
