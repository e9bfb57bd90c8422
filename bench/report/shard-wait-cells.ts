import type { ShardWait } from '../measurement.ts';
import { inDuration } from '../quantity.ts';

/** A row about how long a batch waits for its slowest shard, as the page and the docs show it. */
export function shardWaitCells(wait: ShardWait): string[] {
  return [
    wait.target === 'cluster' ? 'six nodes' : 'one node',
    wait.idsPerOperation.toLocaleString('en-US'),
    inDuration(wait.operationMs),
    inDuration(wait.slowestShardMs),
    inDuration(wait.meanShardMs),
    inDuration(wait.slowestShardMs - wait.meanShardMs),
    inDuration(wait.pipelinesMs),
  ];
}
