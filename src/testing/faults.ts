import type { KeyLayout } from '../store/key-layout.ts';
import { checkInteger, checkKeys, pathTo, refuse, show } from '../store/option-checks.ts';
import { checkIterable } from '../store/batch-read.ts';
import type { Address } from '../cluster/address.ts';
import { MAX_TIMEOUT_MS } from '../store/limits.ts';
import { FAULT_CODES, MAY_BE_APPLIED, type FaultCode } from './fault-errors.ts';
import type { FaultPlan } from './fault-plan.ts';

/** What the faults that fail rows take. */
export interface FaultOptions {
  /**
   * How many requests meet the fault until it is over. A request is what a call sends at once: a
   * read of one or many ids, an update, a window of 10,000 rows of a load, a chunk of a stream, a
   * page of a scan. `inspect` is two or more.
   * @default all until `clear`
   */
  readonly times?: number;
  /**
   * Whether a write is applied all the same, and its reply lost; only with a code that leaves that
   * open (see `FaultCode`).
   * @default `false`, and `true` of `NOT_REPLICATED`
   */
  readonly applied?: boolean;
}

/** What `Faults.delay` takes. */
export interface DelayOptions {
  /**
   * How many milliseconds later the answers come, by real time: a deadline that is shorter passes.
   * `Infinity`: they never come.
   */
  readonly ms: number;
  /**
   * The shard whose answers are late, as `host:port`.
   * @default every shard
   */
  readonly shard?: string;
  /**
   * The ids whose answers are late, with what is sent to their shards along with them.
   * @default every id
   */
  readonly ids?: Iterable<string>;
  /**
   * As in `FaultOptions`.
   * @default all until `clear`
   */
  readonly times?: number;
  /**
   * Whether the servers do at once what they are asked, and only the answer is late; otherwise they
   * do it after the delay, and not at all where the call has ended by then.
   * @default `true`
   */
  readonly applied?: boolean;
}

/** What faults are told of the servers. */
export interface FaultScope {
  readonly plan: FaultPlan;
  readonly layout: KeyLayout;
  readonly shards: readonly Address[];
}

/**
 * Faults on demand: what a store on servers meets now and then, in a test as often as it is wanted.
 * A row that meets several faults fails with the one that was asked for first.
 * @example
 * ```ts
 * const { store, faults } = await createTestStore();
 * faults.failIds(['u2'], 'TIMEOUT', { times: 1 });
 * await store.batchGetFeatures(['u1', 'u2'], ['tx_count_7d'], { onFailure: 'return' });
 * ```
 */
export class Faults {
  readonly #scope: FaultScope;

  /** Made by `createTestStore`. */
  constructor(scope: FaultScope) {
    this.#scope = scope;
  }

  /**
   * Fails the rows of these ids, in reads and writes; `OUT_OF_MEMORY` in writes alone, and
   * `NOT_REPLICATED` in writes with `minReplicas`. A `TIMEOUT` comes at once: no time has to pass.
   * @throws FeatureStoreError INVALID_ID, INVALID_OPTION
   */
  failIds(ids: Iterable<string>, code: FaultCode, options: FaultOptions = {}): void {
    this.#fail('failIds', { keys: this.#keysOf(ids) }, code, options);
  }

  /**
   * Fails every row, and every page of a scan, that goes to this shard, as where it is down.
   * @param shard - `host:port`, as `store.topology()` and `store.shardFor(id)` give it
   * @param code - what its rows fail with; SHARD_UNAVAILABLE where it is not given
   * @throws FeatureStoreError INVALID_OPTION
   */
  failShard(
    shard: string,
    code: FaultCode = 'SHARD_UNAVAILABLE',
    options: FaultOptions = {},
  ): void {
    this.#fail('failShard', { shard: this.#shard('failShard shard', shard) }, code, options);
  }

  /**
   * Fails every row of every shard; with `times` those of the next requests.
   * @throws FeatureStoreError INVALID_OPTION
   */
  failAll(code: FaultCode, options: FaultOptions = {}): void {
    this.#fail('failAll', {}, code, options);
  }

  /**
   * Makes answers late, by real time. Several delays add up.
   * @throws FeatureStoreError INVALID_OPTION, INVALID_ID
   */
  delay(options: DelayOptions): void {
    checkKeys('delay options', options, ['ms', 'shard', 'ids', 'times', 'applied']);
    const { ms, shard, ids, times, applied = true } = options;
    if (ms !== Number.POSITIVE_INFINITY) {
      checkInteger('delay options.ms', ms, { min: 0, max: MAX_TIMEOUT_MS });
    }
    const rule = {
      keys: ids === undefined ? undefined : this.#keysOf(ids),
      shard: shard === undefined ? undefined : this.#shard('delay options.shard', shard),
      code: undefined,
      delayMs: ms,
      isApplied: checkApplied('delay', applied),
    };
    this.#scope.plan.add(rule, checkTimes('delay', times));
  }

  /** Ends every fault. What is late already stays late. */
  clear(): void {
    this.#scope.plan.clear();
  }

  #fail(
    call: string,
    { keys, shard }: { keys?: ReadonlySet<string>; shard?: Address },
    code: FaultCode,
    options: FaultOptions,
  ): void {
    if (!FAULT_CODES.includes(code)) {
      refuse(`${call} code must be one of ${FAULT_CODES.join(', ')}, but is ${show(code)}.`);
    }
    checkKeys(`${call} options`, options, ['times', 'applied']);
    const { times, applied = code === 'NOT_REPLICATED' } = options;
    const isApplied = checkApplied(call, applied);
    if (isApplied && !MAY_BE_APPLIED.some((open) => open === code)) {
      refuse(
        `${call} options.applied goes with ${MAY_BE_APPLIED.join(', ')}; ${code} is a refusal.`,
      );
    }
    const rule = { keys, shard, code, delayMs: 0, isApplied };
    this.#scope.plan.add(rule, checkTimes(call, times));
  }

  #keysOf(ids: Iterable<string>): ReadonlySet<string> {
    checkIterable(ids, [Symbol.iterator]);
    const { layout } = this.#scope;
    return new Set(Array.from(ids, (id) => Buffer.from(layout.keyFor(id)).toString('latin1')));
  }

  #shard(path: string, shard: unknown): Address {
    const { shards } = this.#scope;
    const known = shards.find((address) => address === shard);
    return known ?? refuse(`${path} must be one of ${shards.join(', ')}, but is ${show(shard)}.`);
  }
}

function checkTimes(call: string, times: unknown): number {
  if (times === undefined) return Number.POSITIVE_INFINITY;
  return checkInteger(pathTo(`${call} options`, 'times'), times, { min: 1, max: 1_000_000 });
}

function checkApplied(call: string, applied: unknown): boolean {
  if (typeof applied === 'boolean') return applied;
  return refuse(`${call} options.applied must be true or false, but is ${show(applied)}.`);
}
