/** One command to one node, for what has no key: SCAN, COMMAND INFO. */

import type { FeatureStoreError } from '../errors.ts';
import type { Address } from './address.ts';
import type { Connection } from './connection.ts';
import type { Deadline } from './deadline.ts';
import { LaneLost, type Command, type Reply } from './lane.ts';
import { verdictOf } from './redirect.ts';

/**
 * The node's reply. A lost connection or a node that is LOADING is tried again until the deadline.
 * @throws FeatureStoreError TIMEOUT, ABORTED, CLOSED, ACCESS_DENIED, UNSUPPORTED_SERVER
 */
export async function askNode(
  connection: Connection,
  address: Address,
  command: Command,
  deadline: Deadline,
): Promise<Reply> {
  let obstacle: FeatureStoreError | undefined;
  while (!deadline.passed) {
    obstacle = undefined;
    const lane = connection.lane(address, 'online');
    try {
      const sent = lane.limit(() => lane.send([[command]], false));
      const reply = (await deadline.race(sent))[0]?.[0];
      if (!(reply instanceof Error)) return reply;
      const verdict = verdictOf(reply.message, address);
      if (verdict.kind === 'fail') throw verdict.error;
      if (verdict.kind === 'wait') obstacle = verdict.error;
    } catch (error) {
      if (!(error instanceof LaneLost)) throw error;
      if (!error.error.retryable) throw error.error;
      obstacle = error.error;
    }
    await deadline.pause(connection.limits.firstPauseMs * (1 + Math.random()));
  }
  throw deadline.error(obstacle);
}
