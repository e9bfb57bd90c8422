/** What is refused of `redisOptions`, by the table of ioredis's options. */

import type { RedisOptions } from '../cluster/control/connect.ts';
import { REDIS_OPTIONS, type OptionRow } from '../cluster/control/option-table.ts';
import { checkInteger, pathTo, refuse, show, showKind } from './option-checks.ts';
import { MAX_DATABASE } from './limits.ts';

/** @throws FeatureStoreError INVALID_OPTION */
export function checkRedisOptions(redisOptions: unknown): asserts redisOptions is RedisOptions {
  if (typeof redisOptions !== 'object' || redisOptions === null || Array.isArray(redisOptions)) {
    refuse(`redisOptions must be an object of ioredis options, but is ${showKind(redisOptions)}.`);
  }
  const given: Readonly<Record<string, unknown>> = { ...redisOptions };
  const { Connector } = given;
  if (isSet(Connector) && typeof Connector !== 'function') {
    refuse(`redisOptions.Connector must be a class, but is ${showKind(Connector)}.`);
  }
  for (const [name, value] of Object.entries(given)) {
    if (!isSet(value)) continue;
    const path = pathTo('redisOptions', name);
    const row = rowOf(name);
    // A Connector is made with the options, and may read some of its own.
    if (row === undefined && !isSet(Connector)) refuse(`${path} is not an option of ioredis.`);
    if (row?.redisOptions === 'refused') refuse(`${path} is not for here. ${row.why}`);
  }
  const { db, protocol } = given;
  if (isSet(db)) checkDatabase('redisOptions.db', db);
  if (isSet(protocol) && protocol !== 2 && protocol !== 3) {
    refuse(`redisOptions.protocol must be 2 or 3, but is ${show(protocol)}.`);
  }
}

/** ioredis's own defaults of options that do nothing until they are set. */
function isSet(value: unknown): boolean {
  return value !== undefined && value !== null && value !== '' && value !== false;
}

function rowOf(name: string): OptionRow | undefined {
  const rows: Readonly<Record<string, OptionRow>> = REDIS_OPTIONS;
  return Object.hasOwn(rows, name) ? rows[name] : undefined;
}

/** @throws FeatureStoreError INVALID_OPTION */
export function checkDatabase(path: string, db: unknown): number {
  return checkInteger(path, db, { min: 0, max: MAX_DATABASE });
}
