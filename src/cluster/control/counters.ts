/** What happened on the way, counted per shard. */

import type { Address } from '../address.ts';

/** What happened on the way to one shard, counted. */
export interface ShardCounters {
  /** Pipelines that were sent. */
  pipelines: number;
  /** Commands in them, without ASKING. */
  commands: number;
  /** Rows that this shard sent elsewhere with MOVED or ASK. */
  redirects: number;
  /** Rows that had to wait to be sent again: TRYAGAIN, LOADING, CLUSTERDOWN, lost connections, … */
  retries: number;
  /**
   * Rows whose deadline passed while they waited for this shard; they are among the failed ones
   * too.
   */
  timeouts: number;
  /** Rows that failed for good. */
  failedRows: number;
  /** Pipelines whose connection closed before every reply was there. */
  lostConnections: number;
  /** Milliseconds from the write of a pipeline to its last reply, summed over the pipelines. */
  latencyMsTotal: number;
  /** The most milliseconds that one pipeline took. */
  latencyMsMax: number;
}

/** What happened on the way to one shard, counted, and what it is now. */
export interface ShardStats extends ShardCounters {
  /**
   * `down` where its primary does not answer. `resetStats` leaves it as it is. Of `'no owner'` it
   * is `up`.
   */
  state: 'up' | 'down';
}

/** Counts here what concerns no shard, since no node owns the slot. */
export const NO_OWNER = 'no owner';

export class Counters {
  #shards = new Map<Address, ShardCounters>();
  #refreshes = 0;

  of(address: Address): ShardCounters {
    const known = this.#shards.get(address);
    if (known) return known;
    const fresh: ShardCounters = {
      pipelines: 0,
      commands: 0,
      redirects: 0,
      retries: 0,
      timeouts: 0,
      failedRows: 0,
      lostConnections: 0,
      latencyMsTotal: 0,
      latencyMsMax: 0,
    };
    this.#shards.set(address, fresh);
    return fresh;
  }

  countPipeline(address: Address, commandCount: number): void {
    const counters = this.of(address);
    counters.pipelines++;
    counters.commands += commandCount;
  }

  countLatency(address: Address, latencyMs: number): void {
    const counters = this.of(address);
    counters.latencyMsTotal += latencyMs;
    counters.latencyMsMax = Math.max(counters.latencyMsMax, latencyMs);
  }

  countRefresh(): void {
    this.#refreshes++;
  }

  /** A copy. */
  snapshot(): { shards: Record<Address, ShardCounters>; refreshes: number } {
    const shards = Object.fromEntries([...this.#shards].map(([at, counts]) => [at, { ...counts }]));
    return { shards, refreshes: this.#refreshes };
  }

  reset(): void {
    this.#shards = new Map();
    this.#refreshes = 0;
  }
}
