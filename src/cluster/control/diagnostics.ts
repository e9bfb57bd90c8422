/**
 * What happens on the way, reported on diagnostics channels to subscribers
 * (https://nodejs.org/docs/latest-v20.x/api/diagnostics_channel.html). Without a subscriber it
 * costs nothing.
 *
 *   cluster-feature-store:redirect          MOVED or ASK: rows go to another shard
 *   cluster-feature-store:retry             rows wait to be sent again
 *   cluster-feature-store:timeout           the call's deadline passed before rows were answered
 *   cluster-feature-store:failure           rows failed for good, be it by a timeout
 *   cluster-feature-store:connection-lost   a connection closed before its last reply was there
 *   cluster-feature-store:refresh           the slot table was replaced
 *   cluster-feature-store:shard-state       a shard's primary does not answer any more, or again
 */

import { channel } from 'node:diagnostics_channel';
import type { FeatureStoreError } from '../../errors.ts';
import type { Address } from '../address.ts';

/**
 * Rows of one slot that were redirected, sent again, late or failed: the message of the channels
 * `cluster-feature-store:redirect`, `:retry`, `:timeout` and `:failure`.
 */
export interface RowsEvent {
  /** The primary that they were sent to; undefined where no node owns the slot. */
  readonly shard: string | undefined;
  /** The slot of the rows, 0 to 16383. */
  readonly slot: number;
  /** How many rows of the slot it is about. */
  readonly rowCount: number;
  /** How often they have been sent: 1 is the first time; 0 where they never were. */
  readonly attempt: number;
  /** The shard that the rows are sent to next; of a redirect alone. */
  readonly to?: string;
  /** Why; not of a redirect. */
  readonly error?: FeatureStoreError;
}

/**
 * A connection that closed before its last reply was there: the message of the channel
 * `cluster-feature-store:connection-lost`.
 */
export interface ConnectionLostEvent {
  /** `host:port` of the node that the connection led to. */
  readonly shard: string;
  /** How often the rows on it have been sent: 1 is the first time. */
  readonly attempt: number;
  /** What closed it, as far as it is known. */
  readonly error: FeatureStoreError;
}

/** The slot table was replaced: the message of the channel `cluster-feature-store:refresh`. */
export interface RefreshEvent {
  /** How many shards the new table has. */
  readonly shardCount: number;
  /** How many of the 16,384 slots have an owner. */
  readonly coveredSlotCount: number;
  /** How long the refresh took, in milliseconds. */
  readonly elapsedMs: number;
}

/**
 * A shard's primary does not answer any more, or answers again: the message of the channel
 * `cluster-feature-store:shard-state`.
 */
export interface ShardStateEvent {
  /** `host:port` of the primary. */
  readonly shard: string;
  /** What it is from now on; `up` also where it is no primary any more. */
  readonly state: 'up' | 'down';
  /** How long it was down, in milliseconds; 0 where it is down from now on. */
  readonly downMs: number;
  /** What was seen of it last while it did not answer. */
  readonly error: FeatureStoreError;
}

export type RowsEventKind = 'redirect' | 'retry' | 'timeout' | 'failure';

const rowsChannels = {
  redirect: channel('cluster-feature-store:redirect'),
  retry: channel('cluster-feature-store:retry'),
  timeout: channel('cluster-feature-store:timeout'),
  failure: channel('cluster-feature-store:failure'),
} as const;
const connectionLost = channel('cluster-feature-store:connection-lost');
const refresh = channel('cluster-feature-store:refresh');
const shardState = channel('cluster-feature-store:shard-state');

export function reportRows(
  kind: RowsEventKind,
  rows: readonly number[],
  slotOf: (row: number) => number,
  what: Omit<RowsEvent, 'shard' | 'slot' | 'rowCount'> & { readonly shard: Address | undefined },
): void {
  const target = rowsChannels[kind];
  if (!target.hasSubscribers) return;
  const rowCounts = new Map<number, number>();
  for (const row of rows) {
    const slot = slotOf(row);
    rowCounts.set(slot, (rowCounts.get(slot) ?? 0) + 1);
  }
  for (const [slot, rowCount] of rowCounts) {
    target.publish({ ...what, slot, rowCount } satisfies RowsEvent);
  }
}

export function reportConnectionLost(event: ConnectionLostEvent): void {
  if (connectionLost.hasSubscribers) connectionLost.publish(event);
}

export function reportRefresh(event: RefreshEvent): void {
  if (refresh.hasSubscribers) refresh.publish(event);
}

export function reportShardState(event: ShardStateEvent): void {
  if (shardState.hasSubscribers) shardState.publish(event);
}
