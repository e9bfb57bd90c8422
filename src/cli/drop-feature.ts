/** `fstore drop-feature`: deletes features of every entity, after a question. */

import type { Command } from 'commander';
import type { DeletionProgress, FeatureStore } from '../index.ts';
import { CommandError, usageError } from './command-error.ts';
import { confirm } from './confirm.ts';
import { addConnectionFlags, type ConnectionFlags } from './connection-flags.ts';
import { unlessAborted } from './interruption.ts';
import { inGroups, startProgress } from './progress-line.ts';
import { print } from './stream-output.ts';
import { withStore } from './with-store.ts';

interface DropFlags extends ConnectionFlags {
  readonly yes?: boolean;
  readonly dryRun?: boolean;
}

export function addDropFeatureCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command('drop-feature')
    .description('delete features of every entity, on every shard')
    .argument('<names...>', 'the features')
    .option('--dry-run', 'count them, and delete nothing')
    .option('--yes', 'do not ask; needed where no terminal can be asked')
    .action((names: readonly string[], flags: DropFlags) => dropFeatures(names, flags, signal));
  addConnectionFlags(command);
}

async function dropFeatures(
  names: readonly string[],
  flags: DropFlags,
  signal: AbortSignal,
): Promise<void> {
  const { dryRun = false, yes = false } = flags;
  const mustAsk = !dryRun && !yes;
  if (mustAsk && !process.stdin.isTTY) {
    throw usageError('drop-feature deletes from every entity; without a terminal it needs --yes');
  }
  const dropped = await withStore(flags, signal, async (store) => {
    if (mustAsk) {
      const question = `Delete ${names.join(', ')} of every entity under ${store.keyPrefix}*?`;
      if (!(await unlessAborted(signal, confirm(question)))) {
        throw new CommandError('NOT_CONFIRMED', 'nothing was deleted');
      }
    }
    return drop(store, names, dryRun, signal);
  });
  const verb = dryRun ? 'Would delete' : 'Deleted';
  await print(
    `${verb} ${inGroups(dropped.features)} features of ${inGroups(dropped.entities)} entities; ` +
      `${inGroups(dropped.scanned)} were looked at.\n`,
  );
}

async function drop(
  store: FeatureStore,
  names: readonly string[],
  dryRun: boolean,
  signal: AbortSignal,
): Promise<DeletionProgress> {
  const progress = startProgress({ unit: 'entities' });
  try {
    const onProgress = ({ scanned }: DeletionProgress): void => progress.update(scanned);
    return await store.deleteFeaturesEverywhere(names, { dryRun, signal, onProgress });
  } finally {
    progress.stop();
  }
}
