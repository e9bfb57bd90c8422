/**
 * The faults of a soak. Those that change who serves a shard come one after another, and each ends
 * with a healthy cluster whose replicas have everything: two at once could break more than a
 * cluster can heal.
 */

import { setTimeout as pause } from 'node:timers/promises';
import { sample, type Random } from '../../src/synthetic/seeded-random.ts';
import type { FeatureStore } from '../../src/index.ts';
import type { LocalCluster } from '../local-cluster/local-cluster.ts';
import type { RedisNode } from '../local-cluster/redis-node.ts';
import { handOver, promotion, rejoin } from './failover.ts';
import type { FaultWindows } from './fault-windows.ts';
import { waysToMove } from './ways-to-move.ts';
import type { Workload } from './workload.ts';

/** What a fault strikes. */
export interface Site {
  readonly cluster: LocalCluster;
  readonly store: FeatureStore;
  readonly workload: Workload;
  readonly windows: FaultWindows;
  readonly random: Random;
}

export interface Fault {
  readonly name: string;
  strike(site: Site): Promise<void>;
}

const SLOTS_PER_MOVE = 300;
/**
 * Writes that a primary acknowledges after it was told to end, or as it learns that it was
 * replaced.
 */
const LAST_WORDS_MS = 1_500;

/** One after another. */
export const SHARD_FAULTS: readonly [Fault, ...Fault[]] = [
  { name: 'slots moved', strike: moveSlots },
  { name: 'primary killed', strike: killPrimary },
  { name: 'replica killed', strike: killReplica },
  { name: 'primary frozen shortly', strike: freezeShortly },
  { name: 'primary frozen until replaced', strike: freezeUntilReplaced },
  { name: 'CLUSTER FAILOVER', strike: stepDown },
];

/** Beside those, at any time. */
export const CALL_FAULTS: readonly [Fault, ...Fault[]] = [
  { name: 'connections killed', strike: killConnections },
  { name: 'calls aborted', strike: abortCalls },
];

async function moveSlots({ cluster, store, workload, random }: Site): Promise<void> {
  const slots = [...new Set(workload.ids.map((id) => store.slotFor(id)))];
  const [first, ...others] = await waysToMove(cluster);
  if (first === undefined) throw new Error('there is no way to move slots');
  await random.pick([first, ...others]).move(sample(random, slots, SLOTS_PER_MOVE));
}

async function killPrimary(site: Site): Promise<void> {
  const { cluster, workload } = site;
  const victim = await anyPrimary(site);
  const closeWindow = openWindow(site, 'primary killed', victim);
  await promotion(cluster, victim.port, async () => {
    await cluster.kill(victim.port);
    closeWindow(workload.elapsedMs + LAST_WORDS_MS);
  });
  await rejoin(cluster, victim);
}

async function killReplica({ cluster, random }: Site): Promise<void> {
  const victim = pickNode(random, await cluster.replicas());
  await cluster.kill(victim.port);
  await pause(random.integer(0, 3_000));
  await rejoin(cluster, victim);
}

/** Mostly shorter than the cluster needs to notice; where it is not, the primary is replaced. */
async function freezeShortly(site: Site): Promise<void> {
  const { cluster, random, workload } = site;
  const victim = await anyPrimary(site);
  const closeWindow = openWindow(site, 'primary frozen', victim);
  victim.signal('SIGSTOP');
  try {
    await pause(random.integer(200, 1_500));
  } finally {
    victim.signal('SIGCONT');
  }
  await cluster.waitHealthy();
  closeWindow(workload.elapsedMs);
}

async function freezeUntilReplaced(site: Site): Promise<void> {
  const { cluster, random, workload } = site;
  const victim = await anyPrimary(site);
  const closeWindow = openWindow(site, 'primary frozen', victim);
  try {
    await promotion(cluster, victim.port, async () => victim.signal('SIGSTOP'));
    await pause(random.integer(0, 4_000));
  } finally {
    victim.signal('SIGCONT');
  }
  closeWindow(workload.elapsedMs + LAST_WORDS_MS);
  await rejoin(cluster, victim);
}

async function stepDown(site: Site): Promise<void> {
  const { cluster } = site;
  const victim = await anyPrimary(site);
  await handOver(cluster, victim.port);
  await rejoin(cluster, victim);
}

/** The store's connections to one node, some of them or all. */
export async function killConnections({
  cluster,
  random,
}: Pick<Site, 'cluster' | 'random'>): Promise<void> {
  const node = pickNode(random, cluster.running);
  const share = random.next();
  await node.use(async (client) => {
    const clients = String(await client.call('CLIENT', 'LIST', 'TYPE', 'normal')).split('\n');
    for (const line of clients) {
      const id = /^id=(\d+) .*\bname=fstore:/u.exec(line)?.[1];
      if (id !== undefined && random.next() <= share) await client.call('CLIENT', 'KILL', 'ID', id);
    }
  });
}

async function abortCalls({ workload, random }: Site): Promise<void> {
  workload.abortShare = random.next();
  try {
    await pause(random.integer(200, 1_500));
  } finally {
    workload.abortShare = 0;
  }
}

async function anyPrimary({ cluster, random }: Site): Promise<RedisNode> {
  return pickNode(random, await cluster.primaries());
}

function pickNode(random: Random, nodes: readonly RedisNode[]): RedisNode {
  const [first, ...others] = nodes;
  if (first === undefined) throw new Error('there is no node to strike');
  return random.pick([first, ...others]);
}

function openWindow(
  { store, workload, windows }: Site,
  cause: string,
  { host, port }: RedisNode,
): (nowMs: number) => void {
  const struck = new Set(workload.ids.filter((id) => store.shardFor(id) === `${host}:${port}`));
  return windows.open(cause, workload.elapsedMs, (id) => struck.has(id));
}
