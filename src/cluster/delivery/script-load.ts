/**
 * Gives a node a script that it does not know: scripts are kept by each node for itself, and are
 * gone when it restarts. Calls that ask for the same at the same time share the answer.
 */

import { FeatureStoreError } from '../../errors.ts';
import type { Address } from '../address.ts';
import type { Connection } from '../control/connection.ts';
import type { Deadline } from './deadline.ts';
import { askNode } from './node-command.ts';

const underWay = new WeakMap<Connection, Map<string, Promise<unknown>>>();

/** @throws FeatureStoreError TIMEOUT, ABORTED, CLOSED, ACCESS_DENIED, …; PrimaryGone */
export async function loadScript(
  connection: Connection,
  address: Address,
  script: string,
  deadline: Deadline,
): Promise<void> {
  const loads = underWay.get(connection) ?? new Map<string, Promise<unknown>>();
  underWay.set(connection, loads);
  const name = `${address} ${script}`;
  const shared = loads.get(name);
  // The other call may give up before this one.
  if (
    shared &&
    (await deadline.race(
      shared.then(
        () => true,
        () => false,
      ),
    ))
  )
    return;
  const load = askNode(connection, address, ['SCRIPT', 'LOAD', script], deadline);
  loads.set(name, load);
  try {
    await load;
  } finally {
    if (loads.get(name) === load) loads.delete(name);
  }
}

/** The error of rows whose node is given a script and does not know it. */
export function scriptsVanish(address: Address): FeatureStoreError {
  return new FeatureStoreError(
    'SHARD_UNAVAILABLE',
    `${address} knows no script that it was just given: is SCRIPT FLUSH called all the time?`,
  );
}
