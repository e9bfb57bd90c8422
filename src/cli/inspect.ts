/** `fstore inspect`: why does this user have that score? */

import type { Command } from 'commander';
import type { InspectedEntity } from '../index.ts';
import { CommandError } from './command-error.ts';
import { addConnectionFlags, type ConnectionFlags } from './connection-flags.ts';
import { unlessAborted } from './interruption.ts';
import { jsonValue, shownValue } from './shown-value.ts';
import { print } from './stream-output.ts';
import { printable, table } from './table.ts';
import { withStore } from './with-store.ts';

interface InspectFlags extends ConnectionFlags {
  readonly json?: boolean;
}

interface Finding extends InspectedEntity {
  readonly id: string;
  readonly key: string;
  readonly slot: number;
  /** null while no node owns the slot. */
  readonly shard: string | null;
}

export function addInspectCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command('inspect')
    .description('show one entity: every feature with its TTL, its key, slot and shard')
    .argument('<id>', 'of the entity: u0001')
    .option(
      '--json',
      'as JSON, TTLs in seconds: -1 none, -2 missing; bytes that are no text as { base64 }',
    )
    .action((id: string, flags: InspectFlags) => inspect(id, flags, signal));
  addConnectionFlags(command);
}

async function inspect(id: string, flags: InspectFlags, signal: AbortSignal): Promise<void> {
  const finding = await withStore(flags, signal, async (store): Promise<Finding> => {
    const entity = await unlessAborted(signal, store.inspect(id));
    return {
      id,
      key: store.keyFor(id),
      slot: store.slotFor(id),
      shard: store.shardFor(id) ?? null,
      ...entity,
    };
  });
  if (flags.json) await print(`${JSON.stringify(asJson(finding), null, 2)}\n`);
  if (!finding.exists) {
    throw new CommandError(
      'NOT_FOUND',
      `no entity '${id}': there is no key ${finding.key} on ${finding.shard ?? 'any shard'}`,
    );
  }
  if (!flags.json) await print(render(finding));
}

function asJson(finding: Finding): object {
  const fields = finding.fields.map(({ name, value, ttlSeconds }) => ({
    name: jsonValue(name),
    value: jsonValue(value),
    ttlSeconds,
  }));
  return { ...finding, fields };
}

function render({ key, slot, shard, keyTtlSeconds, fields }: Finding): string {
  const rows = fields.map(({ name, value, ttlSeconds }) => [
    shownValue(name),
    shownValue(value),
    ttl(ttlSeconds),
  ]);
  return (
    `key    ${printable(key)}\n` +
    `slot   ${slot}, on ${shard ?? 'no shard'}\n` +
    `ttl    ${ttl(keyTtlSeconds)}\n\n` +
    table(['FIELD', 'VALUE', 'TTL'], rows)
  );
}

function ttl(seconds: number): string {
  return seconds === -1 ? 'none' : `${seconds} s`;
}
