/**
 * What happens between the store and the cluster, as JSON lines of a logger (here pino).
 *
 * Events of rows come one per slot, and a dead shard has thousands of slots. So they are added up,
 * and logged at an interval with the counters of `stats()`.
 */

import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { createInterface } from 'node:readline';
import { FeatureStore } from 'cluster-feature-store';
import type { ConnectionLostEvent, RefreshEvent, RowsEvent } from 'cluster-feature-store';
import { pino } from 'pino';

const logger = pino();
const rowLines = new Map<string, { rows: number }>(); // one per event, shard and reason

function countRows(event: string, { shard = 'no owner', rowCount, error, to }: RowsEvent): void {
  const why = error?.code ?? `moved to ${to}`;
  const key = [event, shard, why].join();
  const line = rowLines.get(key) ?? { event, shard, why, rows: 0 };
  line.rows += rowCount;
  rowLines.set(key, line);
}

const listeners: Readonly<Record<string, (message: unknown) => void>> = {
  redirect: (message) => countRows('redirect', message as RowsEvent),
  retry: (message) => countRows('retry', message as RowsEvent),
  timeout: (message) => countRows('timeout', message as RowsEvent), // also counted as a failure
  failure: (message) => countRows('failure', message as RowsEvent), // what an alarm should count
  'connection-lost': (message) => {
    const { shard, attempt, error } = message as ConnectionLostEvent;
    logger.warn({ event: 'connection-lost', shard, attempt, why: error.code });
  },
  refresh: (message) => logger.info({ event: 'refresh', ...(message as RefreshEvent) }),
};

function logCounts(store: FeatureStore): void {
  for (const line of rowLines.values()) logger.warn(line);
  rowLines.clear();
  logger.info({ event: 'stats', ...store.stats() }); // since the start, as counters should be
}

const channels = Object.entries(listeners).map(
  ([name, listener]) => [`cluster-feature-store:${name}`, listener] as const,
);
// Before `connect`, so that the first slot table is reported too.
for (const [channel, listener] of channels) subscribe(channel, listener);
const store = await FeatureStore.connect({ nodes: ['redis://127.0.0.1:7000'] });
const timer = setInterval(() => logCounts(store), 10_000);
try {
  // The work of the service. Here it reads the ids that come on standard input.
  for await (const id of createInterface({ input: process.stdin })) {
    await store.batchGetFeatures([id], ['risk_segment'], { timeoutMs: 100, onFailure: 'return' });
  }
} finally {
  clearInterval(timer);
  await store.close();
  logCounts(store);
  for (const [channel, listener] of channels) unsubscribe(channel, listener);
}
