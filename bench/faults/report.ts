/**
 * docs/faults.md: what each client returned under each fault. Every figure in it comes from the
 * JSON.
 */

import { inDuration } from '../quantity.ts';
import { RECOVERY_MS, RIGHT_WITHIN_MS } from './scenarios.ts';
import type { FaultsRun, ReaderResult, ScenarioResult } from './result.ts';

export function renderFaults(run: FaultsRun): string {
  return [
    introduction(run),
    summary(run),
    ...run.scenarios.map(scenarioSection),
    readersSection(run),
  ].join('\n');
}

/** A line for the terminal. */
export function renderLine({ reader, measured }: ReaderResult): string {
  return `  ${reader.padEnd(30)} ${inWords({ reader, measured })}`;
}

function introduction({ startedAt, command, seed, commit, machine, rowCount }: FaultsRun): string {
  const clients = Object.entries(machine.clients).map(([name, version]) => `${name} ${version}`);
  return `# The same faults, client by client

<!-- Made by bench/faults.ts from bench/results/faults.json: run \`npm run bench:faults\` instead of editing this. -->

A batch read of ${count(rowCount)} ids, all of which exist, by each client's own means, while slots move and nodes fall silent or die. Each client meets
each fault on a new six-node cluster with the same rows, open and right before the fault begins. Every row is compared with what is stored; that the servers
themselves lost nothing is checked after each fault by a client that is new.

- **Wrong null**: a feature that exists is given as null, without an error. A model that gets an error that says so scores somebody else.
- **Failed**: an error in the place of the row, or of the whole call. Honest, and all that can be had from a shard that is dead.
- **Never right again**: no call was right in every row within ${inDuration(RIGHT_WITHIN_MS)} of the fault's end, ${inDuration(RECOVERY_MS)} of a kill.

Date: ${startedAt.slice(0, 10)}. Command: \`${command}\`, seed ${seed}, commit ${commit}. ${machine.server}, Node ${machine.node}, ${clients.join(', ')}.
It is one run: how many rows a client gets wrong depends on when its calls fall; whether it does, on the client.
`;
}

function summary({ scenarios, readers }: FaultsRun): string {
  const names = readers.map(({ name }) => name);
  const lines = scenarios.map(({ title, readers: results }) => [
    title,
    ...names.map((name) => {
      const result = results.find(({ reader }) => reader === name);
      return result ? inWords(result) : '-';
    }),
  ]);
  return `## In short

${table(['fault', ...names], lines)}`;
}

/** The worst that came: silence about what exists, then failures. */
function inWords({ measured: { tally, rightAfterMs } }: ReaderResult): string {
  const parts: string[] = [];
  if (tally.wrongValues > 0) parts.push(`**${count(tally.wrongValues)} wrong values**`);
  if (tally.wrongNulls > 0) parts.push(`**${count(tally.wrongNulls)} wrong nulls**`);
  if (tally.failed > 0) parts.push(`${count(tally.failed)} of ${count(tally.ids)} failed`);
  if (tally.endless > 0) {
    parts.push(`**${tally.endless} call${tally.endless === 1 ? '' : 's'} without end**`);
  }
  if (rightAfterMs === null) parts.push('**never right again**');
  return parts.length === 0 ? 'right' : parts.join(', ');
}

function scenarioSection({ title, what, since, timeoutMs, readers }: ScenarioResult): string {
  const rows = readers.map(({ reader, measured: { tally, rightAfterMs } }) => [
    reader,
    count(tally.calls),
    count(tally.right),
    count(tally.wrongNulls),
    count(tally.wrongValues),
    count(tally.failed),
    inDuration(tally.longestCallMs),
    rightAfterMs === null ? 'never' : inDuration(rightAfterMs),
  ]);
  const head = [
    'client',
    'calls',
    'rows right',
    'wrong nulls',
    'wrong values',
    'failed',
    'longest call',
    'right again',
  ];
  return [
    `## ${title}`,
    '',
    `${what} Deadline of a call: ${inDuration(timeoutMs)}. "Right again" is counted from ${since}.`,
    ...readers.flatMap(({ reader, measured }) => factsOf(reader, measured.facts)),
    '',
    table(head, rows),
    errorList(readers),
  ].join('\n');
}

function factsOf(reader: string, { slotsMoved }: Readonly<Record<string, number>>): string[] {
  return slotsMoved === undefined ? [] : [`- ${reader}: ${count(slotsMoved)} slots moved.`];
}

function errorList(readers: readonly ReaderResult[]): string {
  const lines = readers.flatMap(({ reader, measured: { tally } }) =>
    Object.entries(tally.errors)
      .sort(([, a], [, b]) => b - a)
      .slice(0, 3)
      .map(([error, times]) => `- ${reader}: ${count(times)} × \`${error.replaceAll('`', "'")}\``),
  );
  return lines.length === 0 ? '' : `Errors:\n\n${lines.join('\n')}\n`;
}

function readersSection({ readers }: FaultsRun): string {
  const rows = readers.map(({ name, method, settings }) => [name, `\`${method}\``, settings]);
  return `## How each client reads

${table(['client', 'batch read', 'options besides the nodes'], rows)}
Retries are each client's defaults. Wherever a client gives errors row by row, rows beside them count as delivered.
`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, head.map(() => '---'), ...rows];
  return `${lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')}\n`;
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}
