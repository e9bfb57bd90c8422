/**
 * What is kept of a run: the JSON in bench/results, from which every table, plot and sentence is
 * made.
 */

import type { TargetKind } from './rival.ts';
import type { Latencies } from './statistics.ts';

/** One contender's share of one round. */
export interface Sample {
  readonly operations: number;
  /** Ids read or rows written. */
  readonly ids: number;
  readonly elapsedMs: number;
  readonly latencyMs: Latencies;
  /** User and system time of the whole client process, native threads included. */
  readonly clientCpuUs: number;
  /** By primary, in the order of the slots. */
  readonly serverCpuUs: readonly number[];
  readonly replicaCpuUs: number;
}

/** All rounds of one contender in one work on one target. */
export interface Cell {
  readonly work: string;
  readonly target: TargetKind;
  readonly contender: string;
  readonly idsPerOperation: number;
  readonly samples: readonly Sample[];
  /** Over all rounds: the tail needs every operation there was. */
  readonly pooledLatencyMs: Latencies;
}

export interface Work {
  readonly name: string;
  readonly title: string;
  readonly unit: 'id' | 'row';
  readonly note?: string;
}

/**
 * How far a batch of ours has to wait for the slowest of its shards, by what onPipeline reports.
 */
export interface ShardWait {
  readonly target: TargetKind;
  readonly idsPerOperation: number;
  readonly operations: number;
  /** From the call to the last reply of the slowest shard, and of a shard in the mean. */
  readonly slowestShardMs: number;
  readonly meanShardMs: number;
  /** The sum over the pipelines: what one after the other would have taken. */
  readonly pipelinesMs: number;
  readonly operationMs: number;
}

export interface StreamMemory {
  readonly ids: number;
  readonly idleRssBytes: number;
  readonly peakRssBytes: number;
  readonly elapsedMs: number;
}

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly kernel: string;
  readonly node: string;
  readonly server: string;
  readonly clients: Readonly<Record<string, string>>;
  /** Load average when the run began: a busy machine makes bad numbers. */
  readonly loadAverage: number;
}

export interface Run {
  readonly format: 1;
  readonly label: string;
  readonly startedAt: string;
  readonly elapsedMs: number;
  readonly command: string;
  readonly commit: string;
  readonly seed: number;
  readonly quick: boolean;
  readonly machine: Machine;
  readonly dataSet: string;
  readonly works: readonly Work[];
  readonly cells: readonly Cell[];
  readonly shardWaits: readonly ShardWait[];
  readonly streamMemory: StreamMemory | null;
}

export function cellOf(
  run: Pick<Run, 'cells'>,
  work: string,
  target: TargetKind,
  contender: string,
): Cell | undefined {
  return run.cells.find(
    (cell) => cell.work === work && cell.target === target && cell.contender === contender,
  );
}

/** One figure per round. */
export const figures = {
  idsPerSecond: (sample: Sample): number => (sample.ids / sample.elapsedMs) * 1_000,
  elapsedUsPerId: (sample: Sample): number => (sample.elapsedMs * 1_000) / sample.ids,
  clientUsPerId: (sample: Sample): number => sample.clientCpuUs / sample.ids,
  serverUsPerId: (sample: Sample): number => sum(sample.serverCpuUs) / sample.ids,
  busiestServerUsPerId: (sample: Sample): number => Math.max(...sample.serverCpuUs) / sample.ids,
  replicaUsPerId: (sample: Sample): number => sample.replicaCpuUs / sample.ids,
  p50Ms: (sample: Sample): number => sample.latencyMs.p50,
  p99Ms: (sample: Sample): number => sample.latencyMs.p99,
} as const;

export type Figure = keyof typeof figures;

export function byRound(cell: Cell, figure: Figure): number[] {
  return cell.samples.map(figures[figure]);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
