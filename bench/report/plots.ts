/** Which figures go into which plot. */

import { cellOf, type Cell, type Run } from '../measurement.ts';
import { MODEL_CLIENTS, MODEL_SHARDS, modelPoint, type ModelCosts } from '../model.ts';
import { inCount, inDuration, inMicroseconds } from '../quantity.ts';
import { OURS } from '../rival.ts';
import { ALONE, DURING } from '../works/interference.ts';
import { barChart, type Bar } from './bar-chart.ts';
import { compareNodes, middle, modelCosts } from './comparison.ts';
import { colorOf, labelOf } from './contender-style.ts';
import { lineChart, type Series } from './line-chart.ts';
import { rangeChart, type Range } from './range-chart.ts';

export interface Plot {
  readonly title: string;
  readonly drawing: string;
  readonly caption?: string;
}

export function ratePlot(run: Run, work: string, title: string): Plot | undefined {
  const cells = onCluster(run, work);
  if (cells.length === 0) return undefined;
  const bars = cells.map((cell): Bar => {
    const value = middle(cell, 'idsPerSecond');
    return {
      label: labelOf(cell.contender),
      parts: [{ value, color: colorOf(cell.contender) }],
      valueText: inCount(value),
      isOurs: cell.contender === OURS,
      isReference: cell.contender.startsWith('redis-benchmark'),
    };
  });
  const axis = work.startsWith('read') ? 'ids per second' : 'rows per second';
  return { title, drawing: barChart({ label: title, axis, bars, tickText: inCount }) };
}

export function costPlot(run: Run, work: string, title: string): Plot | undefined {
  const cells = onCluster(run, work).filter(({ samples }) =>
    samples.some(({ operations }) => operations > 0),
  );
  if (cells.length === 0) return undefined;
  const bars = cells.map((cell): Bar => {
    const value = middle(cell, 'clientUsPerId');
    return {
      label: labelOf(cell.contender),
      parts: [{ value, color: colorOf(cell.contender) }],
      valueText: `${inMicroseconds(value)} µs`,
      isOurs: cell.contender === OURS,
    };
  });
  const axis = 'client CPU, µs';
  return { title, drawing: barChart({ label: title, axis, bars, tickText: String }) };
}

export function batchSizePlot(
  run: Run,
  kind: string,
  figure: 'idsPerSecond' | 'p50Ms',
  title: string,
): Plot | undefined {
  const works = run.works.filter(({ name }) => new RegExp(`^${kind}-\\d+$`).test(name));
  const contenders = new Set(works.flatMap(({ name }) => onCluster(run, name)).map(nameOf));
  const series = [...contenders].flatMap((contender): Series[] => {
    const points = works.flatMap(({ name }) => {
      const cell = cellOf(run, name, 'cluster', contender);
      return cell ? [[cell.idsPerOperation, middle(cell, figure)] as const] : [];
    });
    if (points.length < 2) return [];
    const isOurs = contender === OURS;
    return [{ label: labelOf(contender), color: colorOf(contender), points, isOurs }];
  });
  if (series.length === 0) return undefined;
  const isRate = figure === 'idsPerSecond';
  const drawing = lineChart({
    label: title,
    xAxis: 'ids in a batch, logarithmic',
    yAxis: isRate ? 'ids per second, logarithmic' : 'p50 of a batch, logarithmic',
    series,
    xText: inCount,
    yText: isRate ? inCount : inDuration,
  });
  return { title, drawing };
}

export function singleReadPlot(run: Run, work: string, title: string): Plot | undefined {
  const cells = onCluster(run, work);
  if (cells.length === 0) return undefined;
  const ranges = cells.map((cell): Range => ({
    label: labelOf(cell.contender),
    color: colorOf(cell.contender),
    latencyMs: cell.pooledLatencyMs,
    isOurs: cell.contender === OURS,
  }));
  return { title, drawing: rangeChart(title, ranges) };
}

export function interferencePlot(run: Run): Plot | undefined {
  const ranges = (
    [
      ['interference', OURS],
      ['interference-ioredis', 'ioredis-pipelines'],
    ] as const
  ).flatMap(([work, contender]) =>
    [ALONE, DURING].flatMap((state): Range[] => {
      const cell = cellOf(run, work, 'cluster', state);
      if (!cell) return [];
      const label = `${contender === OURS ? 'ours' : 'ioredis'}, ${state}`;
      const isOurs = contender === OURS;
      return [{ label, color: colorOf(contender), latencyMs: cell.pooledLatencyMs, isOurs }];
    }),
  );
  if (ranges.length === 0) return undefined;
  const title = 'Single reads while a batch of 200,000 ids runs in the same process, six nodes';
  return { title, drawing: rangeChart(title, ranges) };
}

const NODE_WORKS = ['read-100', 'read-10000', 'bulk-load'] as const;

/** CPU of both sides, on one node and on six. */
export function nodePlot(run: Run): Plot | undefined {
  const bars = NODE_WORKS.flatMap((work) =>
    compareNodes(run, [OURS, 'ioredis-pipelines'])
      .filter((row) => row.work === work)
      .flatMap(({ contender, oneNode, sixNodes }) =>
        [oneNode, sixNodes].map(({ clientUs, serverUs }, at): Bar => {
          const who = contender === OURS ? 'ours' : 'ioredis';
          return {
            label: `${work}, ${who}, ${at === 0 ? 'one node' : 'six'}`,
            parts: [
              { name: 'client', value: clientUs, color: colorOf(contender) },
              { name: 'servers', value: serverUs, color: 'var(--server)' },
            ],
            valueText: `${inMicroseconds(clientUs)} + ${inMicroseconds(serverUs)} µs`,
            isOurs: contender === OURS,
          };
        }),
      ),
  );
  if (bars.length === 0) return undefined;
  const title = 'CPU per id or row: client, then primaries, on one node and on six';
  const axis = 'CPU, µs per id or row: the client in colour, the servers in grey';
  return { title, drawing: barChart({ label: title, axis, bars, tickText: String }) };
}

export function modelPlot(run: Run): Plot | undefined {
  const ours = modelCosts(run, OURS);
  if (!ours) return undefined;
  const ioredis = modelCosts(run, 'ioredis-pipelines');
  const series = [
    ...modelSeries(ours, OURS, 'ours'),
    ...(ioredis ? modelSeries(ioredis, 'ioredis-pipelines', 'ioredis pipelines') : []),
  ];
  const title = 'A model: a core for every shard and every client process, batches of 10,000';
  const drawing = lineChart({
    label: title,
    xAxis: 'shards, logarithmic',
    yAxis: 'ids per second, logarithmic',
    series,
    xTicks: MODEL_SHARDS,
    xText: String,
    yText: inCount,
  });
  const caption =
    'Computed from the CPU that an id was measured to cost on each side, not measured: this machine has too few cores. ' +
    'Where a line turns flat, its clients are the limit.';
  return { title, drawing, caption };
}

function modelSeries(costs: ModelCosts, contender: string, label: string): Series[] {
  return MODEL_CLIENTS.map((clients) => ({
    label: `${label}, ${clients} ${clients === 1 ? 'client' : 'clients'}`,
    color: colorOf(contender),
    points: MODEL_SHARDS.map(
      (shards) => [shards, modelPoint(costs, shards, clients).idsPerSecond] as const,
    ),
    isOurs: contender === OURS,
    isDashed: clients > 1,
  }));
}

function onCluster(run: Run, work: string): Cell[] {
  return run.cells.filter((cell) => cell.work === work && cell.target === 'cluster');
}

function nameOf({ contender }: Cell): string {
  return contender;
}
