/** The section of docs/benchmarks.md about the versions of Node, from bench/results/nodes.json. */

import { cellOf, type Run } from '../measurement.ts';
import { inCount, inDuration, inMicroseconds, inRatio } from '../quantity.ts';
import { OURS } from '../rival.ts';
import { median } from '../statistics.ts';
import { middle } from './comparison.ts';
import { table } from './table.ts';

const RIVAL = 'ioredis-pipelines';

export function nodeLinesSection(runs: readonly Run[], source: string): string {
  const [first] = runs;
  if (first === undefined) return '';
  const parts = first.works.map(({ name, title }) => {
    const rows = runs.flatMap((run) => rowOf(run, name));
    const header = ['Node', 'per second', 'p50', 'p99', 'client µs', 'against ioredis pipelines'];
    return `### ${title[0]?.toUpperCase()}${title.slice(1)}, by Node\n\n${table(header, rows, 1)}`;
  });
  const loads = runs.map(({ machine }) => machine.loadAverage.toFixed(1)).join(', ');
  return `## Each Node

Six nodes, our reads, one run on each version of Node; the last column is within the run, the others also differ between runs. The figures
are in [${source}](../${source}), of ${first.startedAt.slice(0, 10)}, commit ${first.commit}; \`npm run bench:nodes\` makes them. Load average at the start: ${loads}.

${parts.join('\n')}`;
}

function rowOf(run: Run, work: string): string[][] {
  const ours = cellOf(run, work, 'cluster', OURS);
  const rival = cellOf(run, work, 'cluster', RIVAL);
  if (ours === undefined) return [];
  const ratios = ours.samples.map((sample, round) => {
    const other = rival?.samples[round];
    if (other === undefined) return Number.NaN;
    return sample.ids / sample.elapsedMs / (other.ids / other.elapsedMs);
  });
  return [
    [
      run.machine.node,
      inCount(middle(ours, 'idsPerSecond')),
      inDuration(ours.pooledLatencyMs.p50),
      inDuration(ours.pooledLatencyMs.p99),
      inMicroseconds(middle(ours, 'clientUsPerId')),
      inRatio(median(ratios)),
    ],
  ];
}
