/** How a batch read was split: per shard, what it was asked and when. */

import type { PipelineReport } from '../index.ts';

export interface ShardPart {
  /** The primary's `host:port`. */
  readonly shard: string;
  readonly id_count: number;
  readonly pipeline_count: number;
  /** From the start of the call to the first write to this shard. */
  readonly start_ms: number;
  /** From the first write to this shard to its last reply. */
  readonly elapsed_ms: number;
}

/** In the order of the addresses, so that each shard keeps its place from read to read. */
export function splitByShard(reports: readonly PipelineReport[]): ShardPart[] {
  const byShard = new Map<string, PipelineReport[]>();
  for (const report of reports) {
    const pipelines = byShard.get(report.shard);
    if (pipelines) pipelines.push(report);
    else byShard.set(report.shard, [report]);
  }
  return [...byShard]
    .map(([shard, pipelines]) => {
      const startMs = Math.min(...pipelines.map((pipeline) => pipeline.startMs));
      const endMs = Math.max(...pipelines.map(({ startMs: from, elapsedMs }) => from + elapsedMs));
      return {
        shard,
        id_count: pipelines.reduce((sum, { keyCount }) => sum + keyCount, 0),
        pipeline_count: pipelines.length,
        start_ms: startMs,
        elapsed_ms: endMs - startMs,
      };
    })
    .sort((left, right) => (left.shard < right.shard ? -1 : 1));
}
