import { describe, expect, test } from 'vitest';
import type { Cell, StreamMemory } from '../../bench/measurement.ts';
import { targetsOf, type TargetResult } from '../../bench/targets.ts';

const latencyMs = { count: 1, p50: 1, p95: 1, p99: 1, max: 1 };

/** A cell of three rounds at these rates. */
function cell(work: string, contender: string, idsPerSecond: number, clientCpuUs = 1): Cell {
  const sample = {
    operations: 1,
    ids: 1_000,
    elapsedMs: 1_000_000 / idsPerSecond,
    latencyMs,
    clientCpuUs,
    serverCpuUs: [1, 1, 1],
    replicaCpuUs: 0,
  };
  return {
    work,
    target: 'cluster',
    contender,
    idsPerOperation: 1_000,
    samples: [sample, sample, sample],
    pooledLatencyMs: latencyMs,
  };
}

function verdictOn(
  cells: readonly Cell[],
  against: string,
  streamMemory: StreamMemory | null = null,
): TargetResult | undefined {
  return targetsOf({ cells, streamMemory }).find((target) => target.against === against);
}

describe('targets', () => {
  const ioredis = 'ioredis, one pipeline per shard';

  test('a floor is reached at the floor, and not below it', () => {
    const rival = cell('read-10000', 'ioredis-pipelines', 100);
    const at = (rate: number): Cell[] => [cell('read-10000', 'cluster-feature-store', rate), rival];
    expect(verdictOn(at(500), ioredis)).toMatchObject({ reached: true, measured: '5.00×' });
    expect(verdictOn(at(499), ioredis)).toMatchObject({ reached: false, atLeast: '≥ 5×' });
  });

  test('a ceiling is reached at the ceiling, and not above it', () => {
    const name = '10,000 ids, client CPU per id';
    const at = (cpuUs: number): TargetResult | undefined =>
      targetsOf({
        cells: [
          cell('read-10000', 'cluster-feature-store', 100, cpuUs),
          cell('read-10000', 'ioredis-pipelines', 100, 80),
        ],
        streamMemory: null,
      }).find(({ what, against }) => what === name && against === ioredis);
    expect(at(10)).toMatchObject({ reached: true, measured: '1/8', atLeast: '≤ 1/8' });
    expect(at(11)).toMatchObject({ reached: false });
  });

  test('what was not measured is neither reached nor missed', () => {
    for (const { reached } of targetsOf({ cells: [], streamMemory: null })) {
      expect(reached).toBeUndefined();
    }
  });

  test('memory counts from idle', () => {
    const memory = { ids: 5_000_000, idleRssBytes: 80e6, peakRssBytes: 179e6, elapsedMs: 1 };
    expect(verdictOn([], '', memory)).toMatchObject({ reached: true, measured: '99 MB' });
  });
});
