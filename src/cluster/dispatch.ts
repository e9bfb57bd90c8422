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
import { LaneLost, type LanePurpose } from './lane.ts';
import { verdictOf } from './redirect.ts';
import { ServerError } from './resp/reply-reader.ts';
import { RowExchange, type Batch, type Outcome } from './row-exchange.ts';
import { chunk, scatter } from './scatter.ts';

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
  readonly #obstacles = new Map<number, FeatureStoreError>();

  constructor(connection: Connection, batch: Batch<Answer>, delivery: Delivery) {
    this.#connection = connection;
    this.#batch = batch;
    this.#delivery = delivery;
    this.#gather = new Gather(batch.rowCount);
  }

  async run(): Promise<Gathered<Answer>> {
    const rows = Array.from({ length: this.#batch.rowCount }, (_, row) => row);
    await this.#route(rows, 0);
    const { onPipeline } = this.#delivery;
    for (const report of this.#reports) onPipeline?.(report);
    return this.#gather.result();
  }

  /** Sends rows to the shards that own them now. */
  async #route(rows: Iterable<number>, pauses: number): Promise<void> {
    const { topology } = this.#connection;
    const { byShard, unrouted } = scatter(rows, (row) => topology.ownerOf(this.#batch.slotOf(row)));
    const deliveries = [...byShard].flatMap(([to, shardRows]) =>
      this.#chunks(shardRows).map((chunkRows) =>
        this.#deliver({ to, rows: chunkRows, asking: false, redirects: 0, pauses }),
      ),
    );
    if (unrouted.length > 0) {
      const nobody = new FeatureStoreError(
        'SHARD_UNAVAILABLE',
        'No node of the cluster owns the slot.',
      );
      deliveries.push(this.#routeLater(unrouted, nobody, pauses));
    }
    await Promise.all(deliveries);
  }

  #chunks(rows: readonly number[]): readonly (readonly number[])[] {
    if (this.#delivery.unchunked) return [rows];
    return chunk(rows, this.#connection.limits, (row) => this.#batch.bytesOf(row));
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
      await deadline.race(
        lane.limit(async () => {
          // The deadline may have passed while this chunk waited for its turn.
          if (deadline.passed) return;
          await this.#timed(parcel, () => lane.send(exchange));
        }),
      );
    } catch (error) {
      if (error instanceof LaneLost) lost = error.error;
      else if (!deadline.passed) throw error;
    }
    const { openRows } = exchange;
    if (deadline.passed) {
      exchange.abandon();
      return this.#failLate([...openRows, ...next.rows()]);
    }
    await Promise.all([
      lost && openRows.length > 0 ? this.#afterLoss(parcel, openRows, lost) : undefined,
      this.#goOn(parcel, next),
    ]);
  }

  async #timed(parcel: Parcel, send: () => Promise<void>): Promise<void> {
    const { counters } = this.#connection;
    const sentAtMs = performance.now();
    counters.countPipeline(parcel.to, parcel.rows.length * this.#batch.commandsPerRow);
    await send();
    const elapsedMs = performance.now() - sentAtMs;
    counters.countLatency(parcel.to, elapsedMs);
    if (this.#delivery.onPipeline === undefined) return;
    this.#reports.push({
      shard: parcel.to,
      keyCount: parcel.rows.length,
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

  async #goOn(parcel: Parcel, { moved, asked, waiting, obstacle }: NextWays): Promise<void> {
    await Promise.all([
      ...[...moved].map(([to, rows]) => this.#redirect(parcel, to, rows, false)),
      ...[...asked].map(([to, rows]) => this.#redirect(parcel, to, rows, true)),
      obstacle && this.#routeLater(waiting, obstacle, parcel.pauses, parcel.to),
    ]);
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
    for (const row of rows) this.#gather.fail(row, deadline.error(this.#obstacles.get(row)));
  }
}

/** Where the rows of an answered parcel go that were not settled by their replies. */
class NextWays {
  readonly moved = new Map<Address, number[]>();
  readonly asked = new Map<Address, number[]>();
  readonly waiting: number[] = [];
  /** Why rows wait. */
  obstacle: FeatureStoreError | undefined;

  go(kind: 'moved' | 'ask', to: Address, row: number): void {
    const groups = kind === 'moved' ? this.moved : this.asked;
    const rows = groups.get(to);
    if (rows) rows.push(row);
    else groups.set(to, [row]);
  }

  wait(row: number, obstacle: FeatureStoreError): void {
    this.waiting.push(row);
    this.obstacle ??= obstacle;
  }

  rows(): number[] {
    return [...this.moved.values(), ...this.asked.values(), this.waiting].flat();
  }
}
