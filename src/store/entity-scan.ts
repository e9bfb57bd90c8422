/**
 * The ids that are in the store, found by SCAN on every primary. See cluster/scan.ts for what
 * holds.
 */

import { deliver, newDeadline, type Context } from './context.ts';
import { KeyedCommand, KeyedRows, KeyPrefix, KeyTable, type Reply } from '../cluster/batch.ts';
import { checkCallOptions, type CallOptions } from './call-options.ts';
import { GROUP_RECORD } from './group-record.ts';
import { DEFAULT_LISTED_IDS, MAX_LISTED_IDS } from './limits.ts';
import { checkInteger } from './option-checks.ts';

interface IdPage {
  readonly shard: string;
  readonly ids: readonly string[];
  /** Whether nothing more comes from the shard. */
  readonly isLast: boolean;
}

/**
 * Pages of ids, perhaps empty, one shard's each, as they come. Keys under the prefix that are no
 * entity's are left out.
 */
async function* idPages(context: Context, options: CallOptions): AsyncGenerator<IdPage> {
  const { backend, layout } = context;
  const pages = backend.scan(layout.scanPattern, () => newDeadline(context, options, 'read'));
  for await (const { shard, keys, isLast } of pages) {
    const ids = keys.map((key) => layout.idOf(key)).filter((id) => id !== undefined);
    yield { shard, ids, isLast };
  }
}

export function scanEntityIds(context: Context, options: CallOptions): AsyncGenerator<string> {
  checkCallOptions('scanEntityIds', options);
  return eachId(context, options);
}

async function* eachId(context: Context, options: CallOptions): AsyncGenerator<string> {
  for await (const { ids } of idPages(context, options)) yield* ids;
}

/**
 * Sorted, without duplicates, `limit` at the most: of each shard the first that SCAN finds, so not
 * the smallest, in equal parts where the shards have as many.
 */
export async function listEntityIds(
  context: Context,
  limit: number = DEFAULT_LISTED_IDS,
  options: CallOptions,
): Promise<string[]> {
  checkCallOptions('listEntityIds', options);
  checkInteger('listEntityIds limit', limit, { min: 1, max: MAX_LISTED_IDS });
  const shards = context.backend.topology.shards();
  const part = Math.ceil(limit / shards.length);
  /** Shards that have not given their part yet, and may. */
  const short = new Set(shards.map(({ address }) => address));
  const found = new Map<string, Set<string>>();
  let count = 0;
  for await (const { shard, ids, isLast } of idPages(context, options)) {
    const idsOfShard = found.get(shard) ?? new Set();
    found.set(shard, idsOfShard);
    count -= idsOfShard.size;
    for (const id of ids) if (idsOfShard.size < limit) idsOfShard.add(id);
    count += idsOfShard.size;
    if (isLast || idsOfShard.size >= part) short.delete(shard);
    else short.add(shard); // it took the place of one that was lost
    if (count >= limit && short.size === 0) break;
  }
  return inTurns([...found.values()], limit).sort();
}

/** The first of each, then the second of each, until there are `limit`. */
function inTurns(lists: readonly Iterable<string>[], limit: number): string[] {
  const iterators = new Set(lists.map((list) => list[Symbol.iterator]()));
  const taken = new Set<string>();
  while (iterators.size > 0) {
    for (const iterator of iterators) {
      if (taken.size >= limit) return [...taken];
      const { done, value } = iterator.next();
      if (done) iterators.delete(iterator);
      else taken.add(value);
    }
  }
  return [...taken];
}

export async function countEntities(context: Context, options: CallOptions): Promise<number> {
  checkCallOptions('countEntities', options);
  const counts = await countIds(context, options);
  return Object.values(counts).reduce((total, count) => total + count, 0);
}

/** By the primary's address; a shard without entities counts 0. */
export async function countByShard(
  context: Context,
  options: CallOptions,
): Promise<Record<string, number>> {
  checkCallOptions('countEntitiesByShard', options);
  return countIds(context, options);
}

async function countIds(context: Context, options: CallOptions): Promise<Record<string, number>> {
  const shards = context.backend.topology.shards();
  const counts = new Map(shards.map(({ address }) => [address, 0]));
  for await (const { shard, ids } of idPages(context, options)) {
    counts.set(shard, (counts.get(shard) ?? 0) + ids.length);
  }
  return Object.fromEntries(counts);
}

/**
 * Deletes every key under the prefix, entities or not, with one UNLINK per key (a variadic one
 * would cross slots). Gives the number of keys that were deleted.
 */
export async function deleteAll(context: Context, options: CallOptions): Promise<number> {
  checkCallOptions('reset', options);
  const { backend, layout } = context;
  let deleted = 0;
  const pages = backend.scan(layout.scanPattern, () => newDeadline(context, options, 'read'));
  const record = layout.prefix + GROUP_RECORD;
  let hadRecord = false;
  for await (const { keys } of pages) {
    hadRecord ||= keys.includes(record);
    const table = tableOf(keys);
    const replies = { answerOf: ([count]: readonly Reply[]) => Number(count) };
    const batch = { keys: table, commands: new KeyedRows(UNLINK, table), replies };
    const deadline = newDeadline(context, options, 'write');
    try {
      const { answers, failures } = await deliver(context, batch, { deadline, purpose: 'bulk' });
      for (const error of failures.values()) throw error;
      for (const count of answers) deleted += count ?? 0;
    } finally {
      deadline.clear();
    }
  }
  if (hadRecord) deleted--; // it is no key of the caller's
  if (hadRecord) await context.groupRecord.declareAnew();
  return deleted;
}

/** Pages of the keys of entities, without empty ones. */
export async function* keyPages(
  context: Context,
  options: CallOptions,
): AsyncGenerator<{ readonly keys: KeyTable }> {
  const { backend, layout } = context;
  const pages = backend.scan(layout.scanPattern, () => newDeadline(context, options, 'read'));
  for await (const { keys } of pages) {
    const entities = keys.filter((key) => layout.idOf(key) !== undefined);
    if (entities.length > 0) yield { keys: tableOf(entities) };
  }
}

function tableOf(keys: readonly (string | Uint8Array)[]): KeyTable {
  const table = new KeyTable(NO_PREFIX, keys.length);
  for (const key of keys) {
    if (typeof key === 'string') table.add(key);
    else table.addBytes(key);
  }
  return table;
}

/** Keys as SCAN gives them are whole. */
const NO_PREFIX = new KeyPrefix('');
const UNLINK = new KeyedCommand('UNLINK');
