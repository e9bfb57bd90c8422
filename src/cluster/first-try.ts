/**
 * The usual fate of a batch of one row: one attempt, one answer. Single reads come by the thousand,
 * so it goes straight to its lane, with one promise and no tables of rows. An attempt that ends
 * otherwise is where dispatch.ts goes on.
 */

import { performance } from '../clock.ts';
import { FeatureStoreError } from '../errors.ts';
import type { Connection } from './connection.ts';
import type { Deadline } from './deadline.ts';
import type { Lane, Owed } from './lane.ts';
import type { LaneLost } from './lane-lost.ts';
import { ServerError } from './resp/reply-reader.ts';
import { RowExchange, type Batch, type Outcome } from './row-exchange.ts';

/** The rows of a batch of one. */
export const ONLY_ROW: readonly number[] = [0];

export class FirstTry<Answer> implements Owed {
  readonly lane: Lane;
  readonly exchange: RowExchange<Answer>;
  /** What the row came to, once it is read. */
  outcome: Outcome<Answer> | undefined;
  /** Why no reply will come. */
  lost: LaneLost | undefined;
  readonly #connection: Connection;
  readonly #deadline: Deadline;
  readonly #commandCount: number;
  #sentAtMs = 0;
  /** Called once. */
  #onEnd: (() => void) | undefined;

  /** @param lane is open */
  constructor(connection: Connection, lane: Lane, batch: Batch<Answer>, deadline: Deadline) {
    this.#connection = connection;
    this.lane = lane;
    this.#deadline = deadline;
    this.#commandCount = batch.commandsPerRow;
    this.exchange = new RowExchange(batch, ONLY_ROW, false, (_, outcome) => {
      this.outcome = outcome;
    });
  }

  /**
   * @param onEnd is called when the row is read, the connection was lost, or the deadline has
   * passed
   */
  send(onEnd: () => void): void {
    this.#onEnd = onEnd;
    this.#sentAtMs = performance.now();
    this.#connection.pace.noteOnline(this.#sentAtMs);
    this.exchange.nextPart();
    this.#connection.counters.countPipeline(this.lane.address, this.#commandCount);
    this.#deadline.onPass(this.#end);
    this.lane.post(this);
  }

  /** Whether the row has its answer, which is no error. */
  get isAnswered(): boolean {
    const { outcome, exchange } = this;
    if (!exchange.isRead) return false;
    return !(outcome instanceof FeatureStoreError || outcome instanceof ServerError);
  }

  resolve(): void {
    const elapsedMs = performance.now() - this.#sentAtMs;
    this.#connection.counters.countLatency(this.lane.address, elapsedMs);
    this.lane.noteRoundTrip(elapsedMs);
    this.#end();
  }

  reject(lost: LaneLost): void {
    this.lost = lost;
    this.#end();
  }

  readonly #end = (): void => {
    this.#deadline.offPass(this.#end);
    const onEnd = this.#onEnd;
    this.#onEnd = undefined; // a reply may come after the deadline
    onEnd?.();
  };
}
