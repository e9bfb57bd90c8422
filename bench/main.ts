// npm run bench: starts the servers, runs every work, prints what came out, and keeps it as JSON.
// Compiled before it runs: a loader that compiles on the way would wrap each function of the
// package under test.
import { mkdir, writeFile } from 'node:fs/promises';
import { findRedisServer } from '../rig/redis-server/find.ts';
import { parseBenchArguments, USAGE, type BenchArguments } from './arguments.ts';
import { startBenchServers, type BenchServers } from './bench-servers.ts';
import { CpuMeter } from './cpu-meter.ts';
import { narrowSet, wideSet } from './data-set.ts';
import { interleave } from './interleave.ts';
import { commitOf, describeMachine } from './machine.ts';
import type { Cell, Run, ShardWait, StreamMemory } from './measurement.ts';
import { renderCells, renderMachine, renderTargets } from './terminal.ts';
import type { TargetKind } from './rival.ts';
import { root } from './root.ts';
import { allRivals } from './rivals/all-rivals.ts';
import { allWorks } from './works/all-works.ts';
import { measureShardWaits } from './works/shard-wait.ts';
import { measureStreamMemory } from './works/stream-memory.ts';
import { Bench, type WorkPlan } from './works/work-plan.ts';

const STREAM_IDS = 5_000_000;
const QUICK_ROUNDS = 2;
const STANDALONE_ROUNDS = 4;
/** Measured in ways of their own. */
const EXTRAS = ['stream-memory', 'shard-wait'] as const;
/** Works that are for the long run. */
const SLOW_WORKS = new Set([
  'read-100000',
  'read50-1',
  'read50-10',
  'read50-10000',
  'read50-100000',
  'interference-ioredis',
  'scaling',
]);
/** With --quick the one node is measured in these only. */
const QUICK_ON_ONE_NODE = new Set(['single', 'read-10000']);
const log = (line: string): void => void process.stderr.write(`${line}\n`);
const print = (text: string): void => void process.stdout.write(`${text}\n`);

try {
  const flags = parseBenchArguments(process.argv.slice(2));
  if (flags.help) print(USAGE);
  else await main(flags);
} catch (error) {
  log(`bench: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  process.exitCode = 1;
}

async function main(flags: BenchArguments): Promise<void> {
  const works = chosenWorks(flags);
  const server = await findRedisServer({ log });
  const machine = describeMachine(`${server.flavour} ${server.version}`);
  const startedAt = new Date();
  const command = ['npm run bench', ...process.argv.slice(2)]
    .join(' ')
    .replace('bench ', 'bench -- ');
  print(renderMachine({ machine, command, seed: flags.seed, commit: commitOf(root) }));
  const sets = [narrowSet(flags.seed), wideSet(flags.seed)] as const;
  await using servers = await startBenchServers(sets, log);
  const [narrow, wide] = sets;
  const bench = new Bench({
    servers,
    narrow,
    wide,
    seed: flags.seed,
    quick: flags.quick,
    benchmarkPath: server.benchmarkPath,
    rivals: allRivals,
    names: flags.rivals,
  });
  const measured = await measureAll(bench, works, flags).finally(() => bench.close());
  const run: Run = {
    format: 1,
    label: flags.label,
    startedAt: startedAt.toISOString(),
    elapsedMs: Date.now() - startedAt.getTime(),
    command,
    commit: commitOf(root),
    seed: flags.seed,
    quick: flags.quick,
    machine,
    dataSet: sets
      .map(({ count, name }) => `${count.toLocaleString('en-US')} entities, ${name} read`)
      .join('; '),
    works: works.map(({ name, title, unit, note }) => ({
      name,
      title,
      unit,
      ...(note && { note }),
    })),
    ...measured,
  };
  print(renderTargets(run));
  if (flags.save) await save(run);
}

function chosenWorks(flags: BenchArguments): WorkPlan[] {
  const names = [...allWorks.map(({ name }) => name), ...EXTRAS];
  for (const start of flags.only) {
    if (names.some((name) => fits(name, start, names))) continue;
    throw new Error(`--only ${start} fits no work; there are ${names.join(', ')}`);
  }
  return allWorks.filter(({ name }) => wants(flags, name, names));
}

/** A whole name means that work; the beginning of names means all of them. */
function fits(name: string, start: string, names: readonly string[]): boolean {
  return names.includes(start) ? name === start : name.startsWith(start);
}

function wants({ only, quick }: BenchArguments, name: string, names: readonly string[]): boolean {
  if (only.length === 0) return !quick || !SLOW_WORKS.has(name);
  return only.some((start) => fits(name, start, names));
}

async function measureAll(
  bench: Bench,
  works: readonly WorkPlan[],
  flags: BenchArguments,
): Promise<{ cells: Cell[]; shardWaits: ShardWait[]; streamMemory: StreamMemory | null }> {
  const { servers, narrow, seed } = bench;
  const cells: Cell[] = [];
  // First, in a fresh process and with nothing else open.
  const streamMemory = wants(flags, 'stream-memory', EXTRAS)
    ? await measureStreamMemory(servers.cluster, narrow, flags.quick ? STREAM_IDS / 10 : STREAM_IDS)
    : null;
  for (const work of works) cells.push(...(await runWork(bench, servers, work, flags)));
  const shardWaits: ShardWait[] = [];
  if (wants(flags, 'shard-wait', EXTRAS)) {
    for (const target of [servers.cluster, servers.standalone]) {
      shardWaits.push(...(await measureShardWaits(target, narrow, seed)));
    }
  }
  return { cells, shardWaits, streamMemory };
}

async function runWork(
  bench: Bench,
  servers: BenchServers,
  work: WorkPlan,
  { quick }: BenchArguments,
): Promise<Cell[]> {
  const cells: Cell[] = [];
  for (const kind of work.targets) {
    if (quick && kind === 'standalone' && !QUICK_ON_ONE_NODE.has(work.name)) continue;
    log(`${(performance.now() / 1_000).toFixed(0).padStart(4)} s  ${work.name} on the ${kind}`);
    const target = servers[kind];
    const contenders = await work.contenders(bench, target);
    const meter = new CpuMeter(target);
    const rounds = quick ? Math.min(QUICK_ROUNDS, work.rounds) : roundsOn(kind, work.rounds);
    const turnMs = quick ? work.turnMs / 2 : work.turnMs;
    const { concurrency } = work;
    const settings = { work: work.name, target: kind, rounds, turnMs, concurrency };
    cells.push(...(await interleave(contenders, settings, meter)));
    meter.close();
  }
  print(renderCells(work, cells));
  return cells;
}

/** The one node is for comparison, and its figures are steadier: fewer rounds will do. */
function roundsOn(kind: TargetKind, rounds: number): number {
  return kind === 'cluster' ? rounds : Math.min(rounds, STANDALONE_ROUNDS);
}

async function save(run: Run): Promise<void> {
  const folder = new URL('bench/results/', root);
  await mkdir(folder, { recursive: true });
  const name = `${run.startedAt.slice(0, 10)}-${run.label}.json`;
  await writeFile(new URL(name, folder), `${JSON.stringify(run, roundNumber, 1)}\n`);
  print(
    `Kept as bench/results/${name}; npx tsx bench/report.ts bench/results/${name} makes the page.`,
  );
}

/** Five digits are more than any figure is good for. */
function roundNumber(_key: string, value: unknown): unknown {
  if (typeof value !== 'number' || Number.isInteger(value)) return value;
  return Number(value.toPrecision(5));
}
