/** `fstore topology`: which shard holds what, and how evenly. */

import type { Command } from 'commander';
import type { FeatureStore, StoreTopology } from '../index.ts';
import { addConnectionFlags, type ConnectionFlags } from './connection-flags.ts';
import { inGroups } from './progress-line.ts';
import { print } from './stream-output.ts';
import { table } from './table.ts';
import { withStore } from './with-store.ts';

interface TopologyFlags extends ConnectionFlags {
  readonly json?: boolean;
}

type ShardReport = StoreTopology['shards'][number] & { readonly entityCount: number };

interface TopologyReport {
  readonly mode: StoreTopology['mode'];
  readonly keyPrefix: string;
  readonly shards: readonly ShardReport[];
  readonly entityCount: number;
  /** The fullest shard's entities by the mean; 1 is even, null without entities. */
  readonly skew: number | null;
}

export function addTopologyCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command('topology')
    .description('show the shards: slots, replicas and entities, and how evenly they are spread')
    .option('--json', 'as JSON')
    .action((flags: TopologyFlags) => topology(flags, signal));
  addConnectionFlags(command);
}

async function topology(flags: TopologyFlags, signal: AbortSignal): Promise<void> {
  const report = await withStore(flags, signal, (store) => reportOn(store, signal));
  await print(flags.json ? `${JSON.stringify(report, null, 2)}\n` : render(report));
}

async function reportOn(store: FeatureStore, signal: AbortSignal): Promise<TopologyReport> {
  const counts = await store.countEntitiesByShard({ signal });
  const { mode, shards } = await store.topology();
  const reports = shards.map((shard) => ({ ...shard, entityCount: counts[shard.address] ?? 0 }));
  const entityCount = Object.values(counts).reduce((total, count) => total + count, 0);
  const skew =
    entityCount === 0 ? null : Math.max(...Object.values(counts)) / (entityCount / reports.length);
  return { mode, keyPrefix: store.keyPrefix, shards: reports, entityCount, skew };
}

function render({ mode, keyPrefix, shards, entityCount, skew }: TopologyReport): string {
  const rows = shards.map((shard) => [
    shard.address,
    shard.slotCount,
    shard.slotRanges.map(([from, to]) => (from === to ? from : `${from}-${to}`)).join(' '),
    shard.replicas.join(' ') || '-',
    shard.entityCount,
  ]);
  const spread = skew === null ? '' : `, skew ${skew.toFixed(3)} (fullest shard / mean)`;
  return (
    table(['SHARD', 'SLOTS', 'RANGES', 'REPLICAS', 'ENTITIES'], rows) +
    `\n${mode}, ${shards.length} ${shards.length === 1 ? 'shard' : 'shards'}, ` +
    `${inGroups(entityCount)} entities at ${keyPrefix}*${spread}\n`
  );
}
