/**
 * The ways to move many slots that these servers and tools have: key by key always, `redis-cli
 * --cluster rebalance` where there is a redis-cli, atomic migration from Redis 8.4 and Valkey 9.0
 * on.
 */

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { LocalCluster } from '../local-cluster/local-cluster.ts';
import { SLOT_COUNT } from '../local-cluster/node-view.ts';
import { waitUntil } from '../local-cluster/wait-until.ts';
import { findRedisServer } from '../redis-server/find.ts';
import { SlotMover, type Primary } from './slot-mover.ts';

export interface WayToMove {
  readonly name: 'key by key' | 'rebalance' | 'atomic';
  /**
   * Moves slots to one primary, these or as many others, and gives how many changed their owner.
   */
  move(slots: readonly number[]): Promise<number>;
}

const SLOTS_AT_ONCE = 8;
const REBALANCE_TIMEOUT_MS = 120_000;
const MIGRATION_TIMEOUT_MS = 60_000;
const run = promisify(execFile);

export async function waysToMove(cluster: LocalCluster): Promise<WayToMove[]> {
  const { cliPath } = await findRedisServer();
  const [node] = cluster.running;
  const commands = await node?.call('COMMAND', 'LIST');
  const knows = (name: string): boolean => Array.isArray(commands) && commands.includes(name);
  const atomic = knows('cluster|migration')
    ? importAtomically
    : knows('cluster|migrateslots')
      ? exportAtomically
      : undefined;
  const ways: WayToMove[] = [
    {
      name: 'key by key',
      move: (slots) => withMover(cluster, (mover, to) => mover.moveAll(slots, to, SLOTS_AT_ONCE)),
    },
  ];
  if (cliPath !== undefined) {
    const move: WayToMove['move'] = (slots) =>
      withMover(cluster, (mover, to) => rebalance(mover, to, cliPath, slots.length));
    ways.push({ name: 'rebalance', move });
  }
  if (atomic !== undefined) {
    const move: WayToMove['move'] = (slots) =>
      withMover(cluster, (mover, to) => moveAtomically(mover, to, slots, atomic));
    ways.push({ name: 'atomic', move });
  }
  return ways;
}

/** To the primary with the fewest slots. */
async function withMover<T>(
  cluster: LocalCluster,
  work: (mover: SlotMover, to: Primary) => Promise<T>,
): Promise<T> {
  await using mover = await SlotMover.open(cluster);
  const { primaries } = mover;
  const counts = primaries.map((primary) => slotCountOf(mover, primary));
  const smallest = primaries[counts.indexOf(Math.min(...counts))];
  if (smallest === undefined) throw new Error('there are no primaries');
  return await work(mover, smallest); // and only then close it
}

function slotCountOf({ owners }: SlotMover, primary: Primary): number {
  return owners.filter((owner) => owner === primary).length;
}

/** By weights that take about so many slots from the others. */
async function rebalance(
  mover: SlotMover,
  to: Primary,
  cliPath: string,
  slotCount: number,
): Promise<number> {
  const { primaries, owners } = mover;
  const wanted = slotCountOf(mover, to) + slotCount;
  const othersWanted = (SLOT_COUNT - wanted) / (primaries.length - 1);
  const weights = primaries.map((primary) => {
    const weight = (primary === to ? wanted : othersWanted) / SLOT_COUNT;
    return `${primary.id}=${weight.toFixed(4)}`;
  });
  const args = ['--cluster', 'rebalance', `${to.host}:${to.port}`, '--cluster-threshold', '1'];
  await run(cliPath, [...args, '--cluster-pipeline', '1', '--cluster-weight', ...weights], {
    timeout: REBALANCE_TIMEOUT_MS,
    maxBuffer: 1 << 26,
  });
  await mover.settle();
  return mover.owners.filter((owner, slot) => owner !== owners[slot]).length;
}

type Migrate = (from: Primary, to: Primary, ranges: readonly number[]) => Promise<void>;

async function moveAtomically(
  mover: SlotMover,
  to: Primary,
  slots: readonly number[],
  migrate: Migrate,
): Promise<number> {
  const { owners } = mover;
  for (const from of mover.primaries) {
    const part = slots.filter((slot) => from !== to && owners[slot] === from);
    const ranges = part.toSorted((a, b) => a - b).flatMap((slot) => [slot, slot]);
    if (ranges.length > 0) await migrate(from, to, ranges);
  }
  await mover.settle();
  return mover.owners.filter((owner, slot) => owner !== owners[slot]).length;
}

/** Redis 8.4: the new owner fetches the slots. https://redis.io/commands/cluster-migration */
const importAtomically: Migrate = async (from, { client }, ranges) => {
  const task = String(await client.call('CLUSTER', 'MIGRATION', 'IMPORT', ...ranges));
  await waitUntil(
    async () => {
      const status = await client.call('CLUSTER', 'MIGRATION', 'STATUS', 'ID', task);
      return stateOf(status) === 'completed';
    },
    { what: `the slots of ${from.port} have moved`, timeoutMs: MIGRATION_TIMEOUT_MS },
  );
};

/** Valkey 9: the old owner sends the slots. https://valkey.io/commands/cluster-migrateslots */
const exportAtomically: Migrate = async ({ port, client }, { id }, ranges) => {
  await client.call('CLUSTER', 'MIGRATESLOTS', 'SLOTSRANGE', ...ranges, 'NODE', id);
  await waitUntil(
    async () => stateOf(await client.call('CLUSTER', 'GETSLOTMIGRATIONS')) === 'success',
    { what: `the slots of ${port} have moved`, timeoutMs: MIGRATION_TIMEOUT_MS },
  );
};

/** The state of the newest migration that the reply, an array of maps, has. */
function stateOf(reply: unknown): string {
  const newest: unknown = Array.isArray(reply) ? reply[0] : undefined;
  if (Array.isArray(newest)) return String(newest[newest.indexOf('state') + 1]);
  return String((newest as { state?: unknown } | undefined)?.state);
}
