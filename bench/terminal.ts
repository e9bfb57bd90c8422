/** The run as a person reads it in a terminal. */

import {
  byRound,
  type Cell,
  type Figure,
  type Machine,
  type Run,
  type Work,
} from './measurement.ts';
import { inCount, inDuration, inMicroseconds } from './quantity.ts';
import { median } from './statistics.ts';
import { targetsOf } from './targets.ts';

export function renderMachine(run: {
  readonly machine: Machine;
  readonly command: string;
  readonly seed: number;
  readonly commit: string;
}): string {
  const { machine } = run;
  const clients = Object.entries(machine.clients).map(([name, version]) => `${name} ${version}`);
  const memoryGb = (machine.memoryBytes / 2 ** 30).toFixed(0);
  return [
    `command  ${run.command}`,
    `machine  ${machine.cpu}, ${machine.cores} cores, ${memoryGb} GiB, ${machine.kernel}`,
    `load     ${machine.loadAverage.toFixed(2)} when it began`,
    `versions node ${machine.node}, ${machine.server}, ${clients.join(', ')}`,
    `commit   ${run.commit}, seed ${run.seed}`,
    '',
  ].join('\n');
}

const HEADER = [
  'target',
  'contender',
  'per s',
  'p50',
  'p95',
  'p99',
  'max',
  'client µs',
  'server µs',
  'by shard',
];

export function renderCells(work: Work, cells: readonly Cell[]): string {
  const rows = cells.map((cell) => {
    const middle = (figure: Figure): number => median(byRound(cell, figure));
    const { p50, p95, p99, max } = cell.pooledLatencyMs;
    const hasOwnCpu = cell.samples.some(({ operations }) => operations > 0);
    return [
      cell.target,
      cell.contender,
      inCount(middle('idsPerSecond')),
      ...[p50, p95, p99, max].map(inDuration),
      hasOwnCpu ? inMicroseconds(middle('clientUsPerId')) : '-',
      inMicroseconds(middle('serverUsPerId')),
      serverUsByShard(cell).map(inMicroseconds).join(' '),
    ];
  });
  const title = `${work.title} (µs per ${work.unit})`;
  return `${title}\n${'-'.repeat(title.length)}\n${columns([HEADER, ...rows])}`;
}

/** Each shard's CPU by the ids of the whole batch: they add up to the servers' cost per id. */
export function serverUsByShard(cell: Cell): number[] {
  const shardCount = cell.samples[0]?.serverCpuUs.length ?? 0;
  return Array.from({ length: shardCount }, (_, shard) =>
    median(cell.samples.map(({ serverCpuUs, ids }) => (serverCpuUs[shard] ?? Number.NaN) / ids)),
  );
}

export function renderTargets(run: Pick<Run, 'cells' | 'streamMemory'>): string {
  const rows = targetsOf(run).map(({ what, against, atLeast, measured, reached }) => [
    what,
    against,
    atLeast,
    measured,
    reached === undefined ? 'not measured' : reached ? 'reached' : 'NOT REACHED',
  ]);
  return columns([['what', 'against', 'to reach', 'measured', ''], ...rows]);
}

const LEFT_ALIGNED = /[a-z]{3,}/;

function columns(lines: readonly (readonly string[])[]): string {
  const [header = []] = lines;
  const widths = header.map((_, at) => Math.max(...lines.map((line) => line[at]?.length ?? 0)));
  const isText = header.map((_, at) =>
    lines.slice(1).every((line) => LEFT_ALIGNED.test(line[at] ?? '') || line[at] === ''),
  );
  return lines
    .map((line) =>
      line
        .map((cell, at) =>
          isText[at] ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join('');
}
