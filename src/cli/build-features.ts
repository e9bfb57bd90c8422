/** `fstore build-features`: the nightly job, with made-up users in place of a warehouse. */

import { Option, type Command } from 'commander';
import { synthesizeUsers } from '../synthetic/synthetic-users.ts';
import {
  defaultOptions,
  type Features,
  type FeatureStore,
  type LoadResult,
  limits,
} from '../index.ts';
import { CommandError } from './command-error.ts';
import { addConnectionFlags, type ConnectionFlags } from './connection-flags.ts';
import { describeFailedId } from './failed-ids.ts';
import { wholeNumber } from './number-flag.ts';
import { inGroups, inSeconds, perSecond, startProgress } from './progress-line.ts';
import { ShardTally } from './shard-tally.ts';
import { print } from './stream-output.ts';
import { withStore } from './with-store.ts';

interface BuildFlags extends ConnectionFlags {
  readonly count: number;
  readonly ttlSeconds: number;
  readonly seed: number;
}

const MAX_COUNT = 1_000_000_000;
const MAX_SEED = 2 ** 32 - 1;
const SHOWN_FAILED_COUNT = 10;

export function addBuildFeaturesCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command('build-features')
    .description('load synthetic users with their batch features, as a nightly job would')
    .addOption(
      new Option('--count <users>', 'how many: u0001, u0002, …')
        .argParser(wholeNumber({ min: 0, max: MAX_COUNT }))
        .default(200),
    )
    .addOption(
      new Option('--ttl-seconds <seconds>', 'key TTL of each user')
        .argParser(wholeNumber({ min: 1, max: limits.ttlSeconds }))
        .default(defaultOptions.batchTtlSeconds),
    )
    .addOption(
      new Option('--seed <number>', 'the same seed gives the same features')
        .argParser(wholeNumber({ min: 0, max: MAX_SEED }))
        .default(42),
    )
    .action((flags: BuildFlags) => buildFeatures(flags, signal));
  addConnectionFlags(command);
}

async function buildFeatures(flags: BuildFlags, signal: AbortSignal): Promise<void> {
  const shards = new ShardTally();
  const result = await withStore(flags, signal, (store) => load(store, flags, shards, signal));
  const { loaded, failed, elapsedMs } = result;
  await print(
    `Materialized ${loaded} users at ${flags.keyPrefix}* with a ${flags.ttlSeconds}s key-level TTL.\n` +
      `${inSeconds(elapsedMs)}, ${perSecond(loaded, elapsedMs)} rows/s\n` +
      `Users per shard: ${shards}\n`,
  );
  if (failed.length === 0) return;
  for (const row of failed.slice(0, SHOWN_FAILED_COUNT)) {
    process.stderr.write(`  ${describeFailedId(row)}\n`);
  }
  throw new CommandError(
    'ROWS_FAILED',
    `${inGroups(failed.length)} of ${inGroups(loaded + failed.length)} users could not be written`,
  );
}

async function load(
  store: FeatureStore,
  { count, seed, ttlSeconds }: BuildFlags,
  shards: ShardTally,
  signal: AbortSignal,
): Promise<LoadResult> {
  const progress = startProgress({ unit: 'users', total: count });
  try {
    const result = await store.bulkLoad(
      countedByShard(synthesizeUsers({ count, seed }), store, shards),
      {
        ttlSeconds,
        signal,
        onProgress: ({ loaded, failed }) => progress.update(loaded + failed),
      },
    );
    for (const { id } of result.failed) shards.add(store.shardFor(id), -1);
    return result;
  } finally {
    progress.stop();
  }
}

/** The rows as they are; the tally learns who owns each. */
function* countedByShard(
  rows: Iterable<[id: string, features: Features]>,
  store: FeatureStore,
  shards: ShardTally,
): Generator<[id: string, features: Features]> {
  for (const row of rows) {
    shards.add(store.shardFor(row[0]), 1);
    yield row;
  }
}
