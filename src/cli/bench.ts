/**
 * `fstore bench`: what batch reads cost on this cluster, over this network, from this machine. It
 * reads entities of its own, under a prefix that nobody else has, and deletes them however it ends;
 * should it be killed, their TTL does.
 */

import { randomUUID } from 'node:crypto';
import { Option, type Command } from 'commander';
import { performance } from '../runtime/clock.ts';
import { DEFAULT_BATCH_FEATURES, synthesizeUsers } from '../synthetic/synthetic-users.ts';
import type { FeatureStore } from '../index.ts';
import { CommandError } from './command-error.ts';
import { addConnectionFlags, type ConnectionFlags } from './connection-flags.ts';
import { wholeNumber } from './number-flag.ts';
import { inGroups, startProgress } from './progress-line.ts';
import { print } from './stream-output.ts';
import { table } from './table.ts';
import { withStore } from './with-store.ts';

interface BenchFlags extends ConnectionFlags {
  readonly entities: number;
  readonly seconds: number;
  readonly json?: boolean;
}

interface SizeResult {
  readonly idsPerCall: number;
  readonly calls: number;
  readonly idsPerSecond: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** CPU of this process. */
  readonly clientCpuUsPerId: number;
}

const SIZES = [1, 10, 100, 1_000, 10_000] as const;
const PREFIX = 'fstore-bench:';
/** Outlives the run, and not by much. */
const TTL_SECONDS = 1_800;
const WARM_UP_SHARE = 0.25;
const MAX_ENTITIES = 200_000;
const MAX_SECONDS = 60;
/** Batches in turn, so that not the same ids are read again and again. */
const BATCHES = 16;

export function addBenchCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command('bench')
    .description(
      `measure batch reads on this cluster, at keys of its own (${PREFIX}<random>:…, whatever ` +
        '--key-prefix says), which it deletes at the end',
    )
    .addOption(
      new Option('--entities <number>', 'how many are loaded and read')
        .argParser(wholeNumber({ min: 1, max: MAX_ENTITIES }))
        .default(20_000),
    )
    .addOption(
      new Option('--seconds <number>', 'how long each batch size is measured')
        .argParser(wholeNumber({ min: 1, max: MAX_SECONDS }))
        .default(3),
    )
    .option('--json', 'as JSON')
    .action((flags: BenchFlags) => bench(flags, signal));
  addConnectionFlags(command);
}

async function bench(flags: BenchFlags, signal: AbortSignal): Promise<void> {
  const keyPrefix = `${PREFIX}${randomUUID()}:`;
  const results = await withStore({ ...flags, keyPrefix }, signal, async (store) => {
    try {
      const ids = await load(store, flags.entities, signal);
      return await measureAll(store, ids, flags.seconds * 1_000, signal);
    } finally {
      await store.reset();
    }
  });
  await print(flags.json ? `${JSON.stringify(results, null, 2)}\n` : render(flags, results));
}

/**
 * Ends when the signal fires, and what was sent by then is answered: an aborted load can still
 * write after the reset that follows it.
 */
async function load(store: FeatureStore, count: number, signal: AbortSignal): Promise<string[]> {
  const ids: string[] = [];
  const progress = startProgress({ unit: 'entities loaded', total: count });
  const rows = function* (): ReturnType<typeof synthesizeUsers> {
    for (const row of synthesizeUsers({ count })) {
      if (signal.aborted) throw signal.reason;
      ids.push(row[0]);
      yield row;
    }
  };
  try {
    const { failed } = await store.bulkLoad(rows(), {
      ttlSeconds: TTL_SECONDS,
      onProgress: ({ loaded }) => progress.update(loaded),
    });
    if (failed[0]) throw failed[0].error;
  } finally {
    progress.stop();
  }
  return ids;
}

async function measureAll(
  store: FeatureStore,
  ids: readonly string[],
  budgetMs: number,
  signal: AbortSignal,
): Promise<SizeResult[]> {
  const results: SizeResult[] = [];
  const progress = startProgress({ unit: 'batch sizes', total: SIZES.length });
  try {
    for (const size of SIZES) {
      const batches = batchesOf(ids, size);
      await checkRows(store, batches[0] ?? [], signal);
      await readFor(store, batches, budgetMs * WARM_UP_SHARE, signal);
      results.push(await readFor(store, batches, budgetMs, signal));
      progress.update(results.length);
    }
  } finally {
    progress.stop();
  }
  return results;
}

/** A figure that was measured on absent entities would be worth nothing. */
async function checkRows(
  store: FeatureStore,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const rows = await store.batchGetFeatures(ids, DEFAULT_BATCH_FEATURES, { signal });
  const isWhole = rows.every((row) =>
    DEFAULT_BATCH_FEATURES.every((name) => Object.hasOwn(row, name)),
  );
  if (!isWhole) throw new CommandError('ROWS_ABSENT', 'entities that were loaded are not there');
}

async function readFor(
  store: FeatureStore,
  batches: readonly (readonly string[])[],
  budgetMs: number,
  signal: AbortSignal,
): Promise<SizeResult> {
  const latenciesMs: number[] = [];
  const cpuBefore = process.cpuUsage();
  const startedAtMs = performance.now();
  do {
    const ids = batches[latenciesMs.length % batches.length] ?? [];
    const beganAtMs = performance.now();
    await store.batchGetFeatures(ids, DEFAULT_BATCH_FEATURES);
    latenciesMs.push(performance.now() - beganAtMs);
    signal.throwIfAborted();
  } while (performance.now() - startedAtMs < budgetMs);
  const elapsedMs = performance.now() - startedAtMs;
  const { user, system } = process.cpuUsage(cpuBefore);
  const idsPerCall = batches[0]?.length ?? 0;
  const idCount = idsPerCall * latenciesMs.length;
  const sorted = Float64Array.from(latenciesMs).sort();
  return {
    idsPerCall,
    calls: latenciesMs.length,
    idsPerSecond: (idCount / elapsedMs) * 1_000,
    p50Ms: quantile(sorted, 0.5),
    p95Ms: quantile(sorted, 0.95),
    p99Ms: quantile(sorted, 0.99),
    maxMs: quantile(sorted, 1),
    clientCpuUsPerId: (user + system) / idCount,
  };
}

/** Ids drawn evenly; in a batch one may come twice. */
function batchesOf(ids: readonly string[], size: number): string[][] {
  const draw = (): string => ids[Math.floor(Math.random() * ids.length)] ?? '';
  return Array.from({ length: BATCHES }, () => Array.from({ length: size }, draw));
}

function quantile(sorted: Float64Array, share: number): number {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

function render({ entities }: BenchFlags, results: readonly SizeResult[]): string {
  const rows = results.map((result) => [
    result.idsPerCall,
    result.calls,
    Math.round(result.idsPerSecond),
    ...[result.p50Ms, result.p95Ms, result.p99Ms, result.maxMs, result.clientCpuUsPerId].map(
      (value) => Number(value.toPrecision(3)),
    ),
  ]);
  const header = ['IDS', 'CALLS', 'IDS/S', 'P50 MS', 'P95 MS', 'P99 MS', 'MAX MS', 'CPU US/ID'];
  const what = `${inGroups(entities)} entities, ${DEFAULT_BATCH_FEATURES.length} features each, all read`;
  return `${what}; one call after the other\n\n${table(header, rows)}`;
}
