/** The command line: its commands, and what becomes of their errors. */

import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { FeatureStoreError, PartialLoadError } from '../index.ts';
import { addBenchCommand } from './bench.ts';
import { addBuildFeaturesCommand } from './build-features.ts';
import { CommandError, EXIT_FAILURE, EXIT_USAGE } from './command-error.ts';
import { addDropFeatureCommand } from './drop-feature.ts';
import { addInspectCommand } from './inspect.ts';
import { Interruption } from './interruption.ts';
import { addResetCommand } from './reset.ts';
import { addScoreCommand } from './score.ts';
import { printable } from './table.ts';
import { addTopologyCommand } from './topology.ts';

/** Runs the command line and gives the exit code. */
export async function run(args: readonly string[]): Promise<number> {
  const interruption = new Interruption();
  const { signal } = interruption;
  try {
    await newProgram(signal).parseAsync(args, { from: 'user' });
    return 0;
  } catch (error) {
    const { exitCode, line } = verdictOn(error, signal);
    if (line !== '') process.stderr.write(`${line}\n`);
    // What the command has left, such as a connection that was being made, must not hold it up.
    if (signal.aborted) process.exit(exitCode);
    return exitCode;
  } finally {
    interruption.clear();
  }
}

function newProgram(signal: AbortSignal): Command {
  const program = new Command('fstore')
    .description('An online feature store on Redis Cluster: load, read, score, look inside.')
    .version(packageVersion())
    .helpCommand(false)
    .exitOverride()
    .configureOutput({ outputError: () => undefined }); // verdictOn says it
  addBuildFeaturesCommand(program, signal);
  addScoreCommand(program, signal);
  addInspectCommand(program, signal);
  addTopologyCommand(program, signal);
  addDropFeatureCommand(program, signal);
  addResetCommand(program, signal);
  addBenchCommand(program, signal);
  return program;
}

interface Verdict {
  readonly exitCode: number;
  /** Empty where nothing is left to say. */
  readonly line: string;
}

/** What the user typed is at fault, and not the store. */
const USAGE_CODES: ReadonlySet<string> = new Set([
  'INVALID_OPTION',
  'INVALID_ID',
  'INVALID_FEATURE',
  'UNKNOWN_VIP_GROUP',
  'VIP_GROUPS_MISMATCH',
]);

function verdictOn(error: unknown, signal: AbortSignal): Verdict {
  // What a command throws after it was asked to stop, it throws because of that.
  if (signal.aborted && signal.reason instanceof CommandError) {
    const reached =
      error instanceof PartialLoadError ? `; ${error.loaded} rows are known to be written` : '';
    const { exitCode, message, code } = signal.reason;
    return { exitCode, line: lineOf(message + reached, code) };
  }
  if (error instanceof CommanderError) return verdictOnCommander(error);
  if (error instanceof CommandError) {
    const { exitCode, message, code } = error;
    return { exitCode, line: exitCode === 0 ? '' : lineOf(message, code) };
  }
  if (error instanceof FeatureStoreError) {
    const exitCode = USAGE_CODES.has(error.code) ? EXIT_USAGE : EXIT_FAILURE;
    return { exitCode, line: lineOf(error.message, error.code) };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { exitCode: EXIT_FAILURE, line: lineOf(message, 'UNEXPECTED') };
}

/** Help and the version were printed; a bare `fstore` prints the help, but did nothing. */
function verdictOnCommander(error: CommanderError): Verdict {
  if (error.exitCode === 0) return { exitCode: 0, line: '' };
  if (error.code === 'commander.help') return { exitCode: EXIT_USAGE, line: '' };
  return { exitCode: EXIT_USAGE, line: lineOf(error.message.replace(/^error: /, ''), 'USAGE') };
}

function lineOf(message: string, code: string): string {
  return `fstore: ${printable(message.replace(/\s*\n\s*/g, ' '))} [${code}]`;
}

/** The same from src/cli and from dist/cli. */
function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  const { version }: { version?: unknown } = JSON.parse(text);
  return String(version);
}
