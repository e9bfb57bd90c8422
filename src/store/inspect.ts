/** One entity with both TTL layers: for people who ask why a feature is missing. */

import { isUtf8 } from 'node:buffer';
import { inSlices, nextTurn, sortInTurns } from '../runtime/slices.ts';
import { FeatureStoreError } from '../errors.ts';
import { checkCallOptions, type CallOptions, type ValueOptions } from './call-options.ts';
import { deliverOne, type Context } from './context.ts';
import type { RowOf, ValuesAs } from './features.ts';
import { isEventTime, notText, setFeature } from './codec.ts';
import { isLoaded } from './loaded-only.ts';
import { show } from './option-checks.ts';
import { unexpected } from './unexpected-reply.ts';
import { FIELDS_PER_TURN } from './limits.ts';

/** What Redis holds: text where it is UTF-8, the bytes themselves where it is not. */
export type TextOrBytes = string | Uint8Array;

/** One field of an entity, with its TTL. */
export interface InspectedField {
  /** The name as text, unless another writer gave one that is not UTF-8. */
  readonly name: TextOrBytes;
  /** The value as text where it is UTF-8, otherwise its bytes. */
  readonly value: TextOrBytes;
  /**
   * Seconds until the field expires; -1: it has no TTL of its own. It is the reply of HTTL
   * (https://redis.io/docs/latest/commands/httl/).
   */
  readonly ttlSeconds: number;
}

/** An entity as the server holds it, with both TTL layers. */
export interface InspectedEntity {
  /** Whether there is such an entity. */
  readonly exists: boolean;
  /**
   * Seconds until the entity expires; -1: no TTL; -2: no such entity. It is the reply of TTL
   * (https://redis.io/docs/latest/commands/ttl/).
   */
  readonly keyTtlSeconds: number;
  /** The fields by name, ascending; names that are not text come last. */
  readonly fields: readonly InspectedField[];
}

type Field = readonly [name: TextOrBytes, value: TextOrBytes];

/**
 * HGETALL and TTL, then HTTL for the fields that were there. A field that expires meanwhile is left
 * out.
 */
export async function inspectEntity(
  context: Context,
  id: string,
  options: CallOptions,
): Promise<InspectedEntity> {
  checkCallOptions('inspect', options);
  const read = ([reply, ttl]: readonly unknown[]): FoundEntity | FeatureStoreError => {
    const fields = flatOf(reply);
    if (fields instanceof FeatureStoreError) return fields;
    return { flat: fields, keyTtlSeconds: Number(ttl) };
  };
  const question = { id, commands: [['HGETALL'], ['TTL']], read } as const;
  const { flat, keyTtlSeconds } = await deliverOne(context, question, options);
  if (flat.length === 0) return { exists: false, keyTtlSeconds: -2, fields: [] };
  const all: Field[] = [];
  await inPairs(flat, (name, value) => void all.push([name, value]));
  const sorted = await sortInTurns(all, byName);
  const ttls = await readFieldTtls(context, id, sorted, nameOf, options);
  const fields: InspectedField[] = [];
  await inSlices(sorted, FIELDS_PER_TURN, ([name, value], at) => {
    const ttlSeconds = ttls[at] ?? -1;
    if (ttlSeconds !== -2) fields.push({ name, value, ttlSeconds });
  });
  return { exists: true, keyTtlSeconds, fields };
}

interface FoundEntity {
  readonly flat: readonly TextOrBytes[];
  readonly keyTtlSeconds: number;
}

/** HGETALL replies `[name, value, …]`: calls `work` with each pair, some of them in a turn. */
async function inPairs(
  flat: readonly TextOrBytes[],
  work: (name: TextOrBytes, value: TextOrBytes) => void,
): Promise<void> {
  for (let from = 0; from < flat.length; from += 2 * FIELDS_PER_TURN) {
    if (from > 0) await nextTurn();
    const end = Math.min(from + 2 * FIELDS_PER_TURN, flat.length);
    for (let at = from; at < end; at += 2) work(flat[at] ?? '', flat[at + 1] ?? '');
  }
}

function nameOf([name]: Field): TextOrBytes {
  return name;
}

function byName([a]: Field, [b]: Field): number {
  if (typeof a === 'string') return typeof b !== 'string' || a < b ? -1 : 1;
  return typeof b === 'string' ? 1 : Buffer.compare(a, b);
}

/** A row of all features of an entity. @throws FeatureStoreError NOT_TEXT */
export async function readAll<Name extends string, As extends ValuesAs>(
  context: Context,
  id: string,
  options: ValueOptions<As>,
): Promise<RowOf<As, Name>> {
  const { as, loadedOnly = false } = options;
  const commands = loadedOnly ? ([['PTTL'], ['HGETALL']] as const) : ([['HGETALL']] as const);
  const read = (replies: readonly unknown[]): ReturnType<typeof flatOf> =>
    loadedOnly && !isLoaded(replies[0]) ? [] : flatOf(replies.at(-1));
  const question = { id, commands, read, stringsAs: as } as const;
  const flat = await deliverOne(context, question, options);
  const row = await rowOfAll<Name, As>(id, flat, as);
  context.counters.readsTotal++;
  context.counters.readFieldsTotal += flat.length / 2;
  return row;
}

/** The names and values of HGETALL, in turn. */
export function flatOf(reply: unknown): readonly TextOrBytes[] | FeatureStoreError {
  return Array.isArray(reply) ? reply : unexpected('HGETALL', reply);
}

/** A row of all that HGETALL replied, read as `as` says. Names are text in a row. */
export async function rowOfAll<Name extends string, As extends ValuesAs>(
  id: string,
  flat: readonly TextOrBytes[],
  as?: As,
): Promise<RowOf<As, Name>> {
  const row: Record<string, TextOrBytes> = {};
  await inPairs(flat, (given, value) => {
    const name = textOf(given);
    if (name === undefined) throw namelessField(id, given.length);
    if (isEventTime(name)) return; // no feature
    if (as !== 'bytes' && typeof value !== 'string') throw notText(id, name, value.length);
    setFeature(row, name, value);
  });
  return row as RowOf<As, Name>; // of the kind that was asked for
}

function textOf(given: TextOrBytes): string | undefined {
  if (typeof given === 'string') return given;
  return isUtf8(given) ? Buffer.from(given).toString() : undefined;
}

function namelessField(id: string, byteCount: number): FeatureStoreError {
  return new FeatureStoreError(
    'NOT_TEXT',
    `Entity ${show(id)}: The name of a field is ${byteCount} bytes that are not UTF-8 text, so it ` +
      'cannot be in a row. Give the names of the features to read; inspect() shows all fields.',
  );
}

/**
 * HTTL, in the order of the names: seconds; -1 no TTL; -2 no such field (of a missing key, no field
 * is there). Servers without field TTLs have fields without TTL. Some names are asked for at a
 * time: each is written and read in one turn.
 */
export async function readFieldTtls<Item>(
  context: Context,
  id: string,
  items: readonly Item[],
  nameOfItem: (item: Item) => TextOrBytes,
  options: CallOptions,
): Promise<number[]> {
  const ttls: number[] = [];
  for (let from = 0; from < items.length; from += FIELDS_PER_TURN) {
    await nextTurn();
    const part = items.slice(from, from + FIELDS_PER_TURN).map((item) => nameOfItem(item));
    for (const ttl of await readTtlsOf(context, id, part, options)) ttls.push(ttl);
  }
  return ttls;
}

async function readTtlsOf(
  context: Context,
  id: string,
  names: readonly TextOrBytes[],
  options: CallOptions,
): Promise<number[]> {
  const read = ([ttls]: readonly unknown[]): number[] | FeatureStoreError => {
    if (ttls === null) return names.map(() => -2);
    if (!Array.isArray(ttls)) return unexpected('HTTL', ttls);
    const flat: unknown[] = ttls.flat();
    return names.map((_, index) => Number(flat[index] ?? -2));
  };
  const httl = ['HTTL', 'FIELDS', names.length, ...names] as const;
  try {
    return await deliverOne(context, { id, commands: [httl], read }, options);
  } catch (error) {
    if (!(error instanceof FeatureStoreError) || error.code !== 'UNSUPPORTED_SERVER') throw error;
    return readFieldPresence(context, id, names, options);
  }
}

async function readFieldPresence(
  context: Context,
  id: string,
  names: readonly TextOrBytes[],
  options: CallOptions,
): Promise<number[]> {
  const read = ([values]: readonly unknown[]): number[] | FeatureStoreError =>
    Array.isArray(values)
      ? names.map((_, index) => (values[index] === null ? -2 : -1))
      : unexpected('HMGET', values);
  return deliverOne(context, { id, commands: [['HMGET', ...names]], read }, options);
}
