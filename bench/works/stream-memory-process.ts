/** The process that works/stream-memory.ts starts: idle first, then a long stream, watched. */

import { setTimeout as delay } from 'node:timers/promises';
import { FeatureStore } from 'cluster-feature-store';
import { idOf } from '../data-set.ts';
import { collectGarbage } from '../interleave.ts';
import type { StreamMemory } from '../measurement.ts';
import type { StreamMemoryTask } from './stream-memory.ts';

const SAMPLE_EVERY_MS = 10;
const SETTLE_MS = 200;

process.once('message', (message) => {
  void report(message as StreamMemoryTask); // its other half is works/stream-memory.ts
});

async function report(task: StreamMemoryTask): Promise<void> {
  const result = await measure(task);
  process.send?.(result, () => process.disconnect());
}

async function measure(task: StreamMemoryTask): Promise<StreamMemory> {
  const { nodes, keyPrefix, names } = task;
  await using store = await FeatureStore.connect({ nodes, keyPrefix });
  collectGarbage();
  await delay(SETTLE_MS);
  const idleRssBytes = process.memoryUsage.rss();
  let peakRssBytes = idleRssBytes;
  const look = (): void => {
    peakRssBytes = Math.max(peakRssBytes, process.memoryUsage.rss());
  };
  const timer = setInterval(look, SAMPLE_EVERY_MS);
  const startedAtMs = performance.now();
  let rowCount = 0;
  for await (const { rows } of store.streamFeatures(lazyIds(task), names)) {
    look();
    rowCount += rows.length;
    if (rows.some((row) => row?.['country_iso'] === undefined)) throw new Error('a row is absent');
  }
  const elapsedMs = performance.now() - startedAtMs;
  clearInterval(timer);
  if (rowCount !== task.ids) throw new Error(`${rowCount} rows for ${task.ids} ids`);
  return { ids: task.ids, idleRssBytes, peakRssBytes, elapsedMs };
}

/**
 * As many as are asked for, over the entities that there are, in an order that jumps between
 * shards.
 */
function* lazyIds({ ids, entityCount }: StreamMemoryTask): Generator<string> {
  for (let at = 0; at < ids; at++) yield idOf(at % entityCount);
}
