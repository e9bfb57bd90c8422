/** The tables of the page that are not about targets. */

import type { Run } from '../measurement.ts';
import { inCount, inDuration, inMicroseconds, inRatio } from '../quantity.ts';
import { OURS } from '../rival.ts';
import { compareNodes, middle } from './comparison.ts';
import { labelOf } from './contender-style.ts';
import { shardWaitCells } from './shard-wait-cells.ts';
import { escape } from './svg.ts';

export function nodeTable(run: Run): string {
  const rows = compareNodes(run, [OURS]).map(({ title, oneNode, sixNodes, clientRatio }) => [
    title,
    fromTo(oneNode.elapsedUs, sixNodes.elapsedUs),
    fromTo(oneNode.clientUs, sixNodes.clientUs),
    inRatio(clientRatio),
    fromTo(oneNode.serverUs, sixNodes.serverUs),
    inMicroseconds(sixNodes.busiestServerUs),
  ]);
  if (rows.length === 0) return '';
  const header = ['work', 'time', 'client CPU', 'ratio', 'server CPU, all shards', 'busiest shard'];
  const note =
    '<p class="note">cluster-feature-store, one node → six, in µs per id or row. The busiest shard does about a third ' +
    'of the servers’ work; with a core for each, that is what a batch would wait for. Here all share the cores with the client.</p>';
  return note + table(header, rows, 1);
}

function fromTo(oneNode: number, sixNodes: number): string {
  return `${inMicroseconds(oneNode)} → ${inMicroseconds(sixNodes)}`;
}

export function shardWaitTable({ shardWaits }: Run): string {
  if (shardWaits.length === 0) return '';
  const rows = shardWaits.map(shardWaitCells);
  const header = [
    'target',
    'ids',
    'whole call',
    'slowest shard',
    'mean shard',
    'wait for the slowest',
    'sum of pipelines',
  ];
  const note =
    '<p class="note">By what <code>onPipeline</code> reports: when the last reply of the slowest shard was there, and of a ' +
    'shard in the mean. The difference is what waiting for the slowest costs; the sum of the pipelines is what one after the other would take.</p>';
  return `<h3>Waiting for the slowest shard (${OURS})</h3>${note}${table(header, rows, 1)}`;
}

export function allCellsTable(run: Run): string {
  const rows = run.cells.map((cell) => {
    const { p50, p95, p99, max } = cell.pooledLatencyMs;
    const title = run.works.find(({ name }) => name === cell.work)?.title ?? cell.work;
    return [
      title,
      cell.target === 'cluster' ? 'six nodes' : 'one node',
      labelOf(cell.contender),
      inCount(middle(cell, 'idsPerSecond')),
      ...[p50, p95, p99, max].map(inDuration),
      inMicroseconds(middle(cell, 'clientUsPerId')),
      inMicroseconds(middle(cell, 'serverUsPerId')),
    ];
  });
  const header = [
    'work',
    'target',
    'contender',
    'per second',
    'p50',
    'p95',
    'p99',
    'max',
    'client µs',
    'server µs',
  ];
  return table(header, rows, 3);
}

function table(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  leftColumns: number,
): string {
  const cells = (row: readonly string[], tag: 'td' | 'th'): string =>
    row
      .map(
        (cell, at) => `<${tag}${at < leftColumns ? ' class="left"' : ''}>${escape(cell)}</${tag}>`,
      )
      .join('');
  const body = rows.map((row) => {
    const ours = row.includes(OURS) ? ' class="ours"' : '';
    return `<tr${ours}>${cells(row, 'td')}</tr>`;
  });
  return `<div class="scroll"><table><tr>${cells(header, 'th')}</tr>${body.join('')}</table></div>`;
}
