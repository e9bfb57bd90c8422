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
 */

import { channel } from 'node:diagnostics_channel';
import type { FeatureStoreError } from '../../errors.ts';
import type { Address } from '../address.ts';

/** Of redirect, retry, timeout and failure: rows of one slot. */
export interface RowsEvent {
  /** The primary that they were sent to; undefined where no node owns the slot. */
  readonly shard: string | undefined;
  readonly slot: number;
  readonly rowCount: number;
  /** How often they have been sent: 1 is the first time; 0 where they never were. */
  readonly attempt: number;
  /** Of a redirect: the shard that they are sent to next. */
  readonly to?: string;
  /** Why; not of a redirect. */
  readonly error?: FeatureStoreError;
}

export interface ConnectionLostEvent {
  readonly shard: string;
  readonly attempt: number;
  readonly error: FeatureStoreError;
}

export interface RefreshEvent {
  readonly shardCount: number;
  readonly coveredSlotCount: number;
  readonly elapsedMs: number;
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

export function tellRows(
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

export function tellConnectionLost(event: ConnectionLostEvent): void {
  if (connectionLost.hasSubscribers) connectionLost.publish(event);
}

export function tellRefresh(event: RefreshEvent): void {
  if (refresh.hasSubscribers) refresh.publish(event);
}
