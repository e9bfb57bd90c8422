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
import { LaneLost, type LanePurpose, type Reply, type Unit } from './lane.ts';
import { verdictOf, type Verdict } from './redirect.ts';
import { chunk, scatter } from './scatter.ts';
import { slotOf } from './slot.ts';

/** Rows of one shape: what is sent for each, and how its replies are read. */
export interface Batch<Answer> {
  readonly keys: readonly string[];
  unitOf(row: number): Unit;
  /** The row's answer, from one reply per command of its unit, none of them an error. */
  answerOf(replies: readonly Reply[], row: number): Answer | FeatureStoreError;
  /** An estimate of the bytes that the unit puts on the wire, keys aside. */
  bytesOf?(row: number): number;
}

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
  readonly #slots: Uint16Array;
  readonly #startedAtMs = performance.now();
  /** By row, what stood in its way last; told if the deadline passes. */
  readonly #obstacles = new Map<number, FeatureStoreError>();

  constructor(connection: Connection, batch: Batch<Answer>, delivery: Delivery) {
    this.#connection = connection;
    this.#batch = batch;
    this.#delivery = delivery;
    this.#gather = new Gather(batch.keys.length);
    this.#slots = Uint16Array.from(batch.keys, slotOf);
  }

  async run(): Promise<Gathered<Answer>> {
    await this.#route(this.#batch.keys.keys(), 0);
    return this.#gather.result();
  }

  /** Sends rows to the shards that own them now. */
  async #route(rows: Iterable<number>, pauses: number): Promise<void> {
    const { topology } = this.#connection;
    const { byShard, unrouted } = scatter(rows, (row) => topology.ownerOf(this.#slots[row] ?? 0));
    const deliveries = [...byShard].flatMap(([to, shardRows]) =>
      this.#chunks(shardRows).map((chunkRows) =>
        this.#deliver({ to, rows: chunkRows, asking: false, redirects: 0, pauses }),
      ),
    );
    if (unrouted.length > 0) {
      const nobody = new FeatureStoreError(
        'SHARD_UNAVAILABLE',
        'No node of the cluster owns the slot',
      );
      deliveries.push(this.#routeLater(unrouted, nobody, pauses));
    }
    await Promise.all(deliveries);
  }

  #chunks(rows: readonly number[]): readonly (readonly number[])[] {
    if (this.#delivery.unchunked) return [rows];
    const { keys, bytesOf } = this.#batch;
    return chunk(rows, this.#connection.limits, (row) => {
      return (keys[row]?.length ?? 0) + (bytesOf?.call(this.#batch, row) ?? 0);
    });
  }

  async #deliver(parcel: Parcel): Promise<void> {
    const { deadline, purpose } = this.#delivery;
    if (deadline.passed) return this.#failLate(parcel.rows);
    const lane = this.#connection.lane(parcel.to, purpose);
    const units = parcel.rows.map((row) => this.#batch.unitOf(row));
    let replies: Reply[][];
    try {
      replies = await deadline.race(
        lane.limit(async () => {
          // The deadline may have passed while this chunk waited for its turn.
          if (deadline.passed) throw deadline.error();
          return this.#timed(parcel, units, () => lane.send(units, parcel.asking));
        }),
      );
    } catch (error) {
      if (deadline.passed) return this.#failLate(parcel.rows);
      if (!(error instanceof LaneLost)) throw error;
      return this.#afterLoss(parcel, error.error);
    }
    await this.#settle(parcel, replies);
  }

  async #timed(
    parcel: Parcel,
    units: readonly Unit[],
    send: () => Promise<Reply[][]>,
  ): Promise<Reply[][]> {
    const { counters } = this.#connection;
    const sentAtMs = performance.now();
    counters.countPipeline(
      parcel.to,
      units.reduce((count, unit) => count + unit.length, 0),
    );
    const replies = await send();
    const elapsedMs = performance.now() - sentAtMs;
    counters.countLatency(parcel.to, elapsedMs);
    this.#delivery.onPipeline?.({
      shard: parcel.to,
      keyCount: parcel.rows.length,
      startMs: sentAtMs - this.#startedAtMs,
      elapsedMs,
    });
    return replies;
  }

  async #afterLoss(parcel: Parcel, error: FeatureStoreError): Promise<void> {
    this.#connection.counters.of(parcel.to).lostConnections++;
    if (error.retryable) return this.#routeLater(parcel.rows, error, parcel.pauses, parcel.to);
    for (const row of parcel.rows) this.#gather.fail(row, error);
  }

  /** Gives every row of an answered parcel its answer, its error, or its next way. */
  async #settle(parcel: Parcel, replies: readonly Reply[][]): Promise<void> {
    const moved = new Map<Address, number[]>();
    const asked = new Map<Address, number[]>();
    const waiting: number[] = [];
    let reason: FeatureStoreError | undefined;
    for (const [index, row] of parcel.rows.entries()) {
      const verdict = this.#verdict(replies[index] ?? [], row, parcel);
      if (verdict === undefined) continue;
      if (verdict.kind === 'wait') {
        waiting.push(row);
        reason ??= verdict.error;
      } else if (verdict.kind !== 'fail') {
        const target = this.#connection.reach(verdict.address);
        if (verdict.kind === 'moved') this.#connection.topology.assign(verdict.slot, target);
        push(verdict.kind === 'moved' ? moved : asked, target, row);
      }
    }
    await Promise.all([
      ...[...moved].map(([to, rows]) => this.#redirect(parcel, to, rows, false)),
      ...[...asked].map(([to, rows]) => this.#redirect(parcel, to, rows, true)),
      reason && this.#routeLater(waiting, reason, parcel.pauses, parcel.to),
    ]);
  }

  /** Settles the row if its replies are final; otherwise says what to do with it. */
  #verdict(replies: readonly Reply[], row: number, parcel: Parcel): Verdict | undefined {
    const error = errorIn(replies);
    if (error === undefined) {
      const answer = this.#batch.answerOf(replies, row);
      if (answer instanceof FeatureStoreError) this.#gather.fail(row, answer);
      else this.#gather.answer(row, answer);
      return undefined;
    }
    const verdict = verdictOf(error.message, parcel.to);
    if (verdict.kind === 'fail') this.#gather.fail(row, verdict.error);
    return verdict;
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
        `${parcel.to} redirects to ${to}, the last of ${parcel.redirects + 1} redirects in a row`,
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

/**
 * The first error among a unit's replies, those inside EXEC's array included. EXECABORT only says
 * that an earlier command of the transaction was refused; that command's error is the reason.
 */
function errorIn(replies: readonly Reply[]): Error | undefined {
  for (const reply of replies) {
    if (reply instanceof Error) return reply;
    const nested = Array.isArray(reply) ? reply.find((item) => item instanceof Error) : undefined;
    if (nested instanceof Error) return nested;
  }
  return undefined;
}

function push(groups: Map<Address, number[]>, address: Address, row: number): void {
  const rows = groups.get(address);
  if (rows) rows.push(row);
  else groups.set(address, [row]);
}
