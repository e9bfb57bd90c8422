/**
 * One parcel of rows on one lane: sent in one part or several, at the pace of its purpose, and
 * confirmed by replicas where the delivery asks for it. What an outcome means, and where the rows
 * without one go, is dispatch.ts's to decide.
 */

import { performance } from '../clock.ts';
import { FeatureStoreError } from '../errors.ts';
import type { Address } from './address.ts';
import { isStepDown, notConfirmed } from './confirmation.ts';
import type { Connection } from './connection.ts';
import type { Delivery } from './delivery.ts';
import type { Lane } from './lane.ts';
import { LaneLost } from './lane-lost.ts';
import { NextWays } from './next-ways.ts';
import { Question } from './question.ts';
import type { ReplySize } from './reply-size.ts';
import { ServerError } from './resp/reply-reader.ts';
import { RowExchange, type Batch, type Outcome } from './row-exchange.ts';
import { nextTurn } from './turns.ts';

/** Rows on their way to one node. */
export interface Parcel {
  readonly to: Address;
  readonly rows: readonly number[];
  readonly asking: boolean;
  /** Redirects followed since the last pause. */
  readonly redirects: number;
  /** Pauses taken so far. */
  readonly pauses: number;
  /** Connections that were cut under the rows so far. */
  readonly cuts: number;
  /** How often that was while the node owed the first row, and that one alone. */
  readonly loneCuts: number;
  /** How often the rows are sent with this; 1 is the first time. */
  readonly attempt: number;
}

/** A part of a parcel that was sent and answered. */
export interface SentPart {
  readonly keyCount: number;
  /** By performance.now(). */
  readonly sentAtMs: number;
  readonly elapsedMs: number;
}

/** The call that an attempt is a part of. */
export interface Call<Answer> {
  readonly connection: Connection;
  readonly batch: Batch<Answer>;
  readonly delivery: Delivery;
  /** Of the batch, or of the call where the batch has none. */
  readonly replySize: ReplySize;
  /** Takes what a row came to, once per row. */
  settle(attempt: Attempt<Answer>, row: number, outcome: Outcome<Answer>): void;
  /** Takes each part when it is answered. */
  notePart(parcel: Parcel, part: SentPart): void;
}

export class Attempt<Answer> {
  readonly parcel: Parcel;
  readonly exchange: RowExchange<Answer>;
  /** Where rows go next that were answered, but not settled. */
  readonly next: NextWays = new NextWays();
  readonly #call: Call<Answer>;
  /** Rows whose replies came, but which no replica has confirmed. */
  #held: [row: number, outcome: Outcome<Answer>][] = [];

  /** @param exchange was sent already, and gives its outcomes to somebody else */
  constructor(call: Call<Answer>, parcel: Parcel, exchange?: RowExchange<Answer>) {
    this.#call = call;
    this.parcel = parcel;
    const { minReplicas = 0 } = call.delivery;
    this.exchange =
      exchange ??
      new RowExchange(call.batch, parcel.rows, parcel.asking, (row, outcome) => {
        if (minReplicas > 0) this.#held.push([row, outcome]);
        else call.settle(this, row, outcome);
      });
  }

  /** Whether every row is settled by its replies. */
  get isDone(): boolean {
    return this.exchange.isRead && this.next.isEmpty && this.#held.length === 0;
  }

  /**
   * Resolves when all rows are read or the deadline has passed; with the reason where the
   * connection was lost.
   */
  async send(): Promise<LaneLost | undefined> {
    const { connection, delivery } = this.#call;
    const { deadline, purpose } = delivery;
    const lane = connection.lane(this.parcel.to, purpose);
    const sent = this.#send(lane);
    try {
      await deadline.race(sent);
    } catch (error) {
      if (error instanceof LaneLost) return error;
      if (!deadline.passed) throw error;
      if (deadline.isLate && lane.readArrived()) await Promise.race([ended(sent), nextTurn()]);
    }
    return undefined;
  }

  /** Gives the rows that are not settled and have nowhere to go yet; they are not held any more. */
  takeOpenRows(): readonly number[] {
    const rows = [...this.#held.map(([row]) => row), ...this.exchange.openRows];
    this.#held = [];
    return rows;
  }

  /**
   * Bulk work takes its turn on the lane; online reads do so when it is crowded, or their replies
   * are large.
   */
  #send(lane: Lane): Promise<void> {
    const { exchange } = this;
    const { connection, delivery, replySize } = this.#call;
    const { deadline, purpose } = delivery;
    if (purpose !== 'online') lane.allow(connection.pace.now.chunksInFlight);
    else if (!lane.crowded && !replySize.isHeavy(exchange.openCount)) return this.#sendPart(lane);
    return lane.inTurn(async () => {
      // The deadline may have passed while this chunk waited for its turn.
      while (!deadline.passed && !exchange.isRead) await this.#sendNext(lane);
    });
  }

  /** Sends as many rows as the pace and the size of their replies allow. */
  #sendNext(lane: Lane): Promise<void> {
    const { exchange } = this;
    const { connection, batch, delivery, replySize } = this.#call;
    const { pace } = connection;
    let rowsAtPace = exchange.openCount;
    if (delivery.purpose !== 'online') {
      lane.allow(pace.now.chunksInFlight);
      if (batch.slot === undefined) rowsAtPace = pace.rowsPerWrite(lane.roundTripMs);
    }
    const takes = batch.slot === undefined ? replySize.rowsPerPart : replySize.rowsPerWhole;
    exchange.rowsPerPart = Math.min(rowsAtPace, takes);
    if (!replySize.isHeavy(Math.min(exchange.rowsPerPart, exchange.openCount))) {
      return this.#sendPart(lane);
    }
    return lane.alone(async () => {
      if (!delivery.deadline.passed) await this.#sendPart(lane);
    });
  }

  async #sendPart(lane: Lane): Promise<void> {
    const { parcel, exchange } = this;
    const { connection, batch, delivery } = this.#call;
    const { counters, pace } = connection;
    const sentAtMs = performance.now();
    if (delivery.purpose === 'online') pace.noteOnline(sentAtMs);
    const keyCount = exchange.nextPart();
    counters.countPipeline(parcel.to, keyCount * batch.commandsPerRow);
    if (delivery.minReplicas) await this.#sendAndConfirm(lane, delivery.minReplicas);
    else await lane.send(exchange);
    const elapsedMs = performance.now() - sentAtMs;
    counters.countLatency(parcel.to, elapsedMs);
    lane.noteRoundTrip(elapsedMs);
    this.#call.replySize.noteAnswered();
    this.#call.notePart(parcel, { keyCount, sentAtMs, elapsedMs });
  }

  /** WAIT follows the rows in the same write; their outcomes count once it is answered. */
  async #sendAndConfirm(lane: Lane, minReplicas: number): Promise<void> {
    const { replicaWaitMs, lateReplicaWaitMs } = this.#call.connection.limits;
    const waitMs = lane.isShortOfReplicas ? lateReplicaWaitMs : replicaWaitMs;
    const wait = new Question(['WAIT', minReplicas, waitMs]);
    await Promise.all([lane.send(this.exchange), lane.send(wait)]);
    const held = this.#held;
    this.#held = [];
    const isConfirmed = typeof wait.reply === 'number' && wait.reply >= minReplicas;
    lane.noteReplicas(isConfirmed);
    if (isStepDown(wait.reply)) this.#call.connection.leave(lane.address);
    for (const [row, outcome] of held) {
      const isWritten = !(outcome instanceof FeatureStoreError || outcome instanceof ServerError);
      const holds = isConfirmed || !isWritten;
      const fate = holds ? outcome : notConfirmed(wait.reply, minReplicas, lane.address);
      this.#call.settle(this, row, fate);
    }
  }
}

function ended(work: Promise<void>): Promise<void> {
  return work.catch(() => undefined);
}
