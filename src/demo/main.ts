// The demo's command line: starts it, and ends it on SIGINT or SIGTERM.
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { addConnectionFlags, connectOptionsFrom } from '../cli/connection-flags.ts';
import { defaultOptions, limits } from '../index.ts';
import { startDemo } from './demo-run.ts';

interface DemoFlags {
  readonly host: string;
  readonly port: number;
  readonly batchTtlSeconds: number;
  readonly streamingTtlSeconds: number;
  readonly usersPerTick: number;
  readonly seedUsers: number;
  readonly reset: boolean;
}

const MAX_SEED_USERS = 10_000_000;
const MAX_USERS_PER_TICK = 500;

const print = (line: string): void => void process.stdout.write(`${line}\n`);
const log = (line: string): void => void process.stderr.write(`${line}\n`);

try {
  await run(process.argv);
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : 2; // commander has said why
  } else {
    log(error instanceof Error ? error.message : String(error));
    process.exitCode = exitCodeOf(error);
  }
}

/** Errors of the connection flags carry theirs: 2 for what the user cannot ask for. */
function exitCodeOf(error: unknown): number {
  return error instanceof Error && 'exitCode' in error ? Number(error.exitCode) : 1;
}

async function run(argv: readonly string[]): Promise<void> {
  const command = demoCommand();
  await command.parseAsync(argv);
  const flags = command.opts<DemoFlags>();
  const ending = endOnSignals();
  try {
    const demo = await startDemo({
      store: {
        ...connectOptionsFrom(command.opts()),
        batchTtlSeconds: flags.batchTtlSeconds,
        streamingTtlSeconds: flags.streamingTtlSeconds,
      },
      host: flags.host,
      port: flags.port,
      usersPerTick: flags.usersPerTick,
      seedUsers: flags.seedUsers,
      reset: flags.reset,
      print,
      log,
      signal: ending.signal,
    });
    await ending.asked;
    await demo.close();
  } catch (error) {
    if (!ending.signal.aborted) throw error;
  } finally {
    ending.release();
  }
  print('Stopped.');
}

function demoCommand(): Command {
  const command = new Command('demo')
    .description('A feature store on a cluster, with a page that shows how it works.')
    .exitOverride()
    .showHelpAfterError()
    .option('--host <name>', 'address to listen on', '127.0.0.1')
    .addOption(whole('--port <n>', 'port to listen on', { min: 0, max: 65_535 }, 8085));
  addConnectionFlags(command);
  const { batchTtlSeconds, streamingTtlSeconds } = defaultOptions;
  const ttl = { min: 1, max: limits.ttlSeconds };
  return command
    .addOption(whole('--batch-ttl-seconds <s>', 'key TTL of loaded users', ttl, batchTtlSeconds))
    .addOption(
      whole('--streaming-ttl-seconds <s>', 'TTL of each streamed field', ttl, streamingTtlSeconds),
    )
    .addOption(
      whole(
        '--users-per-tick <n>',
        'users streamed a second',
        { min: 1, max: MAX_USERS_PER_TICK },
        5,
      ),
    )
    .addOption(whole('--seed-users <n>', 'users to load', { min: 0, max: MAX_SEED_USERS }, 200))
    .option('--no-reset', 'keep the entities that are under the prefix');
}

function whole(
  flags: string,
  description: string,
  { min, max }: { min: number; max: number },
  fallback: number,
): Option {
  return new Option(flags, description).default(fallback).argParser((text: string) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  });
}

interface Ending {
  /** Aborted with the first signal. */
  readonly signal: AbortSignal;
  readonly asked: Promise<void>;
  readonly release: () => void;
}

/** The first SIGINT or SIGTERM ends the demo in order; the second ends it at once. */
function endOnSignals(): Ending {
  const controller = new AbortController();
  const { signal } = controller;
  const end = (): void => {
    if (signal.aborted) process.exit(130);
    controller.abort();
  };
  process.on('SIGINT', end).on('SIGTERM', end);
  return {
    signal,
    asked: new Promise((resolve) => signal.addEventListener('abort', () => resolve())),
    release: () => void process.off('SIGINT', end).off('SIGTERM', end),
  };
}
