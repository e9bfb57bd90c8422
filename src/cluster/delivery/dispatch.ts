/**
 * Delivers a batch: scatter, lanes, redirects and retries, gather. The one place with the ifs.
 *
 *   rows ─▶ by shard ─▶ chunks ─▶ attempt ─┬─ answered ────────────▶ gather
 *                          ▲               ├─ MOVED, ASK: now ─────▶ attempt there, these rows alone
 *                          ├── cut: now ◀──┤                         the table is refreshed
 *                          │               ├─ NOSCRIPT: it is given ─▶ attempt there again
 *                          └── look again ◀┴─ TRYAGAIN, lost, …: pause, refresh the slot table
 *
 * What holds:
 * - The row is the unit: its commands are answered together, and together asked again. (HSET sent
 *   again alone, after its EXPIRE found no key, would leave a key that never expires.)
 * - A row that was answered is never asked again, and every row is settled exactly once.
 * - An error is never turned into an absent row; a row fails with the reason.
 * - The call ends by its deadline, with the rows that were answered until then.
 * - Chunks do not wait for each other: one dead shard delays its own rows only. Where it is known
 *   to be down, and `onShardDown` says so, rows that would be sent to it fail at once.
 */

import { performance } from '../../runtime/clock.ts';
import { FeatureStoreError, notePlace } from '../../errors.ts';
import type { Address } from '../address.ts';
import { Attempt, type Call, type SentPart } from './attempt.ts';
import { type Connection } from '../control/connection.ts';
import { LANES_PER_TURN, LATE_ROWS_PER_TURN, ROWS_ROUTED_PER_TURN } from '../limits.ts';
import { NO_OWNER } from '../control/counters.ts';
import { cutOff, pauseAfterCut } from './cuts.ts';
import { firstTo, START, type Parcel, type SoFar } from './parcel.ts';
import type { Deadline } from './deadline.ts';
import type { Delivery, PipelineReport } from './delivery.ts';
import {
  reportConnectionLost,
  reportRows,
  type RowsEvent,
  type RowsEventKind,
} from '../control/diagnostics.ts';
import { Gather, type Gathered } from '../routing/gather.ts';
import { LaneLost } from '../lanes/lane-lost.ts';
import { loadScript, scriptsVanish } from './script-load.ts';
import { UnsettledRows } from './unsettled-rows.ts';
import { verdictOf } from '../routing/redirect.ts';
import { ReplySize } from '../resp/reply-size.ts';
import { ServerError } from '../resp/reply.ts';
import type { Batch } from '../batch.ts';
import type { Outcome } from '../lanes/row-exchange.ts';
import { Scatter } from '../routing/scatter.ts';
import { nextTurn } from '../../runtime/slices.ts';

export function dispatch<Answer>(
  connection: Connection,
  batch: Batch<Answer>,
  delivery: Delivery,
): Promise<Gathered<Answer>> {
  return new Dispatch(connection, batch, delivery).run();
}

/** One of each that a dispatch is made of, to be held for their hidden classes. */
export function dispatchSpecimens<Answer>(
  connection: Connection,
  batch: Batch<Answer>,
  deadline: Deadline,
): object[] {
  const call = new Dispatch(connection, batch, { deadline, purpose: 'online' });
  return [
    call, // and its Gather
    new Scatter(connection.limits, () => undefined),
    new Attempt(call, firstTo('specimen', ONLY_ROW, START)), // its RowExchange
  ];
}

class Dispatch<Answer> implements Call<Answer> {
  readonly connection: Connection;
  readonly batch: Batch<Answer>;
  readonly delivery: Delivery;
  readonly replySize: ReplySize;
  readonly gather: Gather<Answer>;
  /** Where pipelines are reported. */
  readonly #startedAtMs: number;
  /** Reported at the end, so that a callback that throws cannot leave rows in flight. */
  #reports: PipelineReport[] | undefined;
  /** By row, what stood in its way last; reported if the deadline passes. */
  #obstacles: (FeatureStoreError | undefined)[] | undefined;
  /** Rows that are late fail one chunk after the other: all chunks may be late at once. */
  #late: Promise<void> | undefined;
  #lateRowsLeft = LATE_ROWS_PER_TURN;

  constructor(connection: Connection, batch: Batch<Answer>, delivery: Delivery) {
    this.connection = connection;
    this.batch = batch;
    this.delivery = delivery;
    this.#startedAtMs = delivery.onPipeline ? performance.now() : Number.NaN;
    this.replySize = batch.replies.size ?? new ReplySize();
    this.gather = new Gather(batch.keys.count);
  }

  run(): Promise<Gathered<Answer>> {
    const { keys } = this.batch;
    const { deadline, onPipeline } = this.delivery;
    const isSimple = keys.count === 1 && onPipeline === undefined && !deadline.passed;
    const owner = isSimple ? this.#ownerOf(0) : undefined;
    const { health } = this.connection;
    if (owner !== undefined && !health.failsRowsOf(owner)) return this.#runOne(owner);
    return this.#route(undefined, START).then(() => this.#result());
  }

  /** Single reads and writes come by the thousand: what goes well takes one promise and no tables. */
  #runOne(owner: Address): Promise<Gathered<Answer>> {
    return new Promise((resolve, reject) => {
      const attempt = new Attempt(this, firstTo(owner, ONLY_ROW, START));
      attempt.start((why) => {
        if (attempt.isDone) resolve(this.#result());
        else this.#goOn(attempt, why).then(() => resolve(this.#result()), reject);
      });
    });
  }

  #result(): Gathered<Answer> {
    const { onPipeline } = this.delivery;
    if (onPipeline) for (const report of this.#reports ?? []) onPipeline(report);
    return this.gather.result();
  }

  #ownerOf(row: number): Address | undefined {
    const { keys } = this.batch;
    return this.connection.topology.ownerOf(keys.slot ?? keys.slotOf(row));
  }

  /**
   * Sends rows, or all, to the shards that own them now; many of them in slices, a turn of the loop
   * between two.
   */
  async #route(rows: readonly number[] | undefined, so: SoFar): Promise<void> {
    const { limits } = this.connection;
    const deliveries: Promise<void>[] = [];
    const unrouted: number[] = [];
    const { keys, commands } = this.batch;
    if (keys.slot !== undefined) return this.#routeWhole(rows ?? countUp(keys.count), so);
    const scatter = new Scatter(limits, (to, chunk) => {
      const delivery = this.#deliver(firstTo(to, chunk, so));
      delivery.catch(() => undefined); // awaited below, when all are on their way
      deliveries.push(delivery);
    });
    let { topology } = this.connection;
    let rowsLeft = ROWS_ROUTED_PER_TURN;
    const rowCount = rows?.length ?? keys.count;
    for (let at = 0; at < rowCount; at++) {
      if (rowsLeft-- === 0) {
        await nextTurn();
        ({ topology } = this.connection);
        rowsLeft = ROWS_ROUTED_PER_TURN - 1;
      }
      const row = rows === undefined ? at : (rows[at] ?? 0);
      const owner = topology.ownerOf(keys.slotOf(row));
      if (owner === undefined) unrouted.push(row);
      else scatter.add(row, owner, commands.bytesOf(row));
    }
    let chunksLeft = LANES_PER_TURN; // each may have to open one
    for (const _ of scatter.end()) {
      if (--chunksLeft > 0) continue;
      await nextTurn();
      chunksLeft = LANES_PER_TURN;
    }
    if (unrouted.length > 0) deliveries.push(this.#routeLater(unrouted, nobodyOwns(), so));
    await Promise.all(deliveries);
  }

  /** Sends rows that share a slot to the shard that owns it now. */
  #routeWhole(rows: readonly number[], so: SoFar): Promise<void> {
    const owner = this.#ownerOf(rows[0] ?? 0);
    if (owner === undefined) return this.#routeLater(rows, nobodyOwns(), so);
    return this.#deliver(firstTo(owner, rows, so));
  }

  async #deliver(parcel: Parcel): Promise<void> {
    if (this.delivery.deadline.passed) return this.#failLate(parcel.rows, parcel);
    const { health } = this.connection;
    if (health.failsRowsOf(parcel.to)) {
      const unsent = { ...parcel, attempt: parcel.attempt - 1 };
      return this.#failAll(unsent, parcel.rows, health.errorOf(parcel.to));
    }
    const attempt = new Attempt(this, parcel);
    const error = await new Promise<unknown>((resolve) => attempt.start(resolve));
    if (!attempt.isDone) await this.#goOn(attempt, error);
  }

  /**
   * Does what is left to do for the rows of an attempt, as far as they were not settled by their
   * replies.
   */
  async #goOn(attempt: Attempt<Answer>, error: unknown): Promise<void> {
    const { parcel, exchange, unsettled } = attempt;
    const openRows = attempt.takeOpenRows();
    if (this.delivery.deadline.passed) {
      exchange.abandon();
      return this.#failLate([...openRows, ...(unsettled?.rows() ?? [])], parcel);
    }
    if (error !== undefined && !(error instanceof LaneLost)) throw error;
    const { moved = [], asked = [], unscripted, waiting, obstacle } = unsettled ?? {};
    await Promise.all([
      error && this.#afterLoss(attempt, openRows, error),
      ...[...moved].map(([to, rows]) => this.#redirect(parcel, to, rows, false)),
      ...[...asked].map(([to, rows]) => this.#redirect(parcel, to, rows, true)),
      unscripted && this.#giveScript(parcel, unscripted),
      waiting && obstacle && this.#routeLater(waiting, obstacle, parcel),
    ]);
  }

  /** Settles the row if its outcome is final; otherwise notes what to do with it. */
  settle(attempt: Attempt<Answer>, row: number, outcome: Outcome<Answer>): void {
    const { parcel } = attempt;
    if (outcome instanceof FeatureStoreError) return this.#failAlone(parcel, row, outcome);
    if (!(outcome instanceof ServerError)) return this.gather.answer(row, outcome);
    const verdict = verdictOf(outcome.message, parcel.to);
    if (verdict.kind === 'fail') {
      const goesOn = verdict.isLoggedOut && this.connection.logInAgain(parcel.to);
      if (!goesOn) return this.#failAlone(parcel, row, verdict.error);
    }
    const next = (attempt.unsettled ??= new UnsettledRows());
    if (verdict.kind === 'script') return void (next.unscripted ??= []).push(row);
    if (verdict.kind === 'fail') return next.wait(row, verdict.error);
    if (verdict.kind === 'wait') {
      if (verdict.isDisplaced) this.connection.leave(parcel.to);
      return next.wait(row, verdict.error);
    }
    const target = this.connection.reach(verdict.address);
    // A node sends nobody to itself: its name means another one by now.
    if (target === parcel.to) this.connection.leave(target);
    if (verdict.kind === 'moved') this.connection.topology.assign(verdict.slot, target);
    next.go(verdict.kind, target, row);
  }

  notePart({ to: shard }: Parcel, { keyCount, sentAtMs, elapsedMs }: SentPart): void {
    if (this.delivery.onPipeline === undefined) return;
    (this.#reports ??= []).push({
      shard,
      keyCount,
      startMs: sentAtMs - this.#startedAtMs,
      elapsedMs,
    });
  }

  async #afterLoss(
    { parcel, exchange }: Attempt<Answer>,
    rows: readonly number[],
    { error, isCut }: LaneLost,
  ): Promise<void> {
    const { to: shard, attempt, pauses, cuts } = parcel;
    this.connection.counters.of(shard).lostConnections++;
    reportConnectionLost({ shard, attempt, error });
    if (!error.retryable) return this.#failAll(parcel, rows, error);
    const { partCount, hasBegun, openRows } = exchange;
    const isInPart = isCut && exchange.isUnderWay;
    const isLone = isInPart && partCount === 1;
    if (isInPart) this.replySize.noteCut(partCount);
    const loneCuts = (hasBegun ? 0 : parcel.loneCuts) + (isLone ? 1 : 0);
    const obstacle = isLone ? cutOff(shard, loneCuts, error) : error;
    if (loneCuts >= this.connection.limits.cutsOfOneRow) {
      this.#fail(parcel, openRows[0] ?? 0, obstacle);
      const others = rows.filter((row) => row !== openRows[0]);
      if (others.length > 0) await this.#routeLater(others, error, { ...parcel, loneCuts: 0 });
      return;
    }
    const pauseMs = isCut ? pauseAfterCut(cuts) : undefined;
    if (pauseMs === undefined) return this.#routeLater(rows, obstacle, { ...parcel, loneCuts });
    this.#noteObstacle(rows, obstacle, parcel);
    if (pauseMs > 0) await this.delivery.deadline.pause(pauseMs);
    await this.#route(rows, { attempt, pauses, cuts: cuts + 1, loneCuts });
  }

  #failAll(parcel: Parcel, rows: readonly number[], error: FeatureStoreError): void {
    for (const row of rows) this.#fail(parcel, row, error);
  }

  async #redirect(
    parcel: Parcel,
    to: Address,
    rows: readonly number[],
    asking: boolean,
  ): Promise<void> {
    const { counters, limits } = this.connection;
    counters.of(parcel.to).redirects += rows.length;
    this.#report('redirect', rows, parcel, { to });
    if (!asking) void this.connection.refreshOnSign();
    if (parcel.redirects >= limits.redirectsInARow) {
      const error = new FeatureStoreError(
        'TOO_MANY_REDIRECTS',
        `${parcel.to} redirects to ${to}, the last of ${parcel.redirects + 1} redirects in a row.`,
      );
      return this.#routeLater(rows, error, parcel);
    }
    const { redirects, attempt } = parcel;
    const again = { redirects: redirects + 1, attempt: attempt + 1 };
    await this.#deliver({ ...parcel, ...again, to, rows, asking });
  }

  /** Once a script was given in vain, its rows wait: somebody flushes scripts again and again. */
  async #giveScript(parcel: Parcel, rows: readonly number[]): Promise<void> {
    const { script = '' } = this.batch.commands;
    try {
      await loadScript(this.connection, parcel.to, script, this.delivery.deadline);
    } catch (error) {
      if (!(error instanceof FeatureStoreError)) throw error;
      if (this.delivery.deadline.passed) return this.#failLate(rows, parcel);
      if (error.retryable) return this.#routeLater(rows, error, parcel);
      return this.#failAll(parcel, rows, error);
    }
    if (parcel.scripts > 0) return this.#routeLater(rows, scriptsVanish(parcel.to), parcel);
    const again = { scripts: parcel.scripts + 1, attempt: parcel.attempt + 1 };
    await this.#deliver({ ...parcel, ...again, rows });
  }

  /** Pauses, has the slot table refreshed, and routes the rows anew. */
  async #routeLater(
    rows: readonly number[],
    obstacle: FeatureStoreError,
    so: SoFar,
  ): Promise<void> {
    const { limits } = this.connection;
    const { deadline } = this.delivery;
    this.#noteObstacle(rows, obstacle, so);
    const pauseMs = Math.min(limits.firstPauseMs * 2 ** so.pauses, limits.maxPauseMs);
    await deadline.pause(pauseMs * (0.5 + Math.random() / 2));
    await deadline.race(this.connection.refreshOnSign()).catch(() => undefined);
    if (deadline.passed) return this.#failLate(rows, so);
    const { attempt, pauses, cuts, loneCuts } = so;
    await this.#route(rows, { attempt, pauses: pauses + 1, cuts, loneCuts });
  }

  /** Rows are about to be sent again. */
  #noteObstacle(rows: readonly number[], error: FeatureStoreError, so: SoFar): void {
    this.#obstacles ??= new Array<undefined>(this.batch.keys.count).fill(undefined);
    for (const row of rows) this.#obstacles[row] = error;
    this.connection.counters.of(so.to ?? NO_OWNER).retries += rows.length;
    this.#report('retry', rows, so, { error });
  }

  #failLate(rows: readonly number[], so: SoFar): Promise<void> {
    const before = this.#late ?? Promise.resolve();
    this.#late = before.then(() => this.#failInSlices(rows, so));
    return this.#late;
  }

  async #failInSlices(rows: readonly number[], so: SoFar): Promise<void> {
    const { deadline } = this.delivery;
    // One error for all rows that the same thing stood in the way of: there can be very many.
    const errors = new Map<FeatureStoreError | undefined, FeatureStoreError>();
    for (const row of rows) {
      if (this.#lateRowsLeft-- === 0) {
        await nextTurn();
        this.#lateRowsLeft = LATE_ROWS_PER_TURN - 1;
      }
      const obstacle = this.#obstacles?.[row];
      const error = errors.get(obstacle) ?? deadline.error(obstacle);
      errors.set(obstacle, error);
      this.#fail(so, row, error);
    }
    const [error] = errors.values();
    if (error?.code !== 'TIMEOUT') return;
    this.connection.counters.of(so.to ?? NO_OWNER).timeouts += rows.length;
    this.#report('timeout', rows, so, { error });
  }

  /** With an error that is no other row's. */
  #failAlone(so: SoFar, row: number, error: FeatureStoreError): void {
    notePlace(error, { slot: this.batch.keys.slotOf(row) });
    this.#fail(so, row, error);
  }

  #fail(so: SoFar, row: number, error: FeatureStoreError): void {
    notePlace(error, { shard: so.to });
    this.gather.fail(row, error);
    this.connection.counters.of(so.to ?? NO_OWNER).failedRows++;
    this.#report('failure', [row], so, { error });
  }

  #report(
    kind: RowsEventKind,
    rows: readonly number[],
    { to: shard, attempt }: SoFar,
    why: Pick<RowsEvent, 'to' | 'error'>,
  ): void {
    reportRows(kind, rows, (row) => this.batch.keys.slotOf(row), { shard, attempt, ...why });
  }
}

/** The rows of a batch of one. */
const ONLY_ROW: readonly number[] = [0];

function countUp(count: number): number[] {
  const rows = new Array<number>(count);
  for (let row = 0; row < count; row++) rows[row] = row;
  return rows;
}

function nobodyOwns(): FeatureStoreError {
  return new FeatureStoreError('SHARD_UNAVAILABLE', 'No node of the cluster owns the slot.');
}
