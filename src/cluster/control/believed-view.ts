/**
 * Which of several slot tables is believed.
 *
 *   kin        names most of the nodes that the known table names
 *   related    still names two of them, or more
 *   stranger   another cluster's: its address, or a seed, belongs to somebody else
 *
 * The closest relatives come first; among them the highest cluster epoch, as a node that was cut
 * off still reports the past; then the most slots. Nodes are compared by their ids, which they keep
 * for life, and by their addresses where a server reports no ids. Epochs of two clusters say
 * nothing about each other.
 *
 * A stranger is believed only where no relative answers and it clearly is this cluster made anew:
 * its table names most of the addresses of the known primaries, or most of them report it. While no
 * table is known, the one is believed that most answers are kin to.
 */

import type { Address } from '../address.ts';
import type { Topology } from '../routing/topology.ts';

/** The slot table as one node reports it. */
export interface View {
  /** The node that was asked. */
  readonly asked: Address;
  readonly topology: Topology;
  readonly epoch: number;
}

const STRANGER = 0;
const RELATED = 1;
const KIN = 2;

/**
 * The view that replaces the known table, while some nodes may still be asked; undefined where none
 * may.
 */
export function believedView(known: Topology, views: readonly View[]): View | undefined {
  const closeness = new Map(views.map((view) => [view, closenessOf(known, view, views)]));
  const closest = Math.max(STRANGER, ...closeness.values());
  if (closest === STRANGER) return undefined;
  return freshest(views.filter((view) => closeness.get(view) === closest));
}

/**
 * The view of strangers that is believed once all nodes were asked and no relative has answered.
 */
export function viewMadeAnew(known: Topology, views: readonly View[]): View | undefined {
  const primaries = known.shards().map(({ address }) => address);
  const most = primaries.length / 2;
  return freshest(
    views.filter((view) => {
      const named = view.topology.addresses();
      if (primaries.filter((address) => named.has(address)).length > most) return true;
      const agreeing = views.filter((other) => areOneCluster(view.topology, other.topology));
      const tellers = new Set(agreeing.map(({ asked }) => asked));
      return primaries.filter((address) => tellers.has(address)).length > most;
    }),
  );
}

/** Whether two tables name a node in common. */
export function areOneCluster(one: Topology, other: Topology): boolean {
  return sharedCount(one, other) > 0;
}

/** Whether the table is of another cluster than the known one. */
export function isStranger(known: Topology, reported: Topology): boolean {
  return (
    known.coveredSlotCount > 0 &&
    reported.coveredSlotCount > 0 &&
    kinship(known, reported) === STRANGER
  );
}

function closenessOf(known: Topology, view: View, views: readonly View[]): number {
  if (known.coveredSlotCount > 0) return kinship(known, view.topology);
  return views.filter((other) => areOneCluster(view.topology, other.topology)).length;
}

function kinship(known: Topology, reported: Topology): number {
  const shared = sharedCount(known, reported);
  const [knownCount, reportedCount] = [
    identities(known, reported).size,
    identities(reported, known).size,
  ];
  // One node of many may have been given to another cluster, with the id that it has.
  if (2 * shared >= knownCount || (shared >= 2 && 2 * shared >= reportedCount)) return KIN;
  return shared >= 2 ? RELATED : STRANGER;
}

function sharedCount(one: Topology, other: Topology): number {
  const others = identities(other, one);
  let count = 0;
  for (const identity of identities(one, other)) if (others.has(identity)) count++;
  return count;
}

/** The ids of the nodes, where both tables have them. */
function identities(of: Topology, comparedWith: Topology): ReadonlySet<string> {
  return of.nodeIds.size > 0 && comparedWith.nodeIds.size > 0 ? of.nodeIds : of.addresses();
}

function freshest(views: readonly View[]): View | undefined {
  return [...views].sort(
    (a, b) => b.epoch - a.epoch || b.topology.coveredSlotCount - a.topology.coveredSlotCount,
  )[0];
}
