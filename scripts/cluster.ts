// npm run cluster -- up | down | status: the development cluster, of local processes or of
// containers.
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import {
  type DevClusterOptions,
  devClusterStatus,
  ensureDevCluster,
  type NodeStatus,
  stopDevCluster,
} from '../rig/local-cluster/dev-cluster.ts';

interface Flags {
  readonly compose?: true;
  readonly port?: number;
  readonly replicas?: number;
  readonly dataDir?: string;
}

const print = (line: string): void => void process.stdout.write(`${line}\n`);
const log = (line: string): void => void process.stderr.write(`${line}\n`);

try {
  process.exitCode = await runCommand(process.argv);
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  } else {
    log(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  }
}

async function runCommand(argv: readonly string[]): Promise<number> {
  let exitCode = 0;
  const program = new Command('npm run cluster --')
    .description('A Redis Cluster on this machine: three primaries with their replicas.')
    .exitOverride()
    .showHelpAfterError()
    .helpCommand(false);
  withFlags(program.command('up'), 'Starts it, repairs it, or finds that it is up already.')
    .addOption(new Option('--port <n>', 'first port (7000)').argParser(portNumber))
    .addOption(new Option('--replicas <n>', 'per primary (1)').argParser(replicaCount))
    .action(async (flags: Flags) => {
      exitCode = await up(flags);
    });
  withFlags(program.command('down'), 'Ends its processes and removes its data.').action(
    async (flags: Flags) => {
      exitCode = await down(flags);
    },
  );
  withFlags(program.command('status'), 'Lists its nodes; exit code 1 unless all is well.').action(
    async (flags: Flags) => {
      exitCode = await status(flags);
    },
  );
  await program.parseAsync(argv);
  return exitCode;
}

function withFlags(command: Command, description: string): Command {
  return command
    .description(description)
    .option('--compose', 'the cluster of containers, on Docker')
    .option('--data-dir <path>', 'where the local processes keep their files (.data/cluster)');
}

async function up(flags: Flags): Promise<number> {
  const urls = flags.compose
    ? await (await import('./compose-cluster.ts')).composeUp({ log })
    : await ensureDevCluster({ ...optionsOf(flags), log });
  print(`--nodes ${urls.join(',')}`);
  return 0;
}

async function down(flags: Flags): Promise<number> {
  if (flags.compose) {
    await (await import('./compose-cluster.ts')).composeDown({ log });
    return 0;
  }
  const ended = await stopDevCluster({ ...optionsOf(flags), log });
  print(ended ? 'the cluster is down' : 'no cluster was running');
  return 0;
}

async function status(flags: Flags): Promise<number> {
  if (flags.compose) {
    const { composeStatus } = await import('./compose-cluster.ts');
    return (await composeStatus({ log: print })) ? 0 : 1;
  }
  const found = await devClusterStatus(optionsOf(flags));
  if (found === undefined) {
    print('there is no cluster; `npm run cluster -- up` starts one');
    return 1;
  }
  printTable(found.nodes);
  for (const problem of found.problems) print(`not healthy: ${problem}`);
  if (found.problems.length === 0) print('healthy');
  return found.problems.length === 0 ? 0 : 1;
}

function printTable(nodes: readonly NodeStatus[]): void {
  const rows = [
    ['port', 'role', 'pid', 'slots', 'replication link'],
    ...nodes.map(({ port, role, pid, slots, link }) => [
      String(port),
      role,
      pid === undefined ? '-' : String(pid),
      slots === '' ? '-' : slots,
      link === '' ? '-' : link,
    ]),
  ];
  const widths = [0, 1, 2, 3, 4].map((column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  for (const row of rows) {
    print(
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    );
  }
}

function optionsOf(flags: Flags): DevClusterOptions {
  return {
    ...(flags.dataDir === undefined ? {} : { dataDir: flags.dataDir }),
    ...(flags.port === undefined ? {} : { portFrom: flags.port }),
    ...(flags.replicas === undefined ? {} : { replicasPerPrimary: flags.replicas }),
  };
}

function portNumber(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 1024 && port <= 55_000) return port;
  throw new InvalidArgumentError('It must be a whole number from 1024 to 55000.');
}

function replicaCount(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 0 && count <= 5) return count;
  throw new InvalidArgumentError('It must be a whole number from 0 to 5.');
}
