// npm run soak -- --minutes 10: every fault at random against a cluster of its own, and a tally of
// what was promised.
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { runSoak } from '../rig/soak/run.ts';

interface Flags {
  readonly minutes: number;
  readonly seed: number;
  readonly port: number;
}

const log = (line: string): void => void process.stdout.write(`${line}\n`);
const control = new AbortController();
// The second Ctrl-C does not wait for the tally.
process.once('SIGINT', () => {
  log('stopping; the tally comes when what is under way has healed');
  control.abort();
});

try {
  const program = new Command('npm run soak --')
    .description(
      'Faults at random against a local cluster at work; exit code 1 if a promise is broken.',
    )
    .exitOverride()
    .addOption(new Option('--minutes <n>', 'how long').argParser(positive).default(10))
    .addOption(new Option('--seed <n>', 'of all random choices').argParser(positive))
    .addOption(
      new Option('--port <n>', 'first port of the cluster').argParser(positive).default(7_100),
    )
    .parse();
  const { minutes, seed = Math.floor(Math.random() * 2 ** 31), port } = program.opts<Flags>();
  log(`seed ${seed}`);
  const kept = await runSoak({ minutes, seed, portFrom: port, signal: control.signal, log });
  process.exitCode = kept ? 0 : 1;
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  } else {
    log(error instanceof Error ? (error.stack ?? error.message) : String(error));
    process.exitCode = 1;
  }
}

function positive(text: string): number {
  const value = Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new InvalidArgumentError('It must be a number above 0.');
}
