/**
 * A soak: a cluster of its own, stores that work all the time, faults at random from a seed, and a
 * tally.
 *
 *   six nodes ─▶ every entity loaded ─┬─ readers and writers, every row checked ─────┬─▶ last look ─▶ tally
 *                                     ├─ faults of shards: strike, heal, strike, …  ─┤
 *                                     └─ killed connections and aborted calls ───────┘
 */

import { setTimeout as pause } from 'node:timers/promises';
import { seededRandom } from '../../src/synthetic/seeded-random.ts';
import { FeatureStore } from '../../src/index.ts';
import { startLocalCluster, type LocalCluster } from '../local-cluster/local-cluster.ts';
import { FaultWindows } from './fault-windows.ts';
import { replicated } from './failover.ts';
import { CALL_FAULTS, SHARD_FAULTS, type Fault, type Site } from './faults.ts';
import { processUse, type ProcessUse } from './process-use.ts';
import { brokenPromises, count, listed, tallyLines, total, wrongCount } from './tally.ts';
import { Workload } from './workload.ts';

export interface SoakOptions {
  readonly minutes: number;
  readonly seed: number;
  /** The first port of the cluster, or where the search for free ones begins. */
  readonly portFrom: number;
  /** Ends the soak early, with its tally. */
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
}

const GROUP = 'vip';
const MEMBERS: readonly string[] = Array.from({ length: 50 }, (_, n) => `v${n}`);
const ENTITY_COUNT = 4_000;
const REST_MS = 10;
const PROGRESS_EVERY_MS = 15_000;
/** Between two faults of calls, at most. */
const CALL_FAULTS_EVERY_MS = 6_000;

/** Gives whether every promise was kept. */
export async function runSoak(options: SoakOptions): Promise<boolean> {
  const { log, portFrom } = options;
  await using cluster = await startLocalCluster({ portFrom, log });
  await using first = await connect(cluster);
  await using second = await connect(cluster);
  await using idle = await connect(cluster);
  return await soak(options, cluster, [first, second, idle]);
}

function connect(cluster: LocalCluster): Promise<FeatureStore> {
  return FeatureStore.connect({ nodes: cluster.urls, vipGroups: { [GROUP]: MEMBERS } });
}

async function soak(
  { minutes, seed, signal, log }: SoakOptions,
  cluster: LocalCluster,
  stores: readonly [FeatureStore, FeatureStore, FeatureStore],
): Promise<boolean> {
  const [first, second, idle] = stores;
  const windows = new FaultWindows();
  const workload = await Workload.start({
    stores: [first, second],
    seed,
    entityCount: ENTITY_COUNT,
    vipGroup: GROUP,
    restMs: REST_MS,
    tolerate: windows.tolerate,
  });
  await workload.readAll(idle);
  await pause(2_000, undefined, { signal }).catch(() => undefined);
  const useAtBegin = processUse();
  const over = new AbortController();
  const end = (): void => over.abort();
  signal.addEventListener('abort', end);
  const timer = setTimeout(end, minutes * 60_000);
  const faults: Record<string, number> = {};
  const site = { cluster, store: first, workload, windows };
  let toldCount = 0;
  const progress = setInterval(() => {
    log(progressLine(workload, faults, stores));
    const { violations } = workload.tally;
    for (; toldCount < violations.length; toldCount++) log(`VIOLATION ${violations[toldCount]}`);
  }, PROGRESS_EVERY_MS);
  const trouble: unknown[] = [];
  try {
    const ended = await Promise.allSettled([
      strikeShards({ ...site, random: seededRandom(seed) }, idle, faults, over.signal, log),
      strikeCalls({ ...site, random: seededRandom(seed + 1) }, faults, over.signal),
    ]);
    for (const way of ended) if (way.status === 'rejected') trouble.push(way.reason);
  } finally {
    clearInterval(progress);
    clearTimeout(timer);
    signal.removeEventListener('abort', end);
  }
  const tally = await workload.stop();
  await workload.readAll(idle);
  for (const line of tallyLines(tally)) log(line);
  for (const violation of tally.violations) log(`VIOLATION ${violation}`);
  log(`faults                      ${listed(faults)}`);
  for (const line of storeLines(stores)) log(line);
  log(useLine('at begin', useAtBegin));
  log(useLine('at end', processUse()));
  for (const error of trouble) log(`the cluster did not heal: ${String(error)}`);
  const broken = brokenPromises(tally);
  for (const promise of broken) log(`BROKEN: ${promise}`);
  if (broken.length === 0) log('every promise was kept');
  return broken.length === 0 && trouble.length === 0;
}

async function strikeShards(
  site: Site,
  idle: FeatureStore,
  faults: Record<string, number>,
  over: AbortSignal,
  log: (line: string) => void,
): Promise<void> {
  const { cluster, workload, random } = site;
  while (!over.aborted) {
    await workload.markReplicated(() => replicated(cluster));
    const fault = random.pick(SHARD_FAULTS);
    log(`${seconds(workload.elapsedMs)} ${fault.name}`);
    await strike(fault, site, faults);
    await cluster.waitHealthy();
    // A store that had nothing to do meanwhile must be right too.
    await workload.readAll(idle);
  }
}

async function strikeCalls(
  site: Site,
  faults: Record<string, number>,
  over: AbortSignal,
): Promise<void> {
  while (!over.aborted) {
    const restMs = site.random.integer(0, CALL_FAULTS_EVERY_MS);
    await pause(restMs, undefined, { signal: over }).catch(() => undefined);
    // The node may be dead or frozen at this moment: then there is nothing to kill.
    await strike(site.random.pick(CALL_FAULTS), site, faults).catch(() => undefined);
  }
}

async function strike(fault: Fault, site: Site, faults: Record<string, number>): Promise<void> {
  await fault.strike(site);
  count(faults, fault.name);
}

function progressLine(
  { tally, elapsedMs }: Workload,
  faults: Readonly<Record<string, number>>,
  stores: readonly FeatureStore[],
): string {
  return (
    `${seconds(elapsedMs)} rows ${tally.rows}, wrong ${wrongCount(tally)}, failed ${listed(tally.failedRows)}, ` +
    `redirects ${sumOf(stores, 'redirects')}, faults ${total(faults)}`
  );
}

function storeLines(stores: readonly FeatureStore[]): string[] {
  return [
    `redirects                   ${sumOf(stores, 'redirects')}`,
    `retries                     ${sumOf(stores, 'retries')}`,
    `lost connections            ${sumOf(stores, 'lostConnections')}`,
    `refreshes                   ${stores.reduce((sum, store) => sum + store.stats().refreshes, 0)}`,
  ];
}

function sumOf(
  stores: readonly FeatureStore[],
  counter: 'redirects' | 'retries' | 'lostConnections',
): number {
  return stores
    .flatMap((store) => Object.values(store.stats().shards))
    .reduce((sum, shard) => sum + shard[counter], 0);
}

function useLine(when: string, { heapMb, handles }: ProcessUse): string {
  return `heap and handles ${when.padEnd(10)} ${heapMb.toFixed(1)} MB, ${listed(handles)}`;
}

function seconds(ms: number): string {
  return `[${(ms / 1_000).toFixed(0).padStart(4)} s]`;
}
