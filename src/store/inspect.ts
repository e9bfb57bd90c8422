/** One entity with both TTL layers: for people who ask why a feature is missing. */

import { isUtf8 } from 'node:buffer';
import { inSlices, nextTurn, sortInTurns } from '../cluster/turns.ts';
import { FeatureStoreError } from '../errors.ts';
import type { CallOptions, ValueOptions } from './call-options.ts';
import { deliverOne, type Context } from './context.ts';
import type { RowOf, ValuesAs } from './features.ts';
import { decodeBytes, decodeText, setFeature } from './codec.ts';
import { show } from './option-checks.ts';
import { unexpected } from './unexpected-reply.ts';

/** What Redis holds: text where it is UTF-8, the bytes themselves where it is not. */
export type TextOrBytes = string | Uint8Array;

export interface InspectedField {
  /** Text, unless another writer gave a name that is not UTF-8. */
  readonly name: TextOrBytes;
  /** Text where the value is UTF-8, otherwise its bytes. */
  readonly value: TextOrBytes;
  /** Seconds until the field expires; -1: it has no TTL of its own. */
  readonly ttlSeconds: number;
}

export interface InspectedEntity {
  readonly exists: boolean;
  /** Seconds until the entity expires; -1: no TTL; -2: no such entity. */
  readonly keyTtlSeconds: number;
  /** By name, ascending; names that are not text come last. */
  readonly fields: readonly InspectedField[];
}

/** Fields that are worked on in one turn of the event loop. */
const FIELDS_PER_TURN = 5_000;

type Field = readonly [name: TextOrBytes, value: TextOrBytes];

/** HGETALL and TTL, then HTTL for the fields that were there. A field that expires meanwhile is left out. */
export async function inspectEntity(
  context: Context,
  key: string,
  options: CallOptions,
): Promise<InspectedEntity> {
  const { all, keyTtlSeconds } = await deliverOne(
    context,
    key,
    [
      ['HGETALL', key],
      ['TTL', key],
    ],
    ([flat, ttl]) => {
      const fields = fieldsOf(flat);
      return fields instanceof FeatureStoreError
        ? fields
        : { all: fields, keyTtlSeconds: Number(ttl) };
    },
    options,
  );
  if (all.length === 0) return { exists: false, keyTtlSeconds: -2, fields: [] };
  const sorted = await sortInTurns(all, byName);
  const names = sorted.map(([name]) => name);
  const ttls = await readFieldTtls(context, key, names, options);
  const fields: InspectedField[] = [];
  await inSlices(sorted, FIELDS_PER_TURN, ([name, value], at) => {
    const ttlSeconds = ttls[at] ?? -1;
    if (ttlSeconds !== -2) fields.push({ name, value, ttlSeconds });
  });
  return { exists: true, keyTtlSeconds, fields };
}

/** HGETALL replies `[name, value, …]`. */
function fieldsOf(flat: unknown): Field[] | FeatureStoreError {
  if (!Array.isArray(flat)) return unexpected('HGETALL', flat);
  const fields: Field[] = [];
  for (let i = 0; i < flat.length; i += 2) fields.push([flat[i], flat[i + 1]]);
  return fields;
}

function byName([a]: Field, [b]: Field): number {
  if (typeof a === 'string') return typeof b !== 'string' || a < b ? -1 : 1;
  return typeof b === 'string' ? 1 : Buffer.compare(a, b);
}

/** A row of all features of an entity, and how many they are. @throws FeatureStoreError NOT_TEXT */
export async function readEntity<As extends ValuesAs>(
  context: Context,
  id: string,
  key: string,
  options: ValueOptions<As>,
): Promise<{ row: RowOf<As>; featureCount: number }> {
  const { as } = options;
  const command = ['HGETALL', key];
  const flat = await deliverOne(context, key, [command], ([reply]) => flatOf(reply), options, as);
  return { row: await readAllInTurns(id, flat, as), featureCount: flat.length / 2 };
}

function flatOf(reply: unknown): readonly TextOrBytes[] | FeatureStoreError {
  return Array.isArray(reply) ? reply : unexpected('HGETALL', reply);
}

/** `readAll`, some fields in a turn of the event loop. */
async function readAllInTurns<As extends ValuesAs>(
  id: string,
  flat: readonly TextOrBytes[],
  as?: As,
): Promise<RowOf<As>> {
  if (flat.length <= 2 * FIELDS_PER_TURN) return orThrow(readAll(id, flat, as));
  const row: Record<string, TextOrBytes> = {};
  for (let from = 0; from < flat.length; from += 2 * FIELDS_PER_TURN) {
    if (from > 0) await nextTurn();
    const part = orThrow(readAll(id, flat.slice(from, from + 2 * FIELDS_PER_TURN), as));
    for (const [name, value] of Object.entries<TextOrBytes>(part)) setFeature(row, name, value);
  }
  return row as RowOf<As>; // of the kind that was asked for
}

/** A row of all that HGETALL replied, read as `as` says. Names are text in a row. */
export function readAll<As extends ValuesAs = 'text'>(
  id: string,
  flat: unknown,
  as?: As,
): RowOf<As> | FeatureStoreError {
  const fields = fieldsOf(flat);
  if (fields instanceof FeatureStoreError) return fields;
  const names: string[] = [];
  const values: TextOrBytes[] = [];
  for (const [given, value] of fields) {
    const name = textOf(given);
    if (name === undefined) return namelessField(id, given.length);
    names.push(name);
    values.push(value);
  }
  const row = as === 'bytes' ? decodeBytes(names, values) : decodeText(id, names, values);
  return row as RowOf<As> | FeatureStoreError; // of the kind that was asked for
}

function orThrow<Row>(row: Row | FeatureStoreError): Row {
  if (row instanceof FeatureStoreError) throw row;
  return row;
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
 * HTTL, in the order of the names: seconds; -1 no TTL; -2 no such field (of a missing key, no field is there). Servers
 * without field TTLs have fields without TTL. Some names are asked for at a time: each is written and read in one turn.
 */
export async function readFieldTtls(
  context: Context,
  key: string,
  names: readonly TextOrBytes[],
  options: CallOptions,
): Promise<number[]> {
  const ttls: number[] = [];
  for (let from = 0; from < names.length; from += FIELDS_PER_TURN) {
    const part = names.slice(from, from + FIELDS_PER_TURN);
    for (const ttl of await readTtlsOf(context, key, part, options)) ttls.push(ttl);
  }
  return ttls;
}

async function readTtlsOf(
  context: Context,
  key: string,
  names: readonly TextOrBytes[],
  options: CallOptions,
): Promise<number[]> {
  try {
    return await deliverOne(
      context,
      key,
      [['HTTL', key, 'FIELDS', names.length, ...names]],
      ([ttls]) => {
        if (ttls === null) return names.map(() => -2);
        if (!Array.isArray(ttls)) return unexpected('HTTL', ttls);
        const flat = ttls.flat();
        return names.map((_, index) => Number(flat[index] ?? -2));
      },
      options,
    );
  } catch (error) {
    if (!(error instanceof FeatureStoreError) || error.code !== 'UNSUPPORTED_SERVER') throw error;
    return readFieldPresence(context, key, names, options);
  }
}

async function readFieldPresence(
  context: Context,
  key: string,
  names: readonly TextOrBytes[],
  options: CallOptions,
): Promise<number[]> {
  return deliverOne(
    context,
    key,
    [['HMGET', key, ...names]],
    ([values]) =>
      Array.isArray(values)
        ? names.map((_, index) => (values[index] === null ? -2 : -1))
        : unexpected('HMGET', values),
    options,
  );
}
