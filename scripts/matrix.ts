// npm run test:matrix: the integration and fault suites on every kind of server, one after the
// other, and a table.
import { Command, Option } from 'commander';
import { MATRIX, serverFor, type MatrixName } from './matrix/servers.ts';
import { runSuite, type SuiteResult } from './matrix/suite-run.ts';

const SUITES = ['integration', 'faults'] as const;

interface Flags {
  readonly only: readonly MatrixName[];
  readonly project: readonly string[];
}

const choice = (flags: string, what: string, choices: readonly string[]): Option =>
  new Option(flags, what).choices(choices).default([...choices]);
const { only, project } = new Command('npm run test:matrix --')
  .description('The suites that need servers, on Redis, on Valkey, and on a server without HSETEX.')
  .addOption(choice('--only <servers...>', 'on these servers', MATRIX))
  .addOption(choice('--project <suites...>', 'these suites', SUITES))
  .parse()
  .opts<Flags>();

const results: SuiteResult[] = [];
for (const name of only) {
  await using server = await serverFor(name);
  const { title, path } = server;
  for (const suite of project) {
    results.push(await runSuite({ title, suite, env: { REDIS_SERVER: path } }));
  }
}
console.table(results);
if (results.some(({ failed }) => failed > 0)) process.exitCode = 1;
