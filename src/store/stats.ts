/** The store's own counters. */

import type { ShardStats } from '../cluster/control/connect.ts';

export interface StoreCounters {
  /** How many entities bulk loads wrote, and single batch features. */
  batchWritesTotal: number;
  /** How many features streaming writes wrote. */
  streamingWritesTotal: number;
  /** How many entities were read, absent ones included. */
  readsTotal: number;
  /** How many features reads returned. */
  readFieldsTotal: number;
}

/** Counters since `connect` or `resetStats`. */
export interface StoreStats extends Readonly<StoreCounters> {
  /**
   * Counters and state of each shard, by the `host:port` of its primary; `'no owner'` for slots
   * without one.
   */
  readonly shards: Readonly<Record<string, Readonly<ShardStats>>>;
  /** How often the slot table was replaced. */
  readonly refreshes: number;
}

export function zeroCounters(): StoreCounters {
  return { batchWritesTotal: 0, streamingWritesTotal: 0, readsTotal: 0, readFieldsTotal: 0 };
}
