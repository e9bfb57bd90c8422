/** The store's own counters. */

import type { ShardCounters } from '../cluster/control/connect.ts';

export interface StoreCounters {
  /** Entities that bulk loads wrote, and single batch features. */
  batchWritesTotal: number;
  /** Features that streaming writes wrote. */
  streamingWritesTotal: number;
  /** Entities that were read, absent ones included. */
  readsTotal: number;
  /** Features that reads returned. */
  readFieldsTotal: number;
}

export interface StoreStats extends Readonly<StoreCounters> {
  /** By the primary's address. */
  readonly shards: Readonly<Record<string, Readonly<ShardCounters>>>;
  /** How often the slot table was replaced. */
  readonly refreshes: number;
}

export function zeroCounters(): StoreCounters {
  return { batchWritesTotal: 0, streamingWritesTotal: 0, readsTotal: 0, readFieldsTotal: 0 };
}
