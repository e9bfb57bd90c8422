/** The page of plots: one file, with nothing to load. */

import type { Run } from '../measurement.ts';
import { targetsOf, type TargetResult } from '../targets.ts';
import { allCellsTable, nodeTable, shardWaitTable } from './page-tables.ts';
import { PAGE_STYLE } from './page-style.ts';
import {
  batchSizePlot,
  costPlot,
  interferencePlot,
  modelPlot,
  nodePlot,
  ratePlot,
  singleReadPlot,
  type Plot,
} from './plots.ts';
import { escape } from './svg.ts';

export function renderPage(run: Run): string {
  const sections = [
    section('Batch reads', [
      ratePlot(run, 'read-10000', '10,000 ids, 6 of 11 features, six nodes: ids per second'),
      costPlot(run, 'read-10000', 'The same: client CPU per id'),
      batchSizePlot(
        run,
        'read',
        'idsPerSecond',
        'Throughput by batch size, 6 of 11 features, six nodes',
      ),
      batchSizePlot(
        run,
        'read',
        'p50Ms',
        'Median latency by batch size, 6 of 11 features, six nodes',
      ),
      batchSizePlot(
        run,
        'read50',
        'idsPerSecond',
        'Throughput by batch size, 50 features, six nodes',
      ),
    ]),
    section('Single reads', [
      singleReadPlot(run, 'single', 'One read after the other, six nodes'),
      singleReadPlot(run, 'single-64', '64 readers at once, six nodes'),
      interferencePlot(run),
    ]),
    section('Writes', [
      ratePlot(
        run,
        'bulk-load',
        'Bulk load of 11 features, HSET and EXPIRE, six nodes: rows per second',
      ),
      costPlot(run, 'bulk-load', 'The same: client CPU per row'),
      ratePlot(
        run,
        'streaming-write',
        'Streaming writes of 5 features, HSETEX, six nodes: rows per second',
      ),
    ]),
    section('One node and six', [nodePlot(run)], nodeTable(run) + shardWaitTable(run)),
    section('A model of more machines', [modelPlot(run)]),
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>cluster-feature-store: benchmark of ${run.startedAt.slice(0, 10)}</title>
<style>${PAGE_STYLE}</style>
</head>
<body>
<h1>cluster-feature-store against other clients</h1>
<p class="lead">Every client reads and writes the same data on the same servers, in turns within one process.</p>
${machineList(run)}
<h2>What was to be reached</h2>
${targetTable(targetsOf(run))}
${sections.join('\n')}
<h2>All figures</h2>
<details><summary>Every work, target and contender</summary><div class="scroll">${allCellsTable(run)}</div></details>
</body>
</html>
`;
}

function section(title: string, plots: readonly (Plot | undefined)[], more = ''): string {
  const figures = plots.flatMap((plot) => (plot ? [figure(plot)] : []));
  if (figures.length === 0 && more === '') return '';
  return `<h2>${escape(title)}</h2>\n${figures.join('\n')}\n${more}`;
}

function figure({ title, drawing, caption }: Plot): string {
  const note = caption === undefined ? '' : `<p class="note">${caption}</p>`;
  const head = `<figcaption>${escape(title)}</figcaption>`;
  return `<figure>${head}<div class="scroll">${drawing}</div>${note}</figure>`;
}

function machineList({ machine, command, seed, commit, startedAt, dataSet }: Run): string {
  const clients = Object.entries(machine.clients).map(([name, version]) => `${name} ${version}`);
  const entries = {
    Date: startedAt.slice(0, 16).replace('T', ' ') + ' UTC',
    Command: command,
    Machine: `${machine.cpu}, ${machine.cores} cores, ${(machine.memoryBytes / 2 ** 30).toFixed(0)} GiB, ${machine.kernel}; client and all servers on it`,
    Servers: `${machine.server}: six nodes in a cluster (three primaries, three replicas), and one alone`,
    Clients: `node ${machine.node}, ${clients.join(', ')}`,
    Data: `${dataSet}, seed ${seed}`,
    Commit: commit,
  };
  const items = Object.entries(entries).map(
    ([term, text]) => `<dt>${term}</dt><dd>${escape(text)}</dd>`,
  );
  return `<dl>${items.join('')}</dl>`;
}

function targetTable(targets: readonly TargetResult[]): string {
  const rows = targets.map(({ what, against, atLeast, measured, reached }) => {
    const verdict =
      reached === undefined
        ? 'not measured'
        : `<span class="${reached ? 'reached' : 'missed'}">${reached ? 'reached' : 'not reached'}</span>`;
    return `<tr><td class="left">${escape(what)}</td><td class="left">${escape(against)}</td><td>${atLeast}</td><td>${measured}</td><td>${verdict}</td></tr>`;
  });
  const head =
    '<tr><th class="left">what</th><th class="left">against</th><th>at least</th><th>measured</th><th></th></tr>';
  return `<div class="scroll"><table>${head}${rows.join('')}</table></div>`;
}
