/** One entity with both TTL layers: for people who ask why a feature is missing. */

import { FeatureStoreError } from '../errors.ts';
import type { CallOptions } from './call-options.ts';
import { deliverOne, type Context } from './context.ts';
import type { FeatureRow } from './features.ts';
import { decodeRow } from './codec.ts';
import { unexpected } from './unexpected-reply.ts';

export interface InspectedField {
  readonly name: string;
  readonly value: string;
  /** Seconds until the field expires; -1: it has no TTL of its own. */
  readonly ttlSeconds: number;
}

export interface InspectedEntity {
  readonly exists: boolean;
  /** Seconds until the entity expires; -1: no TTL; -2: no such entity. */
  readonly keyTtlSeconds: number;
  /** By name, ascending. */
  readonly fields: readonly InspectedField[];
}

/** HGETALL and TTL, then HTTL for the fields that were there. A field that expires meanwhile is left out. */
export async function inspectEntity(
  context: Context,
  key: string,
  options: CallOptions,
): Promise<InspectedEntity> {
  const { row, keyTtlSeconds } = await deliverOne(
    context,
    key,
    [
      ['HGETALL', key],
      ['TTL', key],
    ],
    ([flat, ttl]) => {
      const all = readAll(flat);
      return all instanceof FeatureStoreError ? all : { row: all, keyTtlSeconds: Number(ttl) };
    },
    options,
  );
  const names = Object.keys(row).sort();
  if (names.length === 0) return { exists: false, keyTtlSeconds: -2, fields: [] };
  const ttls = await readFieldTtls(context, key, names, options);
  const fields = names
    .map((name) => ({ name, value: row[name] ?? '', ttlSeconds: ttls.get(name) ?? -1 }))
    .filter(({ ttlSeconds }) => ttlSeconds !== -2);
  return { exists: true, keyTtlSeconds, fields };
}

/** HGETALL replies `[name, value, …]`. */
export function readAll(flat: unknown): FeatureRow | FeatureStoreError {
  if (!Array.isArray(flat)) return unexpected('HGETALL', flat);
  const names = flat.filter((_, index) => index % 2 === 0).map(String);
  return decodeRow(
    names,
    flat.filter((_, index) => index % 2 === 1),
  );
}

/**
 * HTTL, per field: seconds; -1 no TTL; -2 no such field (of a missing key, no field is there). Servers
 * without field TTLs have fields without TTL.
 */
export async function readFieldTtls(
  context: Context,
  key: string,
  names: readonly string[],
  options: CallOptions,
): Promise<Map<string, number>> {
  try {
    return await deliverOne(
      context,
      key,
      [['HTTL', key, 'FIELDS', names.length, ...names]],
      ([ttls]) => {
        if (ttls === null) return new Map(names.map((name) => [name, -2]));
        if (!Array.isArray(ttls)) return unexpected('HTTL', ttls);
        return new Map(names.map((name, index) => [name, Number(ttls.flat()[index] ?? -2)]));
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
  names: readonly string[],
  options: CallOptions,
): Promise<Map<string, number>> {
  return deliverOne(
    context,
    key,
    [['HMGET', key, ...names]],
    ([values]) =>
      Array.isArray(values)
        ? new Map(names.map((name, index) => [name, values[index] === null ? -2 : -1]))
        : unexpected('HMGET', values),
    options,
  );
}
