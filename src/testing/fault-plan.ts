/** Which rows fail, and which answers are late: the faults that a test has asked for, and not ended. */

import type { Address } from '../cluster/address.ts';
import type { FaultCode } from './fault-errors.ts';

export interface Rule {
  /** Rows of these keys alone. */
  readonly keys: ReadonlySet<string> | undefined;
  /** Rows to this shard alone. */
  readonly shard: Address | undefined;
  /** What the rows fail with; undefined where their answer is only late. */
  readonly code: FaultCode | undefined;
  readonly delayMs: number;
  /** Whether the servers do what they were asked, and only the answer is lost or late. */
  readonly isApplied: boolean;
}

/** What a row is about. */
export interface Target {
  readonly shard: Address;
  /** With one character per byte; undefined for a page of a scan. */
  readonly key: string | undefined;
  readonly isWrite: boolean;
  /** Whether replicas are to confirm it. */
  readonly isConfirmed: boolean;
}

export class FaultPlan {
  /** With how many requests each will still meet. */
  readonly #timesLeft = new Map<Rule, number>();

  add(rule: Rule, times: number): void {
    this.#timesLeft.set(rule, times);
  }

  clear(): void {
    this.#timesLeft.clear();
  }

  /** What one request meets: however many of its rows meet a rule, it has met it once. */
  request(): RequestFaults {
    return new RequestFaults(this.#timesLeft);
  }
}

export class RequestFaults {
  readonly #timesLeft: Map<Rule, number>;
  readonly #rules: readonly Rule[];
  /** Those that the request has met. */
  readonly #met = new Set<Rule>();

  constructor(timesLeft: Map<Rule, number>) {
    this.#timesLeft = timesLeft;
    this.#rules = [...timesLeft.keys()];
  }

  get isEmpty(): boolean {
    return this.#rules.length === 0;
  }

  /** The rule that fails the row, if one does, and those that make its answer late. */
  of(target: Target): { readonly failing: Rule | undefined; readonly late: readonly Rule[] } {
    let failing: Rule | undefined;
    const late: Rule[] = [];
    for (const rule of this.#rules) {
      if (rule.code !== undefined && failing !== undefined) continue;
      if (!isMet(rule, target) || !this.#meet(rule)) continue;
      if (rule.code === undefined) late.push(rule);
      else failing = rule;
    }
    return { failing, late };
  }

  /** Whether the rule is not over for this request. */
  #meet(rule: Rule): boolean {
    if (this.#met.has(rule)) return true;
    const left = this.#timesLeft.get(rule);
    if (left === undefined) return false;
    if (left > 1) this.#timesLeft.set(rule, left - 1);
    else this.#timesLeft.delete(rule);
    this.#met.add(rule);
    return true;
  }
}

/** Errors that servers answer to writes alone. */
const OF_WRITES: ReadonlySet<string | undefined> = new Set(['OUT_OF_MEMORY', 'NOT_REPLICATED']);

function isMet({ keys, shard, code }: Rule, target: Target): boolean {
  if (shard !== undefined && shard !== target.shard) return false;
  if (keys !== undefined && (target.key === undefined || !keys.has(target.key))) return false;
  if (OF_WRITES.has(code) && !target.isWrite) return false;
  return code !== 'NOT_REPLICATED' || target.isConfirmed;
}
