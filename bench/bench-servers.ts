/** The servers of a run: six nodes in a cluster, and one that stands alone, with the same data. */

import calculateSlot from 'cluster-key-slot';
import { Redis } from 'ioredis';
import { FeatureStore } from 'cluster-feature-store';
import { startLocalCluster } from '../rig/local-cluster/local-cluster.ts';
import { startStandaloneServer } from '../rig/local-cluster/standalone-server.ts';
import { idOf, type EntityRow, type EntitySet } from './data-set.ts';
import { flat, type Node, type Target } from './rival.ts';
import { urlsOf } from './rivals/feature-store.ts';
import type { BenchmarkShard } from './rivals/redis-benchmark.ts';

const CLUSTER_PORT = 15_000;
const STANDALONE_PORT = 15_100;
/** Longer than any run. */
const TTL_SECONDS = 86_400;
const ROWS_PER_PIPELINE = 1_000;

export interface BenchTarget extends Target {
  readonly primaries: readonly Node[];
  readonly replicas: readonly Node[];
  readonly benchmarkShards: readonly BenchmarkShard[];
  /** The index in `primaries` of the one that owns the slot. */
  readonly shardOfSlot: (slot: number) => number;
}

export interface BenchServers extends AsyncDisposable {
  readonly cluster: BenchTarget;
  readonly standalone: BenchTarget;
}

/** Starts the servers and loads every set into both. */
export async function startBenchServers(
  sets: readonly EntitySet[],
  log: (line: string) => void,
): Promise<BenchServers> {
  const cluster = await startLocalCluster({ portFrom: CLUSTER_PORT, log });
  const standalone = await startStandaloneServer({ portFrom: STANDALONE_PORT, log });
  const targets = {
    cluster: await clusterTarget(cluster.nodes),
    standalone: standaloneTarget({ host: standalone.host, port: standalone.port }),
  };
  for (const target of Object.values(targets)) {
    const what = sets.map(({ count, name }) => `${count} with ${name}`).join(', ');
    log(`loading the ${target.kind}: ${what}`);
    for (const set of sets) await loadSet(target, set);
  }
  const [narrow] = sets;
  if (narrow) await Promise.all(targets.cluster.benchmarkShards.map((at) => loadShard(at, narrow)));
  return {
    ...targets,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([cluster[Symbol.asyncDispose](), standalone[Symbol.asyncDispose]()]);
    },
  };
}

async function clusterTarget(nodes: readonly Node[]): Promise<BenchTarget> {
  const all = nodes.map(({ host, port }) => ({ host, port }));
  const target = { kind: 'cluster', nodes: all } as const;
  await using store = await FeatureStore.connect({ nodes: urlsOf(target) });
  const { shards } = await store.topology();
  const primaries = shards.map(({ address }) => nodeAt(address));
  return {
    ...target,
    primaries,
    shardOfSlot: (slot) => shards.findIndex(({ slotRanges }) => holds(slotRanges, slot)),
    replicas: all.filter(({ port }) => !primaries.some((primary) => primary.port === port)),
    benchmarkShards: shards.map(({ address, slotRanges }) => ({
      node: nodeAt(address),
      keyPrefix: `fs:limit:{${tagWithin(slotRanges)}}:u`,
      keyCount: Math.ceil(100_000 / shards.length),
    })),
  };
}

function standaloneTarget(node: Node): BenchTarget {
  const benchmarkShards = [{ node, keyPrefix: 'fs:user:u', keyCount: 100_000 }];
  const nodes = [node];
  const shardOfSlot = (): number => 0;
  return {
    kind: 'standalone',
    nodes,
    primaries: nodes,
    replicas: [],
    benchmarkShards,
    shardOfSlot,
  };
}

async function loadSet(target: Target, set: EntitySet): Promise<void> {
  const nodes = urlsOf(target);
  await using store = await FeatureStore.connect({ nodes, keyPrefix: set.prefix });
  const { failed } = await store.bulkLoad(rowsOf(set), { ttlSeconds: TTL_SECONDS });
  if (failed[0]) throw failed[0].error;
}

function* rowsOf(set: EntitySet): Generator<EntityRow> {
  for (let index = 0; index < set.count; index++) yield [idOf(index), set.entity(index)];
}

/** Past the store, which refuses prefixes that pin all entities to one slot. */
async function loadShard(shard: BenchmarkShard, set: EntitySet): Promise<void> {
  const client = new Redis({ ...shard.node });
  for (let from = 0; from < shard.keyCount; from += ROWS_PER_PIPELINE) {
    const pipeline = client.pipeline();
    for (let index = from; index < Math.min(from + ROWS_PER_PIPELINE, shard.keyCount); index++) {
      pipeline.hset(shard.keyPrefix + idOf(index).slice(1), ...flat(set.entity(index)));
    }
    const replies = (await pipeline.exec()) ?? [];
    for (const [error] of replies) if (error) throw error;
  }
  client.disconnect();
}

/** A hash tag whose slot is in one of the ranges. */
function tagWithin(ranges: SlotRanges): string {
  for (let number = 0; ; number++) {
    const tag = `t${number}`;
    if (holds(ranges, calculateSlot(tag))) return tag;
  }
}

type SlotRanges = readonly (readonly [from: number, to: number])[];

function holds(ranges: SlotRanges, slot: number): boolean {
  return ranges.some(([from, to]) => slot >= from && slot <= to);
}

function nodeAt(address: string): Node {
  const colon = address.lastIndexOf(':');
  return { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
}
