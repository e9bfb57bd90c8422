/**
 * Delivers a batch: scatter, lanes, redirects and retries, gather. The one place with the ifs.
 *
 *   rows ─▶ by shard ─▶ chunks ─▶ attempt ─┬─ answered ────────────▶ gather
 *                          ▲               ├─ MOVED, ASK: now ─────▶ attempt there, these rows alone
 *                          └── look again ◀┴─ TRYAGAIN, lost, …: pause, refresh the slot table
 *
 * What holds:
 * - The row is the unit: its commands are answered together, and together asked again. (HSET sent
 *   again alone, after its EXPIRE found no key, would leave a key that never expires.)
 * - A row that was answered is never asked again, and every row is settled exactly once.
 * - An error is never turned into an absent row; a row fails with the reason.
 * - The call ends by its deadline, with the rows that were answered until then.
 * - Chunks do not wait for each other: one dead shard delays its own rows only.
 */

import { FeatureStoreError } from '../errors.ts';
import type { Address } from './address.ts';
import type { Connection } from './connection.ts';
import type { Deadline } from './deadline.ts';
import { Gather, type Gathered } from './gather.ts';
import { LaneLost, type Lane, type LanePurpose } from './lane.ts';
import { verdictOf } from './redirect.ts';
import { ServerError } from './resp/reply-reader.ts';
import { RowExchange, type Batch, type Outcome } from './row-exchange.ts';
import { Scatter, type ChunkLimits } from './scatter.ts';
import { nextTurn } from './turns.ts';

/** A pipeline that was sent and answered. */
export interface PipelineReport {
  readonly shard: Address;
  readonly keyCount: number;
  /** From the begin of the call to the write of the pipeline. */
  readonly startMs: number;
  /** From the write of the pipeline to its last reply. */
  readonly elapsedMs: number;
}

export interface Delivery {
  readonly deadline: Deadline;
  readonly purpose: LanePurpose;
  /** All rows of a shard in one pipeline, however many: for groups whose size is known. */
  readonly unchunked?: boolean;
  readonly onPipeline?: ((report: PipelineReport) => void) | undefined;
}

/** Rows on their way to one node. */
interface Parcel {
  readonly to: Address;
  readonly rows: readonly number[];
  readonly asking: boolean;
  /** Redirects followed since the last pause. */
  readonly redirects: number;
  /** Pauses taken so far. */
  readonly pauses: number;
}

export function dispatch<Answer>(
  connection: Connection,
  batch: Batch<Answer>,
  delivery: Delivery,
): Promise<Gathered<Answer>> {
  return new Dispatch(connection, batch, delivery).run();
}

class Dispatch<Answer> {
  readonly #connection: Connection;
  readonly #batch: Batch<Answer>;
  readonly #delivery: Delivery;
  readonly #gather: Gather<Answer>;
  readonly #startedAtMs = performance.now();
  /** Told when all is done: what a caller's function throws shall not leave rows under way. */
  readonly #reports: PipelineReport[] = [];
  /** By row, what stood in its way last; told if the deadline passes. */
  #obstacles: Map<number, FeatureStoreError> | undefined;

  constructor(connection: Connection, batch: Batch<Answer>, delivery: Delivery) {
    this.#connection = connection;
    this.#batch = batch;
    this.#delivery = delivery;
    this.#gather = new Gather(batch.rowCount);
  }

  async run(): Promise<Gathered<Answer>> {
    const { rowCount } = this.#batch;
    await (rowCount === 1 ? this.#routeOne() : this.#route(countUp(rowCount), 0));
    const { onPipeline } = this.#delivery;
    if (onPipeline) for (const report of this.#reports) onPipeline(report);
    return this.#gather.result();
  }

  /** Sends rows to the shards that own them now; many of them in slices, a turn of the loop between two. */
  async #route(rows: readonly number[], pauses: number): Promise<void> {
    const { limits } = this.#connection;
    const deliveries: Promise<void>[] = [];
    const unrouted: number[] = [];
    const scatter = new Scatter(this.#delivery.unchunked ? NO_LIMITS : limits, (to, chunk) => {
      const delivery = this.#deliver({ to, rows: chunk, asking: false, redirects: 0, pauses });
      delivery.catch(() => undefined); // awaited below, when all are on their way
      deliveries.push(delivery);
    });
    let rowsLeft = ROWS_ROUTED_PER_TURN;
    for (const row of rows) {
      if (rowsLeft-- === 0) {
        await nextTurn();
        rowsLeft = ROWS_ROUTED_PER_TURN - 1;
      }
      const owner = this.#connection.topology.ownerOf(this.#batch.slotOf(row));
      if (owner === undefined) unrouted.push(row);
      else scatter.add(row, owner, this.#batch.bytesOf(row));
    }
    scatter.end();
    if (unrouted.length > 0) deliveries.push(this.#routeLater(unrouted, nobodyOwns(), pauses));
    await Promise.all(deliveries);
  }

  /** The single read takes no detour through tables of one row. */
  #routeOne(): Promise<void> {
    const to = this.#connection.topology.ownerOf(this.#batch.slotOf(0));
    if (to === undefined) return this.#routeLater(ONLY_ROW, nobodyOwns(), 0);
    return this.#deliver({ to, rows: ONLY_ROW, asking: false, redirects: 0, pauses: 0 });
  }

  async #deliver(parcel: Parcel): Promise<void> {
    const { deadline, purpose } = this.#delivery;
    if (deadline.passed) return this.#failLate(parcel.rows);
    const lane = this.#connection.lane(parcel.to, purpose);
    const next = new NextWays();
    const exchange = new RowExchange(this.#batch, parcel.rows, parcel.asking, (row, outcome) =>
      this.#settle(parcel, row, outcome, next),
    );
    let lost: FeatureStoreError | undefined;
    try {
      await deadline.race(this.#send(lane, parcel, exchange));
    } catch (error) {
      if (error instanceof LaneLost) lost = error.error;
      else if (!deadline.passed) throw error;
    }
    if (exchange.isRead && next.isEmpty) return;
    const { openRows } = exchange;
    if (deadline.passed) {
      exchange.abandon();
      return this.#failLate([...openRows, ...next.rows()]);
    }
    await Promise.all([
      lost && this.#afterLoss(parcel, openRows, lost),
      ...[...(next.moved ?? [])].map(([to, rows]) => this.#redirect(parcel, to, rows, false)),
      ...[...(next.asked ?? [])].map(([to, rows]) => this.#redirect(parcel, to, rows, true)),
      next.waiting &&
        next.obstacle &&
        this.#routeLater(next.waiting, next.obstacle, parcel.pauses, parcel.to),
    ]);
  }

  /** Bulk work takes its turn on the lane; online reads do so when it is crowded. */
  #send(lane: Lane, parcel: Parcel, exchange: RowExchange<Answer>): Promise<void> {
    const { deadline, purpose } = this.#delivery;
    const { pace } = this.#connection;
    if (purpose === 'online' && !lane.crowded) return this.#sendPart(lane, parcel, exchange);
    if (purpose === 'bulk') lane.limit.concurrency = pace.now.chunksInFlight;
    return lane.limit(async () => {
      // The deadline may have passed while this chunk waited for its turn.
      while (!deadline.passed && !exchange.isRead) {
        if (purpose === 'bulk') exchange.rowsPerPart = pace.now.rowsPerWrite;
        await this.#sendPart(lane, parcel, exchange);
      }
    });
  }

  async #sendPart(lane: Lane, parcel: Parcel, exchange: RowExchange<Answer>): Promise<void> {
    const { counters, pace } = this.#connection;
    const sentAtMs = performance.now();
    if (this.#delivery.purpose === 'online') pace.noteOnline(sentAtMs);
    const keyCount = exchange.nextPart();
    counters.countPipeline(parcel.to, keyCount * this.#batch.commandsPerRow);
    await lane.send(exchange);
    const elapsedMs = performance.now() - sentAtMs;
    counters.countLatency(parcel.to, elapsedMs);
    if (this.#delivery.onPipeline === undefined) return;
    this.#reports.push({
      shard: parcel.to,
      keyCount,
      startMs: sentAtMs - this.#startedAtMs,
      elapsedMs,
    });
  }

  /** Settles the row if its outcome is final; otherwise notes what to do with it. */
  #settle(parcel: Parcel, row: number, outcome: Outcome<Answer>, next: NextWays): void {
    if (outcome instanceof FeatureStoreError) return this.#gather.fail(row, outcome);
    if (!(outcome instanceof ServerError)) return this.#gather.answer(row, outcome);
    const verdict = verdictOf(outcome.message, parcel.to);
    if (verdict.kind === 'fail') return this.#gather.fail(row, verdict.error);
    if (verdict.kind === 'wait') return next.wait(row, verdict.error);
    const target = this.#connection.reach(verdict.address);
    if (verdict.kind === 'moved') this.#connection.topology.assign(verdict.slot, target);
    next.go(verdict.kind, target, row);
  }

  async #afterLoss(
    parcel: Parcel,
    rows: readonly number[],
    error: FeatureStoreError,
  ): Promise<void> {
    this.#connection.counters.of(parcel.to).lostConnections++;
    if (error.retryable) return this.#routeLater(rows, error, parcel.pauses, parcel.to);
    for (const row of rows) this.#gather.fail(row, error);
  }

  async #redirect(
    parcel: Parcel,
    to: Address,
    rows: readonly number[],
    asking: boolean,
  ): Promise<void> {
    const { counters, limits } = this.#connection;
    counters.of(parcel.to).redirects += rows.length;
    if (!asking) void this.#connection.refresh();
    if (parcel.redirects >= limits.redirectsInARow) {
      const error = new FeatureStoreError(
        'TOO_MANY_REDIRECTS',
        `${parcel.to} redirects to ${to}, the last of ${parcel.redirects + 1} redirects in a row.`,
      );
      return this.#routeLater(rows, error, parcel.pauses, parcel.to);
    }
    await this.#deliver({ ...parcel, to, rows, asking, redirects: parcel.redirects + 1 });
  }

  /** Pauses, has the slot table refreshed, and routes the rows anew. */
  async #routeLater(
    rows: readonly number[],
    obstacle: FeatureStoreError,
    pauses: number,
    from?: Address,
  ): Promise<void> {
    const { counters, limits } = this.#connection;
    const { deadline } = this.#delivery;
    this.#obstacles ??= new Map();
    for (const row of rows) this.#obstacles.set(row, obstacle);
    if (from !== undefined) counters.of(from).retries += rows.length;
    const pauseMs = Math.min(limits.firstPauseMs * 2 ** pauses, limits.maxPauseMs);
    await deadline.pause(pauseMs * (0.5 + Math.random() / 2));
    await deadline.race(this.#connection.refresh()).catch(() => undefined);
    if (deadline.passed) return this.#failLate(rows);
    await this.#route(rows, pauses + 1);
  }

  #failLate(rows: readonly number[]): void {
    const { deadline } = this.#delivery;
    for (const row of rows) this.#gather.fail(row, deadline.error(this.#obstacles?.get(row)));
  }
}

/** The rows of a batch of one. */
const ONLY_ROW: readonly number[] = [0];

/** About as long as `rowsPerTurn` rows take to be read. */
const ROWS_ROUTED_PER_TURN = 1_000;

const NO_LIMITS: ChunkLimits = { rowsPerChunk: Infinity, bytesPerChunk: Infinity };

function countUp(count: number): number[] {
  const rows: number[] = [];
  for (let row = 0; row < count; row++) rows.push(row);
  return rows;
}

function nobodyOwns(): FeatureStoreError {
  return new FeatureStoreError('SHARD_UNAVAILABLE', 'No node of the cluster owns the slot.');
}

/** Where the rows of an answered parcel go that were not settled by their replies. Mostly there are none. */
class NextWays {
  moved: Map<Address, number[]> | undefined;
  asked: Map<Address, number[]> | undefined;
  waiting: number[] | undefined;
  /** Why rows wait. */
  obstacle: FeatureStoreError | undefined;

  get isEmpty(): boolean {
    return !this.moved && !this.asked && !this.waiting;
  }

  go(kind: 'moved' | 'ask', to: Address, row: number): void {
    const groups = kind === 'moved' ? (this.moved ??= new Map()) : (this.asked ??= new Map());
    const rows = groups.get(to);
    if (rows) rows.push(row);
    else groups.set(to, [row]);
  }

  wait(row: number, obstacle: FeatureStoreError): void {
    (this.waiting ??= []).push(row);
    this.obstacle ??= obstacle;
  }

  rows(): number[] {
    const { moved, asked, waiting = [] } = this;
    return [...(moved?.values() ?? []), ...(asked?.values() ?? []), waiting].flat();
  }
}
