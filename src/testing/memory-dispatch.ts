/**
 * Delivers one batch to servers in memory, in the chunks that a cluster would get: rows by shard,
 * the faults that they meet, answers in the order of the rows. What the replies mean is decided by
 * the code that decides it for real servers.
 */

import { performance } from '../runtime/clock.ts';
import { nextTurn } from '../runtime/slices.ts';
import { FeatureStoreError, notePlace, type ErrorPlace } from '../errors.ts';
import type { Address } from '../cluster/address.ts';
import { CommandWriter, type Batch, type Gathered } from '../cluster/batch.ts';
import { NO_OWNER, type Counters } from '../cluster/control/counters.ts';
import { reportConnectionLost, reportRows } from '../cluster/control/diagnostics.ts';
import { notConfirmed } from '../cluster/delivery/confirmation.ts';
import type { Delivery, PipelineReport } from '../cluster/delivery/delivery.ts';
import { defaultLimits, MAX_TIMER_MS, ROWS_ROUTED_PER_TURN } from '../cluster/limits.ts';
import { firstErrorIn } from '../cluster/resp/reply.ts';
import { Gather } from '../cluster/routing/gather.ts';
import { Scatter } from '../cluster/routing/scatter.ts';
import { faultError, refusedError } from './fault-errors.ts';
import type { RequestFaults, Rule } from './fault-plan.ts';
import type { MemoryServers } from './memory-servers.ts';
import { nameOf, readReply, type Bytes } from './server/bytes.ts';
import { aimOf } from './server/memory-server.ts';
import { commandsIn } from './server/request.ts';

/** What the faults are for the rows of a chunk. */
interface ChunkFaults {
  readonly failing: ReadonlyMap<number, Rule>;
  readonly delayMs: number;
  /** Whether the servers do at once what they are asked. */
  readonly isAppliedAtOnce: boolean;
}

const ROWS_PER_TURN = defaultLimits.bulkPaces.alone.rowsPerTurn;
const NO_FAULTS: ChunkFaults = { failing: new Map(), delayMs: 0, isAppliedAtOnce: true };

export class MemoryDispatch<Answer> {
  readonly #servers: MemoryServers;
  readonly #counters: Counters;
  readonly #batch: Batch<Answer>;
  readonly #delivery: Delivery;
  readonly #faults: RequestFaults;
  readonly #gather: Gather<Answer>;
  readonly #writer = new CommandWriter();
  readonly #startedAtMs = performance.now();
  readonly #reports: PipelineReport[] = [];

  constructor(
    servers: MemoryServers,
    counters: Counters,
    batch: Batch<Answer>,
    delivery: Delivery,
  ) {
    this.#servers = servers;
    this.#counters = counters;
    this.#batch = batch;
    this.#delivery = delivery;
    this.#faults = servers.faults.request();
    this.#gather = new Gather(batch.keys.count);
  }

  async run(): Promise<Gathered<Answer>> {
    await this.#route();
    const { onPipeline } = this.#delivery;
    if (onPipeline) for (const report of this.#reports) onPipeline(report);
    return this.#gather.result();
  }

  async #route(): Promise<void> {
    const { keys, commands } = this.#batch;
    const { topology } = this.#servers;
    const deliveries: Promise<void>[] = [];
    const deliver = (to: Address, rows: readonly number[]): void => {
      const delivery = this.#deliver(to, rows);
      delivery.catch(() => undefined); // awaited below, when all are on their way
      deliveries.push(delivery);
    };
    if (keys.slot !== undefined) {
      const owner = topology.ownerOf(keys.slot) ?? NO_OWNER;
      deliver(
        owner,
        Array.from({ length: keys.count }, (_, row) => row),
      );
    } else {
      const scatter = new Scatter(defaultLimits, deliver);
      for (let row = 0; row < keys.count; row++) {
        if (row % ROWS_ROUTED_PER_TURN === ROWS_ROUTED_PER_TURN - 1) await nextTurn();
        scatter.add(row, topology.ownerOf(keys.slotOf(row)) ?? NO_OWNER, commands.bytesOf(row));
      }
      // Each step hands on a chunk.
      for (const _ of scatter.end());
    }
    await Promise.all(deliveries);
  }

  async #deliver(shard: Address, rows: readonly number[]): Promise<void> {
    const { deadline } = this.#delivery;
    const faults = this.#faultsOf(shard, rows);
    await nextTurn();
    if (deadline.passed) return this.#failLate(shard, rows);
    const sentAtMs = performance.now();
    const outcomes: (Answer | FeatureStoreError)[] = [];
    this.#counters.countPipeline(shard, this.#commandCountOf(rows));
    if (faults.isAppliedAtOnce) await this.#execute(shard, rows, faults, outcomes);
    if (faults.delayMs > 0) await deadline.pause(Math.min(faults.delayMs, MAX_TIMER_MS));
    if (deadline.passed) return this.#failLate(shard, rows);
    if (!faults.isAppliedAtOnce) await this.#execute(shard, rows, faults, outcomes);
    for (const [at, row] of rows.entries()) {
      const outcome = outcomes[at] as Answer | FeatureStoreError; // of each row there is one
      if (outcome instanceof FeatureStoreError) this.#fail(shard, row, outcome);
      else this.#gather.answer(row, outcome);
    }
    this.#noteEnd(shard, rows, faults, sentAtMs);
  }

  #faultsOf(shard: Address, rows: readonly number[]): ChunkFaults {
    if (this.#faults.isEmpty) return NO_FAULTS;
    const isConfirmed = (this.#delivery.minReplicas ?? 0) > 0;
    const failing = new Map<number, Rule>();
    const late = new Set<Rule>();
    for (const row of rows) {
      const aims = this.#commandsOf(row).map(aimOf);
      const key = aims.find((aim) => aim.key !== undefined)?.key;
      const isWrite = aims.some((aim) => aim.isWrite);
      const name = key && nameOf(key);
      const met = this.#faults.of({ shard, key: name, isWrite, isConfirmed });
      if (met.failing !== undefined) failing.set(row, met.failing);
      for (const rule of met.late) late.add(rule);
    }
    const delays = [...late];
    return {
      failing,
      delayMs: delays.reduce((sum, { delayMs }) => sum + delayMs, 0),
      isAppliedAtOnce: delays.every(({ isApplied }) => isApplied),
    };
  }

  /** The commands of a row, as views that hold until the next row's are asked for. */
  #commandsOf(row: number): Bytes[][] {
    this.#writer.truncate(0);
    this.#batch.commands.write(row, this.#writer, undefined);
    return commandsIn(this.#writer.view());
  }

  #commandCountOf(rows: readonly number[]): number {
    const { commands } = this.#batch;
    const replyCounts = rows.map((row) => commands.repliesOf(row));
    return replyCounts.flat().reduce((sum, count) => sum + count, 0);
  }

  /** Has the server do what the rows say, but for those that do not reach it. */
  async #execute(
    shard: Address,
    rows: readonly number[],
    { failing }: ChunkFaults,
    outcomes: (Answer | FeatureStoreError)[],
  ): Promise<void> {
    const errors = new Map<Rule, FeatureStoreError>();
    for (const [at, row] of rows.entries()) {
      if (at % ROWS_PER_TURN === ROWS_PER_TURN - 1) await nextTurn();
      const rule = failing.get(row);
      if (rule?.code === undefined) {
        outcomes.push(this.#answerOf(shard, row));
        continue;
      }
      const error = errors.get(rule) ?? faultError(rule.code, shard, this.#delivery);
      errors.set(rule, error);
      const applied = rule.isApplied ? this.#answerOf(shard, row) : undefined;
      const isRefused = rule.code === 'NOT_REPLICATED' && applied instanceof FeatureStoreError;
      outcomes.push(isRefused ? applied : error);
    }
  }

  #answerOf(shard: Address, row: number): Answer | FeatureStoreError {
    const { stringsAs } = this.#batch.replies;
    const session = this.#servers.at(shard).session();
    const replies = this.#commandsOf(row).map((words) => readReply(session.send(words), stringsAs));
    const refused = firstErrorIn(replies);
    const place = { shard, slot: this.#slotOf(row) };
    if (refused !== undefined) return placed(refusedError(refused.message, shard), place);
    const answer = this.#batch.replies.answerOf(replies, row);
    if (answer instanceof FeatureStoreError) return placed(answer, place);
    const { minReplicas = 0 } = this.#delivery;
    const { replicaCount } = this.#servers;
    if (replicaCount >= minReplicas) return answer;
    return placed(notConfirmed(replicaCount, minReplicas, shard), place);
  }

  /** A pipeline none of whose replies came is not reported. */
  #noteEnd(
    shard: Address,
    rows: readonly number[],
    { failing }: ChunkFaults,
    sentAtMs: number,
  ): void {
    const counters = this.#counters;
    const lost = rows.filter((row) => failing.get(row)?.code === 'CONNECTION_LOST');
    if (lost.length > 0) {
      counters.of(shard).lostConnections++;
      const error = faultError('CONNECTION_LOST', shard, this.#delivery);
      reportConnectionLost({ shard, attempt: 1, error });
    }
    const late = rows.filter((row) => failing.get(row)?.code === 'TIMEOUT');
    this.#noteLate(shard, late, this.#delivery.deadline.error());
    if (failing.size === rows.length) return;
    const elapsedMs = performance.now() - sentAtMs;
    counters.countLatency(shard, elapsedMs);
    const startMs = sentAtMs - this.#startedAtMs;
    this.#reports.push({ shard, keyCount: rows.length, startMs, elapsedMs });
  }

  #failLate(shard: Address, rows: readonly number[]): void {
    const error = this.#delivery.deadline.error();
    for (const row of rows) this.#fail(shard, row, error);
    if (error.code === 'TIMEOUT') this.#noteLate(shard, rows, error);
  }

  #noteLate(shard: Address, rows: readonly number[], error: FeatureStoreError): void {
    if (rows.length === 0) return;
    this.#counters.of(shard).timeouts += rows.length;
    reportRows('timeout', rows, (row) => this.#slotOf(row), { shard, attempt: 1, error });
  }

  #fail(shard: Address, row: number, error: FeatureStoreError): void {
    notePlace(error, { shard });
    this.#gather.fail(row, error);
    this.#counters.of(shard).failedRows++;
    reportRows('failure', [row], (failed) => this.#slotOf(failed), { shard, attempt: 1, error });
  }

  #slotOf(row: number): number {
    return this.#batch.keys.slotOf(row);
  }
}

/** The error of one row alone, which so has its slot. */
function placed(error: FeatureStoreError, place: ErrorPlace): FeatureStoreError {
  notePlace(error, place);
  return error;
}
