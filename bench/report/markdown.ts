/** docs/benchmarks.md: the run in words and tables. Every figure in it comes from the JSON. */

import { TURN_WARM_UP_MS } from '../interleave.ts';
import type { Cell, Run } from '../measurement.ts';
import {
  MODEL_CLIENTS,
  MODEL_SHARDS,
  modelPoint,
  sharedCoresLimit,
  shardsUntilClientLimit,
} from '../model.ts';
import { inCount, inDuration, inMicroseconds, inRatio } from '../quantity.ts';
import { OURS } from '../rival.ts';
import type { ServiceRun } from '../service/service-run.ts';
import { targetsOf } from '../targets.ts';
import { compareNodes, lossesOf, middle, modelCosts } from './comparison.ts';
import { labelOf } from './contender-style.ts';
import { nodeLinesSection } from './node-lines.ts';
import { serviceSection } from './service-section.ts';
import { shardWaitCells } from './shard-wait-cells.ts';
import { table } from './table.ts';

const IN_DOC = new Set([
  'single',
  'single-64',
  'read-1',
  'read-100',
  'read-10000',
  'read-100000',
  'read50-1000',
  'bulk-load',
  'streaming-write',
  'vip-100',
  'vip-1000',
  'vip-10000',
]);

/** The runs of one version of Node each, and where they were kept. */
export interface NodeRuns {
  readonly runs: readonly Run[];
  readonly source: string;
}

/** The run of the service, and where it was kept. */
export interface ServiceMeasured {
  readonly run: ServiceRun;
  readonly source: string;
}

export function renderMarkdown(
  run: Run,
  source: string,
  byNode: NodeRuns,
  service?: ServiceMeasured,
): string {
  return [
    introduction(run, source),
    targetSection(run),
    lossSection(run),
    workSection(run),
    nodeSection(run),
    ...(byNode.runs.length > 0 ? [nodeLinesSection(byNode.runs, byNode.source)] : []),
    ...(service ? [serviceSection(service.run, service.source)] : []),
    modelSection(run),
    methodSection(run),
  ].join('\n');
}

function introduction(
  { machine, command, startedAt, seed, commit, dataSet }: Run,
  source: string,
): string {
  const clients = Object.entries(machine.clients).map(([name, version]) => `${name} ${version}`);
  return `# Benchmarks

<!-- Made by bench/report.ts from ${source}: run that again instead of editing this. -->

Every client reads and writes the same data on the same servers, in turns within one process. [The plots](../bench/results/index.html) are
one HTML file; the figures are in [${source}](../${source}).

- Date: ${startedAt.slice(0, 10)}. Command: \`${command}\`, seed ${seed}, commit ${commit}.
- Machine: ${machine.cpu}, ${machine.cores} cores, ${(machine.memoryBytes / 2 ** 30).toFixed(0)} GiB, ${machine.kernel}. The client and all seven servers share it.
- Servers: ${machine.server}, six nodes in a cluster (three primaries, three replicas), and one that stands alone.
- Clients: Node ${machine.node}, ${clients.join(', ')}.
- Data: ${dataSet}.

**What it is not for.** It does not say how fast your cluster is: there is no network, one client, and too few cores, so servers and client take
CPU from each other. Absolute figures move from run to run; ratios within a run hold. To see your own, run \`fstore bench --nodes …\`.
`;
}

function targetSection(run: Run): string {
  const rows = targetsOf(run).map(({ what, against, atLeast, measured, reached }) => [
    what,
    against,
    atLeast,
    measured,
    reached === undefined ? 'not measured' : reached ? 'reached' : '**not reached**',
  ]);
  return `## What was to be reached

Each ratio is the median of the ratios of the rounds, six nodes.

${table(['what', 'against', 'at least', 'measured', ''], rows, 2)}`;
}

/** More would not be read. */
const MAX_LOSSES = 25;

function lossSection(run: Run): string {
  const losses = lossesOf(run);
  if (losses.length === 0) return '## Where we lose\n\nNowhere by more than 5 % in this run.\n';
  const rows = losses
    .slice(0, MAX_LOSSES)
    .map(({ title, target, rival, figure, factor }) => [
      title,
      target === 'cluster' ? 'six nodes' : 'one node',
      labelOf(rival),
      figure,
      inRatio(factor),
    ]);
  const more =
    losses.length > rows.length
      ? `\n${losses.length - rows.length} smaller ones are left out.\n`
      : '';
  return `## Where we lose

Every figure in which another one was better by more than 5 %, in at least three of four rounds: the best one, and by how much.

${table(['work', 'on', 'best', 'in', 'by'], rows, 4)}${more}`;
}

function workSection(run: Run): string {
  const parts = run.works
    .filter(({ name }) => IN_DOC.has(name))
    .map(({ name, title }) => {
      const cells = run.cells.filter((cell) => cell.work === name && cell.target === 'cluster');
      const header = ['', 'per second', 'p50', 'p95', 'p99', 'max', 'client µs', 'server µs'];
      return `### ${title[0]?.toUpperCase()}${title.slice(1)}\n\n${table(header, cells.map(figuresOf), 1)}`;
    });
  return `## Six nodes, by work

Rates and CPU are medians over the rounds, per id or row; latencies are of all operations of all rounds, an operation being the whole batch.
Server CPU is that of the three primaries together.

${parts.join('\n')}`;
}

function figuresOf(cell: Cell): string[] {
  const { p50, p95, p99, max } = cell.pooledLatencyMs;
  const isOther = cell.samples.every(({ operations }) => operations === 0);
  const name = labelOf(cell.contender);
  return [
    cell.contender === OURS ? `**${name}**` : name,
    inCount(middle(cell, 'idsPerSecond')),
    ...[p50, p95, p99, max].map((value) => (isOther ? '–' : inDuration(value))),
    isOther ? '–' : inMicroseconds(middle(cell, 'clientUsPerId')),
    inMicroseconds(middle(cell, 'serverUsPerId')),
  ];
}

function nodeSection(run: Run): string {
  const rows = compareNodes(run, [OURS]).map(({ title, oneNode, sixNodes, clientRatio }) => [
    title,
    `${inMicroseconds(oneNode.elapsedUs)} → ${inMicroseconds(sixNodes.elapsedUs)}`,
    `${inMicroseconds(oneNode.clientUs)} → ${inMicroseconds(sixNodes.clientUs)}`,
    inRatio(clientRatio),
    `${inMicroseconds(oneNode.serverUs)} → ${inMicroseconds(sixNodes.serverUs)}`,
    inMicroseconds(sixNodes.busiestServerUs),
    inMicroseconds(sixNodes.replicaUs),
  ]);
  const waits = run.shardWaits.map(shardWaitCells);
  return `## One node against the cluster

What an id or row costs on one node → on six, in µs, and what the difference is made of.

${table(['work', 'time', 'client CPU', 'client ratio', 'server CPU, all shards', 'busiest shard', 'replicas'], rows, 1)}
On this machine a cluster cannot show its gain: its shards share the same cores. Where it is the faster one all the same, three servers
use what the client leaves of the second core, which one server cannot. What the cluster costs is the client's work of splitting
a batch (client ratio), more and smaller reads and writes on the sockets (server CPU), and waiting for the slowest shard, as \`onPipeline\`
reports it:

${table(['', 'ids', 'whole call', 'slowest shard', 'mean shard', 'wait for the slowest', 'sum of pipelines'], waits, 1)}`;
}

function modelSection(run: Run): string {
  const costs = modelCosts(run, OURS);
  if (!costs) return '';
  const rows = MODEL_SHARDS.map((shards) => [
    String(shards),
    ...MODEL_CLIENTS.map((clients) => {
      const { idsPerSecond, limit } = modelPoint(costs, shards, clients);
      return `${inCount(idsPerSecond)} (${limit})`;
    }),
  ]);
  const until = MODEL_CLIENTS.map(
    (clients) => `${clients} from ${shardsUntilClientLimit(costs, clients)} shards on`,
  ).join(', ');
  const bound = inCount(sharedCoresLimit(costs.cluster, run.machine.cores));
  const measured = inCount(1e6 / costs.cluster.elapsedUs);
  const check = `On this machine, where ${run.machine.cores} cores do everything, the same costs allow at most ${bound} ids/s; measured with them were ${measured}.`;
  return `## A model of more machines

**Computed, not measured.** Throughput of batches of 10,000 if every shard and every client process had a core of its own:

    client limit   clients × 1 s / client CPU per id
    servers' limit 1 s / (server CPU per id × share of the fullest shard)
    throughput     the smaller of the two

The fullest of N shards holds m + √(2 m ln N) of a batch's ids, where m is the mean. Measured costs per id: client
${inMicroseconds(costs.oneNode.clientUs)} µs and server ${inMicroseconds(costs.oneNode.serverUs)} µs on one node, client ${inMicroseconds(costs.cluster.clientUs)} µs and server ${inMicroseconds(costs.cluster.serverUs)} µs on the cluster. It leaves out the network, and takes a
client's cost per id to be the same for 3 shards and for 24. In brackets, what is the limit:

${table(['shards', ...MODEL_CLIENTS.map((clients) => `${clients} client ${clients === 1 ? 'process' : 'processes'}`)], rows, 0)}
Clients become the limit: ${until}. ${check}
`;
}

function methodSection(run: Run): string {
  return `## How it is measured

- \`npm run bench\` starts both kinds of servers, loads the data, and runs all of it; \`-- --quick\`, \`-- --only read-10000\` and
  \`-- --rivals glide\` run less. Works and rivals are in \`bench/works/\` and \`bench/rivals/\`, each rival in the shortest code that is correct.
- Contenders take turns, A B C, then B C A; garbage is collected before each turn, whose first ${inDuration(TURN_WARM_UP_MS)} are not
  measured: V8 has to compile again what the collection threw away. A warm-up turn compares every row with what was loaded.
- Client CPU is user and system time of the whole process, native threads included. Server CPU is \`used_cpu_user\` and \`used_cpu_sys\` of INFO.
- Rivals give rows as is natural to them, arrays of values; ours are objects by feature name, so ours do more.
- Streaming writes: GLIDE and node-redis have a typed HSETEX; ioredis and iovalkey send it with \`call\`, iovalkey straight to the primary,
  as its command table lacks it.
- redis-benchmark runs once per primary, all at once, on keys that exist under a hash tag of each shard: its own cluster mode reaches only keys
  that hold its \`{tag}\`. It makes no rows and keeps no order. "At its best" is what more connections or a deeper pipeline did not improve.
- Peak memory is that of a process of its own, sampled every 10 ms, over what it had after connecting. This run took ${inDuration(run.elapsedMs)}.
`;
}
