/** Calls that read one entity, or delete it. */

import { readBatch } from './batch-read.ts';
import { checkCallOptions, type CallOptions, type ValueOptions } from './call-options.ts';
import { checkNames } from './codec.ts';
import { deliverOne, type Context } from './context.ts';
import type { RowOf, ValuesAs } from './features.ts';
import { readAll, readFieldTtls } from './inspect.ts';

/** @throws FeatureStoreError what the row fails with */
export async function readEntity<Name extends string, As extends ValuesAs>(
  context: Context,
  id: string,
  names: readonly Name[] | undefined,
  options: ValueOptions<As>,
): Promise<RowOf<As, Name>> {
  checkCallOptions('getFeatures', options, ['as', 'loadedOnly']);
  if (names === undefined) return readAll(context, id, options);
  const plan = { ids: [id], shape: context.readShapes.of(names) };
  const { rows, failed } = await readBatch<Name, As>(context, plan, options);
  if (failed[0]) throw failed[0].error;
  return rows[0] ?? ({} as RowOf<As, Name>);
}

export async function keyTtlSeconds(
  context: Context,
  id: string,
  options: CallOptions,
): Promise<number> {
  checkCallOptions('keyTtlSeconds', options);
  const read = ([ttl]: readonly unknown[]): number => Number(ttl);
  return deliverOne(context, { id, commands: [['TTL']], read }, options);
}

export async function fieldTtlsSeconds(
  context: Context,
  id: string,
  names: readonly string[],
  options: CallOptions,
): Promise<Record<string, number>> {
  checkCallOptions('fieldTtlsSeconds', options);
  context.layout.check(id);
  checkNames(names);
  if (names.length === 0) return {};
  const ttls = await readFieldTtls(context, id, names, String, options);
  return Object.fromEntries(names.map((name, index) => [name, ttls[index] ?? -2]));
}

/** Whether there was one. */
export async function deleteEntity(
  context: Context,
  id: string,
  options: CallOptions,
): Promise<boolean> {
  checkCallOptions('deleteEntity', options);
  const read = ([count]: readonly unknown[]): boolean => Number(count) === 1;
  return deliverOne(context, { id, commands: [['DEL']], read, does: 'write' }, options);
}
