/**
 * One parcel of rows on one lane: sent at once, or in parts at the pace of bulk work, and confirmed
 * by replicas where the delivery asks for it. What an outcome means, and where the rows without one
 * go, is dispatch.ts's to decide.
 */

import { performance } from '../../runtime/clock.ts';
import { nextTurn } from '../../runtime/slices.ts';
import { FeatureStoreError } from '../../errors.ts';
import type { Batch } from '../batch.ts';
import type { Connection } from '../control/connection.ts';
import type { Lane, Owed } from '../lanes/lane.ts';
import type { LaneLost } from '../lanes/lane-lost.ts';
import { RowExchange, type Outcome, type RowReceiver } from '../lanes/row-exchange.ts';
import { SingleCommand } from '../lanes/single-command.ts';
import { ServerError } from '../resp/reply.ts';
import type { ReplySize } from '../resp/reply-size.ts';
import type { Gather } from '../routing/gather.ts';
import { isStepDown, notConfirmed } from './confirmation.ts';
import type { Delivery } from './delivery.ts';
import type { Parcel } from './parcel.ts';
import type { UnsettledRows } from './unsettled-rows.ts';

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
  /** Takes the answers. */
  readonly gather: Gather<Answer>;
  /** Of the batch, or of the call where the batch has none. */
  readonly replySize: ReplySize;
  /** Takes what a row came to, where it may be an error; once per row. */
  settle(attempt: Attempt<Answer>, row: number, outcome: Outcome<Answer>): void;
  /** Takes each part when it is answered. */
  notePart(parcel: Parcel, part: SentPart): void;
}

export class Attempt<Answer> implements Owed, RowReceiver<Answer> {
  readonly parcel: Parcel;
  readonly exchange: RowExchange<Answer>;
  /** Rows that were answered, but not settled. */
  unsettled: UnsettledRows | undefined;
  readonly #call: Call<Answer>;
  #lane: Lane | undefined;
  /** Not 0: a field that holds integers first gets another hidden class later (specimens.ts). */
  #sentAtMs: number = Number.NaN;
  #partCount = 0;
  /** Called once. */
  #onEnd: ((error?: unknown) => void) | undefined;
  /** Rows whose replies came, but which no replica has confirmed. */
  #held: [row: number, outcome: Outcome<Answer>][] | undefined;

  constructor(call: Call<Answer>, parcel: Parcel) {
    this.#call = call;
    this.parcel = parcel;
    const { batch, delivery, gather } = call;
    const answers = delivery.minReplicas ? this : gather;
    this.exchange = new RowExchange(batch, parcel.rows, parcel.asking, this, answers);
  }

  /** Whether every row is settled by its replies. */
  get isDone(): boolean {
    return (
      this.exchange.openCount === 0 && this.unsettled === undefined && this.#held === undefined
    );
  }

  /**
   * @param onEnd is called when all rows are read, or the deadline has passed; or with the error
   * when the connection was lost
   */
  start(onEnd: (error?: unknown) => void): void {
    const { connection, delivery, replySize } = this.#call;
    const lane = connection.lane(this.parcel.to, delivery.purpose);
    this.#lane = lane;
    this.#onEnd = onEnd;
    delivery.deadline.onPass(this.#onPass);
    const isDirect =
      delivery.purpose === 'online' && !lane.crowded && !replySize.isHeavy(this.exchange.openCount);
    if (isDirect && lane.isOpen) {
      this.#beginPart();
      lane.post(this);
    } else {
      const sent = isDirect ? this.#sendPart(lane) : this.#sendInTurn(lane);
      sent.then(
        () => this.#end(),
        (error: unknown) => this.#end(error),
      );
    }
  }

  /** Gives the rows that are not settled and have nowhere to go yet; they are not held any more. */
  takeOpenRows(): readonly number[] {
    const rows = [...(this.#held ?? []).map(([row]) => row), ...this.exchange.openRows];
    this.#held = undefined;
    return rows;
  }

  answer(row: number, answer: Answer): void {
    (this.#held ??= []).push([row, answer]);
  }

  settle(row: number, outcome: Outcome<Answer>): void {
    if (this.#call.delivery.minReplicas) (this.#held ??= []).push([row, outcome]);
    else this.#call.settle(this, row, outcome);
  }

  noteSent(commandCount: number): void {
    this.#call.connection.counters.countPipeline(this.parcel.to, commandCount);
  }

  /** All that was posted is read. */
  resolve(): void {
    this.#endPart();
    this.#end();
  }

  reject(lost: LaneLost): void {
    this.#end(lost);
  }

  #end(error?: unknown): void {
    const onEnd = this.#onEnd;
    this.#onEnd = undefined; // replies may come after the deadline
    if (onEnd === undefined) return;
    this.#call.delivery.deadline.offPass(this.#onPass);
    onEnd(error);
  }

  /** What has arrived by now came in time. */
  readonly #onPass = (): void => {
    const [lane, { isLate }] = [this.#lane, this.#call.delivery.deadline];
    if (isLate && lane?.readArrived()) return void nextTurn().then(() => this.#end());
    if (isLate && lane?.isSilentSince(this.#sentAtMs)) lane.watcher?.onLate(this.#sentAtMs);
    this.#end();
  };

  /**
   * Bulk work takes its turn on the lane; online reads do so when it is crowded, or their replies
   * are large.
   */
  #sendInTurn(lane: Lane): Promise<void> {
    const { deadline } = this.#call.delivery;
    return lane.inTurn(async () => {
      // The deadline may have passed while this chunk waited for its turn.
      while (!deadline.passed && this.exchange.openCount > 0) await this.#sendNext(lane);
    });
  }

  /** Sends as many rows as the pace and the size of their replies allow. */
  #sendNext(lane: Lane): Promise<void> {
    const { exchange } = this;
    const { batch, delivery, replySize } = this.#call;
    const isWhole = batch.keys.slot !== undefined;
    const takes = isWhole ? replySize.rowsPerWhole : replySize.rowsPerPart;
    exchange.rowsPerPart = isWhole ? takes : Math.min(lane.rowsPerWrite, takes);
    if (!replySize.isHeavy(Math.min(exchange.rowsPerPart, exchange.openCount))) {
      return this.#sendPart(lane);
    }
    return lane.alone(async () => {
      if (!delivery.deadline.passed) await this.#sendPart(lane);
    });
  }

  async #sendPart(lane: Lane): Promise<void> {
    const { minReplicas } = this.#call.delivery;
    this.#beginPart();
    if (minReplicas) await this.#sendAndConfirm(lane, minReplicas);
    else await lane.send(this.exchange);
    this.#endPart();
  }

  #beginPart(): void {
    const { connection, delivery } = this.#call;
    this.#sentAtMs = performance.now();
    if (delivery.purpose === 'online') connection.pace.noteOnline(this.#sentAtMs);
    this.#partCount = this.exchange.nextPart();
  }

  #endPart(): void {
    const { connection, replySize } = this.#call;
    const [keyCount, sentAtMs] = [this.#partCount, this.#sentAtMs];
    const elapsedMs = performance.now() - sentAtMs;
    connection.counters.countLatency(this.parcel.to, elapsedMs);
    this.#lane?.noteRoundTrip(elapsedMs);
    replySize.noteAnswered();
    this.#call.notePart(this.parcel, { keyCount, sentAtMs, elapsedMs });
  }

  /** WAIT follows the rows in the same write; their outcomes count once it is answered. */
  async #sendAndConfirm(lane: Lane, minReplicas: number): Promise<void> {
    const { replicaWaitMs, lateReplicaWaitMs } = this.#call.connection.limits;
    const waitMs = lane.isShortOfReplicas ? lateReplicaWaitMs : replicaWaitMs;
    const wait = new SingleCommand(['WAIT', minReplicas, waitMs]);
    await Promise.all([lane.send(this.exchange), lane.send(wait)]);
    const held = this.#held ?? [];
    this.#held = undefined;
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
