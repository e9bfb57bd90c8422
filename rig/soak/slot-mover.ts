/**
 * Moves slots between primaries as redis-cli does, step by step, several slots at once.
 *
 *   IMPORTING, MIGRATING ─▶ MIGRATE key by key ─▶ NODE: the new owner first, then the other primaries
 *
 * Slots that move at once move to one primary, and the next ones move only after every node has
 * heard of it all. Otherwise the servers themselves lose keys: a new owner takes the next epoch
 * after those that it knows, and where it has not heard of the last one, nodes that have take the
 * slot away again. And MIGRATE blocks both ends, so two of them in opposite directions wait for
 * each other.
 */

import type { Redis } from 'ioredis';
import type { LocalCluster } from '../local-cluster/local-cluster.ts';
import { parseClusterNodes, parseInfo, SLOT_COUNT } from '../local-cluster/node-view.ts';
import { waitUntil } from '../local-cluster/wait-until.ts';

export interface Primary {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  readonly client: Redis;
}

export interface SlotMove {
  readonly slot: number;
  readonly from: Primary;
  readonly to: Primary;
}

const MIGRATE_TIMEOUT_MS = 5_000;
const AGREEMENT_TIMEOUT_MS = 20_000;

export class SlotMover implements AsyncDisposable {
  readonly primaries: readonly Primary[];
  readonly #replicas: readonly Redis[];
  #owners: Primary[] = [];

  /** Waits until all nodes tell the same owners. */
  static async open(cluster: LocalCluster): Promise<SlotMover> {
    const primaries = (await cluster.primaries()).map(async (node) => ({
      id: await cluster.idOf(node.port),
      host: node.host,
      port: node.port,
      client: node.client(),
    }));
    const replicas = (await cluster.replicas()).map((node) => node.client());
    const mover = new SlotMover(await Promise.all(primaries), replicas);
    await mover.settle();
    return mover;
  }

  private constructor(primaries: readonly Primary[], replicas: readonly Redis[]) {
    this.primaries = primaries;
    this.#replicas = replicas;
  }

  /** By slot, as they were when all nodes agreed last, and as moves have ended since. */
  get owners(): readonly Primary[] {
    return this.#owners;
  }

  /** Another primary than the one that owns the slot: the next of them. */
  nextOwnerOf(slot: number): Primary {
    const at = this.primaries.findIndex((primary) => primary === this.#owners[slot]);
    const next = this.primaries[(at + 1) % this.primaries.length];
    if (at === -1 || next === undefined) throw new Error(`no primary owns slot ${slot}`);
    return next;
  }

  /** Marks the slot as migrating; no key has moved yet. */
  async begin(slot: number, to: Primary = this.nextOwnerOf(slot)): Promise<SlotMove> {
    const from = this.#owners[slot];
    if (from === undefined || from === to) throw new Error(`slot ${slot} is at ${to.port} already`);
    await to.client.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', from.id);
    await from.client.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', to.id);
    return { slot, from, to };
  }

  /** Moves one key that is still at the source; gives undefined when there is none. */
  async moveKey({ slot, from, to }: SlotMove): Promise<string | undefined> {
    const keys = await from.client.call('CLUSTER', 'GETKEYSINSLOT', slot, 1);
    const key = Array.isArray(keys) && keys.length > 0 ? String(keys[0]) : undefined;
    if (key === undefined) return undefined;
    await from.client.call('MIGRATE', to.host, to.port, key, 0, MIGRATE_TIMEOUT_MS);
    return key;
  }

  /** Moves up to `count` keys that are still at the source; gives those that it moved. */
  async moveKeys(move: SlotMove, count: number): Promise<string[]> {
    const moved: string[] = [];
    while (moved.length < count) {
      const key = await this.moveKey(move);
      if (key === undefined) break;
      moved.push(key);
    }
    return moved;
  }

  /**
   * Moves what is left, and informs the primaries who owns the slot now. Call `settle` after the last
   * one.
   */
  async finish(move: SlotMove): Promise<void> {
    const { slot, to } = move;
    while ((await this.moveKey(move)) !== undefined);
    const tell = ({ client }: Primary): Promise<unknown> =>
      client.call('CLUSTER', 'SETSLOT', slot, 'NODE', to.id);
    await tell(to);
    await Promise.all(this.primaries.filter((one) => one !== to).map(tell));
    this.#owners[slot] = to;
  }

  /**
   * Moves those of the slots that `to` does not own, `atOnce` at a time. Gives how many were moved,
   * when every node has heard of it.
   */
  async moveAll(slots: readonly number[], to: Primary, atOnce: number): Promise<number> {
    const queue = slots.filter((slot) => this.#owners[slot] !== to);
    const slotCount = queue.length;
    const work = async (): Promise<void> => {
      for (let slot = queue.pop(); slot !== undefined; slot = queue.pop()) {
        await this.finish(await this.begin(slot, to));
      }
    };
    const results = await Promise.allSettled(Array.from({ length: atOnce }, work));
    for (const result of results) if (result.status === 'rejected') throw result.reason;
    await this.settle();
    return slotCount;
  }

  /** Waits until all nodes, replicas too, tell the same owners and the same epoch. */
  async settle(): Promise<void> {
    const clients = [...this.primaries.map(({ client }) => client), ...this.#replicas];
    const heard = await waitUntil(
      async () => {
        const views = await Promise.all(clients.map(viewOf));
        const [first] = views;
        return views.every((view) => view.summary === first?.summary) && first;
      },
      { what: 'all nodes tell the same owners', timeoutMs: AGREEMENT_TIMEOUT_MS },
    );
    this.#owners = heard.ownerIds.map((id, slot) => {
      const owner = this.primaries.find((primary) => primary.id === id);
      if (owner === undefined) throw new Error(`no primary owns slot ${slot}`);
      return owner;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { client } of this.primaries) client.disconnect();
    for (const client of this.#replicas) client.disconnect();
  }
}

/**
 * What one node says: the owner of every slot, and the same with the epoch in words that can be
 * compared.
 */
async function viewOf(client: Redis): Promise<{ ownerIds: string[]; summary: string }> {
  const [nodes, info] = await Promise.all([
    client.call('CLUSTER', 'NODES'),
    client.call('CLUSTER', 'INFO'),
  ]);
  const ownerIds = Array.from({ length: SLOT_COUNT }, () => '');
  for (const { id, slotRanges } of parseClusterNodes(String(nodes))) {
    for (const range of slotRanges) {
      const [first = '0', last = first] = range.split('-');
      ownerIds.fill(id, Number(first), Number(last) + 1);
    }
  }
  const epoch = parseInfo(String(info)).get('cluster_current_epoch');
  return { ownerIds, summary: `${epoch} ${ownerIds.join()}` };
}
