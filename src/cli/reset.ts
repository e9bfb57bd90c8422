/** `fstore reset`: deletes every key under the prefix, after a question. */

import type { Command } from 'commander';
import { CommandError, usageError } from './command-error.ts';
import { confirm } from './confirm.ts';
import { addConnectionFlags, type ConnectionFlags } from './connection-flags.ts';
import { unlessAborted } from './interruption.ts';
import { inGroups } from './progress-line.ts';
import { print } from './stream-output.ts';
import { withStore } from './with-store.ts';

interface ResetFlags extends ConnectionFlags {
  readonly yes?: boolean;
}

export function addResetCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command('reset')
    .description('delete every key under the prefix, on every shard')
    .option('--yes', 'do not ask; needed where no terminal can be asked')
    .action((flags: ResetFlags) => reset(flags, signal));
  addConnectionFlags(command);
}

async function reset(flags: ResetFlags, signal: AbortSignal): Promise<void> {
  if (!flags.yes && !process.stdin.isTTY) {
    throw usageError('reset deletes every key under the prefix; without a terminal it needs --yes');
  }
  const deleted = await withStore(flags, signal, async (store) => {
    if (!flags.yes) {
      const { shards } = await store.topology();
      const where = shards.map(({ address }) => address).join(', ');
      const answer = confirm(`Delete every key under ${store.keyPrefix}* on ${where}?`);
      if (!(await unlessAborted(signal, answer))) {
        throw new CommandError('NOT_CONFIRMED', 'nothing was deleted');
      }
    }
    return store.reset({ signal });
  });
  await print(`Deleted ${inGroups(deleted)} keys under ${flags.keyPrefix}*.\n`);
}
