/**
 * One command to one node, for what has no key: SCAN, COMMAND INFO. Never on the lane of online
 * reads.
 */

import { FeatureStoreError } from '../../errors.ts';
import type { Address } from '../address.ts';
import type { Connection } from '../control/connection.ts';
import { pauseAfterCut } from './cuts.ts';
import type { Deadline } from './deadline.ts';
import { LaneLost } from '../lanes/lane-lost.ts';
import { SingleCommand } from '../lanes/single-command.ts';
import { verdictOf } from '../routing/redirect.ts';
import { ServerError, type Reply } from '../resp/reply-reader.ts';

/** The node that is asked is no primary any more: it was replaced, or has left. */
export class PrimaryGone extends FeatureStoreError {
  constructor(address: Address) {
    super('SHARD_UNAVAILABLE', `${address} owns no slots any more.`);
  }
}

/**
 * The words of a command; or what they are after the connection was lost so often while it owed the
 * reply.
 */
export type Words = readonly (string | number)[] | ((cuts: number) => readonly (string | number)[]);

/**
 * The reply of a primary. A lost connection or a node that is LOADING is tried again until the
 * deadline.
 * @throws PrimaryGone; FeatureStoreError TIMEOUT, ABORTED, CLOSED, ACCESS_DENIED,
 * UNSUPPORTED_SERVER
 */
export async function askNode(
  connection: Connection,
  address: Address,
  words: Words,
  deadline: Deadline,
): Promise<Reply> {
  let obstacle: FeatureStoreError | undefined;
  let cuts = 0;
  while (!deadline.passed) {
    obstacle = undefined;
    const lane = connection.lane(address, 'control');
    try {
      const question = new SingleCommand(typeof words === 'function' ? words(cuts) : words);
      await deadline.race(lane.inTurn(() => lane.send(question)));
      const { reply } = question;
      if (!(reply instanceof ServerError)) return reply;
      const verdict = verdictOf(reply.message, address);
      if (verdict.kind === 'fail') {
        if (!verdict.isLoggedOut || !connection.logInAgain(address)) throw verdict.error;
        obstacle = verdict.error;
      }
      if (verdict.kind === 'wait') {
        obstacle = verdict.error;
        if (verdict.isDisplaced) connection.leave(address);
      }
    } catch (error) {
      if (!(error instanceof LaneLost)) throw error;
      if (!error.error.retryable) throw error.error;
      obstacle = error.error;
      const pauseMs = error.isCut ? pauseAfterCut(cuts++) : undefined;
      if (pauseMs !== undefined) {
        if (pauseMs > 0) await deadline.pause(pauseMs);
        continue;
      }
    }
    await deadline.pause(connection.limits.firstPauseMs * (1 + Math.random()));
    await deadline.race(connection.refreshOnSign());
    if (!connection.topology.isPrimary(address)) {
      throw new PrimaryGone(address);
    }
  }
  throw deadline.error(obstacle);
}
