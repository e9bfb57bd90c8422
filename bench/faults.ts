// npm run bench:faults: puts each client through the same faults, and writes down what it returned.
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { findRedisServer } from '../rig/redis-server/find.ts';
import { allReaders } from './faults/readers/all-readers.ts';
import { renderFaults, renderLine } from './faults/report.ts';
import type { FaultsRun, ReaderResult, ScenarioResult } from './faults/result.ts';
import { makeRows, ROW_COUNT, type Rows } from './faults/rows.ts';
import { scenarios, type Measured, type Scenario } from './faults/scenarios.ts';
import type { Reader } from './faults/reader.ts';
import { Stage } from './faults/stage.ts';
import { commitOf, describeMachine } from './machine.ts';
import { root } from './root.ts';

const USAGE = `npm run bench:faults -- [flags]
  --faults <names>   by comma: ${scenarios.map(({ name }) => name).join(', ')}
  --clients <names>  by comma: ${allReaders.map(({ name }) => name).join(', ')}
  --seed <number>    of the rows and of what is hit (42)
  --no-save          print only; else bench/results/faults.json and docs/faults.md are written`;

const log = (line: string): void => void process.stdout.write(`${line}\n`);

interface Flags {
  readonly faults: readonly Scenario[];
  readonly clients: readonly Reader[];
  readonly seed: number;
  readonly save: boolean;
}

try {
  const flags = parseFlags(process.argv.slice(2));
  if (flags === undefined) log(USAGE);
  else await main(flags);
  process.exit(0); // some clients hold the process after they were closed
} catch (error) {
  process.stderr.write(
    `bench:faults: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  process.exit(1);
}

async function main({ faults, clients, seed, save }: Flags): Promise<void> {
  const server = await findRedisServer({ log });
  const startedAt = new Date().toISOString();
  const rows = makeRows(seed);
  const results: ScenarioResult[] = [];
  for (const scenario of faults) {
    log(`\n${scenario.title}. ${scenario.what}`);
    const readers: ReaderResult[] = [];
    for (const reader of clients) {
      const result = { reader: reader.name, measured: await put(reader, scenario, rows, seed) };
      readers.push(result);
      log(renderLine(result));
    }
    const { name, title, what, since, timeoutMs } = scenario;
    results.push({ name, title, what, since, timeoutMs, readers });
  }
  const run: FaultsRun = {
    startedAt,
    command: ['npm run bench:faults', ...process.argv.slice(2)].join(' '),
    seed,
    commit: commitOf(root),
    machine: describeMachine(`${server.flavour} ${server.version}`),
    rowCount: ROW_COUNT,
    readers: clients.map(({ name, method, settings }) => ({ name, method, settings })),
    scenarios: results,
  };
  if (!save) return;
  await writeFile(
    new URL('bench/results/faults.json', root),
    `${JSON.stringify(run, undefined, 1)}\n`,
  );
  await writeFile(new URL('docs/faults.md', root), renderFaults(run));
  log('\nbench/results/faults.json and docs/faults.md were written.');
}

/** One client, one fault, on a cluster of its own. */
async function put(
  reader: Reader,
  scenario: Scenario,
  rows: Rows,
  seed: number,
): Promise<Measured> {
  const { timeoutMs, nodeTimeoutMs } = scenario;
  await using stage = await Stage.open({ reader, rows, seed, timeoutMs, nodeTimeoutMs });
  const measured = await scenario.run(stage);
  await stage.confirmTruth();
  return measured;
}

function parseFlags(args: readonly string[]): Flags | undefined {
  const { values } = parseArgs({
    args: [...args],
    allowNegative: true,
    options: {
      faults: { type: 'string', default: '' },
      clients: { type: 'string', default: '' },
      seed: { type: 'string', default: '42' },
      save: { type: 'boolean', default: true },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return undefined;
  const seed = Number(values.seed);
  if (!Number.isInteger(seed) || seed < 0) {
    throw new Error(`--seed must be a whole number, but is '${values.seed}'`);
  }
  return {
    faults: chosen('--faults', scenarios, values.faults),
    clients: chosen('--clients', allReaders, values.clients),
    seed,
    save: values.save,
  };
}

function chosen<Named extends { readonly name: string }>(
  flag: string,
  all: readonly Named[],
  text: string,
): readonly Named[] {
  if (text === '') return all;
  return text.split(',').map((name) => {
    const found = all.find((one) => one.name === name);
    if (found) return found;
    throw new Error(
      `${flag} knows no '${name}'; there are ${all.map((one) => one.name).join(', ')}`,
    );
  });
}
