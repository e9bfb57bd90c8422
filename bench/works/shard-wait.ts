/**
 * How long our batches wait for their slowest shard: a pass of its own, as watching costs time too.
 */

import { FeatureStore, type PipelineReport } from 'cluster-feature-store';
import type { BenchTarget } from '../bench-servers.ts';
import { drawIndexes, idOf, type EntitySet } from '../data-set.ts';
import type { ShardWait } from '../measurement.ts';
import { urlsOf } from '../rivals/feature-store.ts';
import { median } from '../statistics.ts';

const SIZES = [100, 1_000, 10_000, 100_000] as const;
const OPERATIONS = 30;
const MAX_MS = 1_500;

export async function measureShardWaits(
  target: BenchTarget,
  set: EntitySet,
  seed: number,
): Promise<ShardWait[]> {
  const waits: ShardWait[] = [];
  await using store = await FeatureStore.connect({ nodes: urlsOf(target), keyPrefix: set.prefix });
  for (const size of SIZES) {
    const ids = drawIndexes(seed, size, set.count).map(idOf);
    const observed: Observation[] = [];
    await observe(store, ids, set.readNames);
    const startedAtMs = performance.now();
    while (observed.length < OPERATIONS && performance.now() - startedAtMs < MAX_MS) {
      observed.push(await observe(store, ids, set.readNames));
    }
    const middle = (figure: keyof Observation): number =>
      median(observed.map((observation) => observation[figure]));
    waits.push({
      target: target.kind,
      idsPerOperation: size,
      operations: observed.length,
      slowestShardMs: middle('slowestShardMs'),
      meanShardMs: middle('meanShardMs'),
      pipelinesMs: middle('pipelinesMs'),
      operationMs: middle('operationMs'),
    });
  }
  return waits;
}

type Observation = Pick<
  ShardWait,
  'slowestShardMs' | 'meanShardMs' | 'pipelinesMs' | 'operationMs'
>;

async function observe(
  store: FeatureStore,
  ids: readonly string[],
  names: readonly string[],
): Promise<Observation> {
  const endByShard = new Map<string, number>();
  let pipelinesMs = 0;
  const onPipeline = ({ shard, startMs, elapsedMs }: PipelineReport): void => {
    pipelinesMs += elapsedMs;
    endByShard.set(shard, Math.max(endByShard.get(shard) ?? 0, startMs + elapsedMs));
  };
  const beganAtMs = performance.now();
  await store.batchGetFeatures(ids, names, { onPipeline });
  const operationMs = performance.now() - beganAtMs;
  const ends = [...endByShard.values()];
  return {
    slowestShardMs: Math.max(...ends),
    meanShardMs: ends.reduce((sum, end) => sum + end, 0) / ends.length,
    pipelinesMs,
    operationMs,
  };
}
