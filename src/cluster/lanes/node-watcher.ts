import type { FeatureStoreError } from '../../errors.ts';
import type { WireEnd } from './wire.ts';

/** How a connection, or an attempt to open one, has ended. */
export interface NodeLoss extends Pick<WireEnd, 'isUnanswered'> {
  /** Whether the connection had been open. */
  readonly wasOpen: boolean;
  /** Whether it was given up, as the node owed replies and was silent for too long. */
  readonly isTooSilent: boolean;
}

/** Takes what a lane sees of its node. */
export interface NodeWatcher {
  /** The node has said something. A greeting does not say that it can answer rows. */
  onHeard(what: 'reply' | 'greeting'): void;
  /**
   * The time of a row is up that was sent at `sinceMs`, by performance.now(); the node owes
   * replies, and has said nothing since.
   */
  onLate(sinceMs: number): void;
  onLost(error: FeatureStoreError, loss: NodeLoss): void;
}
