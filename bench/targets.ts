/**
 * What is to be reached, as ratios within one run: each compared round by round, so that what
 * slowed a round slowed both sides. `reached` is computed from the cells, never written down.
 */

import { byRound, cellOf, type Cell, type Figure, type Run } from './measurement.ts';
import { inFraction, inRatio, tidy } from './quantity.ts';
import { OURS, type RivalName } from './rival.ts';
import { medianRatio } from './statistics.ts';
import { COUNTING, NOT_COUNTING } from './works/count-entities.ts';
import { ALONE, DURING } from './works/interference.ts';
import { ONE_NODE, SIX_NODES } from './works/node-count.ts';
import { GROUP, SPREAD, VIP_SIZES, vipName } from './works/vip-group.ts';
import { ONE_CALL, scalingName, STREAM } from './works/scaling.ts';

export interface TargetResult {
  readonly what: string;
  readonly against: string;
  readonly atLeast: string;
  /** Undefined where the run did not measure it. */
  readonly value: number | undefined;
  /** `value` for people. */
  readonly measured: string;
  readonly reached: boolean | undefined;
}

interface Side {
  readonly work: string;
  readonly contender: string;
}

interface RatioTarget {
  readonly what: string;
  readonly against: string;
  readonly figure: Figure;
  readonly of: Side;
  readonly to: Side;
  readonly bound: Bound;
}

type Bound = { readonly min: number } | { readonly max: number };

const AGAINST: Readonly<Partial<Record<RivalName, string>>> = {
  'ioredis-pipelines': 'ioredis, one pipeline per shard',
  'ioredis-autopipelining': 'ioredis autopipelining',
  'ioredis-promise-all': 'ioredis hmget',
  'node-redis': 'node-redis, Promise.all',
  glide: 'GLIDE ClusterBatch',
  'redis-benchmark': 'redis-benchmark, HMGET of existing keys, at its best',
};

function against(
  what: string,
  work: string,
  rival: RivalName,
  figure: Figure,
  bound: Bound,
): RatioTarget {
  const of = { work, contender: OURS };
  const to = { work, contender: rival };
  return { what, against: AGAINST[rival] ?? rival, figure, of, to, bound };
}

const RATIO_TARGETS: readonly RatioTarget[] = [
  against('10,000 ids, ids/s', 'read-10000', 'ioredis-pipelines', 'idsPerSecond', { min: 5 }),
  against('10,000 ids, ids/s', 'read-10000', 'glide', 'idsPerSecond', { min: 4.5 }),
  against('10,000 ids, ids/s', 'read-10000', 'ioredis-autopipelining', 'idsPerSecond', { min: 7 }),
  against('10,000 ids, ids/s', 'read-10000', 'node-redis', 'idsPerSecond', { min: 10 }),
  against('10,000 ids, ids/s', 'read-10000', 'redis-benchmark', 'idsPerSecond', { min: 0.8 }),
  {
    ...against('10,000 ids, ids/s', 'read-10000', 'redis-benchmark', 'idsPerSecond', { min: 0.8 }),
    against: 'redis-benchmark with 50 connections and -P 16',
    to: { work: 'read-10000', contender: 'redis-benchmark -P 16' },
  },
  against('10,000 ids, client CPU per id', 'read-10000', 'ioredis-pipelines', 'clientUsPerId', {
    max: 1 / 8,
  }),
  against('100 ids, p50', 'read-100', 'ioredis-pipelines', 'p50Ms', { max: 0.5 }),
  against('1 id (getFeatures), p50', 'single', 'ioredis-promise-all', 'p50Ms', { max: 1.05 }),
  against('1 id (batchGetFeatures), p50', 'read-1', 'ioredis-promise-all', 'p50Ms', { max: 1.05 }),
  against(
    '64 single reads at once, reads/s',
    'single-64',
    'ioredis-autopipelining',
    'idsPerSecond',
    {
      min: 2,
    },
  ),
  against('64 single reads at once, p99', 'single-64', 'ioredis-autopipelining', 'p99Ms', {
    max: 1,
  }),
  {
    what: 'single reads, p99 during a batch of 200,000',
    against: 'the same without the batch',
    figure: 'p99Ms',
    of: { work: 'interference', contender: DURING },
    to: { work: 'interference', contender: ALONE },
    bound: { max: 3 },
  },
  {
    what: 'single reads, p99 while all entities are counted',
    against: 'the same without a count',
    figure: 'p99Ms',
    of: { work: 'count-beside', contender: COUNTING },
    to: { work: 'count-beside', contender: NOT_COUNTING },
    bound: { max: 2 },
  },
  ...VIP_SIZES.flatMap((members): RatioTarget[] => {
    const work = vipName(members);
    const what = `VIP group of ${members.toLocaleString('en-US')}`;
    const of = { work, contender: GROUP };
    return [
      {
        what: `${what}, client CPU per id`,
        against: 'as many ids spread over the shards',
        figure: 'clientUsPerId',
        of,
        to: { work, contender: SPREAD },
        bound: { max: 0.9 },
      },
      {
        what: `${what}, ids/s`,
        against: 'redis-benchmark on the shard of the group',
        figure: 'idsPerSecond',
        of,
        to: { work, contender: 'redis-benchmark' },
        bound: { min: 0.8 },
      },
    ];
  }),
  against('bulk load, client CPU per row', 'bulk-load', 'ioredis-pipelines', 'clientUsPerId', {
    max: 1 / 4,
  }),
  against('bulk load, rows/s', 'bulk-load', 'ioredis-pipelines', 'idsPerSecond', { min: 1.4 }),
  {
    what: '10,000 ids, client CPU per id, six nodes',
    against: 'the same on one node',
    figure: 'clientUsPerId',
    of: { work: 'nodes-10000', contender: SIX_NODES },
    to: { work: 'nodes-10000', contender: ONE_NODE },
    bound: { max: 1.2 },
  },
];

const MEMORY_MAX_MB = 100;
const SCALING_MAX = 10.5;

export function targetsOf(run: Pick<Run, 'cells' | 'streamMemory'>): TargetResult[] {
  return [
    ...RATIO_TARGETS.map((target) => ratioResult(run, target)),
    memoryResult(run),
    scalingResult(run, ONE_CALL),
    scalingResult(run, STREAM),
  ];
}

function ratioResult(run: Pick<Run, 'cells'>, target: RatioTarget): TargetResult {
  const { what, bound } = target;
  const value = ratioOf(sideOf(run, target.of), sideOf(run, target.to), target.figure);
  return { what, against: target.against, ...judge(value, bound) };
}

function memoryResult({ streamMemory }: Pick<Run, 'streamMemory'>): TargetResult {
  const value = streamMemory
    ? (streamMemory.peakRssBytes - streamMemory.idleRssBytes) / 1e6
    : undefined;
  const count = (streamMemory?.ids ?? 5_000_000).toLocaleString('en-US');
  return {
    what: `streamFeatures over ${count} ids, peak RSS over idle`,
    against: '',
    value,
    measured: value === undefined ? '–' : `${value.toFixed(0)} MB`,
    atLeast: `≤ ${MEMORY_MAX_MB} MB`,
    reached: value === undefined ? undefined : value <= MEMORY_MAX_MB,
  };
}

function scalingResult(run: Pick<Run, 'cells'>, call: string): TargetResult {
  const side = (ids: number): Cell | undefined =>
    cellOf(run, 'scaling', 'cluster', scalingName(call, ids));
  const many = side(1_000_000)?.samples.map(({ latencyMs }) => latencyMs.p50);
  const few = side(100_000)?.samples.map(({ latencyMs }) => latencyMs.p50);
  const value = many && few ? medianRatio(many, few) : undefined;
  const what = `time for 1,000,000 ids, ${call}`;
  return { what, against: '100,000 ids', ...judge(value, { max: SCALING_MAX }) };
}

function sideOf(run: Pick<Run, 'cells'>, side: Side): Cell | undefined {
  return cellOf(run, side.work, 'cluster', side.contender);
}

export function ratioOf(
  of: Cell | undefined,
  to: Cell | undefined,
  figure: Figure,
): number | undefined {
  return of && to ? medianRatio(byRound(of, figure), byRound(to, figure)) : undefined;
}

function judge(
  value: number | undefined,
  bound: Bound,
): Pick<TargetResult, 'value' | 'measured' | 'atLeast' | 'reached'> {
  const isFloor = 'min' in bound;
  const atLeast = isFloor ? `≥ ${bound.min}×` : `≤ ${tidy(inFraction(bound.max))}`;
  if (value === undefined || Number.isNaN(value)) {
    return { value: undefined, measured: '–', atLeast, reached: undefined };
  }
  const measured = isFloor ? inRatio(value) : inFraction(value);
  return { value, measured, atLeast, reached: isFloor ? value >= bound.min : value <= bound.max };
}
