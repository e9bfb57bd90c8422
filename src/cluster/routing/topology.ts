/**
 * Who owns which slot: this package's own table.
 *
 * ioredis keeps a table too, but one MOVED there re-points every slot that shares the range's array
 * (ioredis 6.0.0, lib/cluster/index.ts). Here a MOVED patches the one slot it speaks of, and a
 * refresh replaces the table whole.
 */

import { parseAddress, formatAddress, type Address } from '../address.ts';
import { SLOT_COUNT } from '../limits.ts';
import { inSlices } from '../../runtime/slices.ts';
import { RANGES_PER_TURN } from '../limits.ts';

/** A primary, its replicas, and the slots it owns. */
export interface Shard {
  /** The primary. */
  readonly address: Address;
  /** The replicas that the primary announces; they are not read from. */
  readonly replicas: readonly Address[];
  /** How many slots the shard owns. */
  readonly slotCount: number;
  /** The slots that the shard owns, as inclusive `[from, to]` ranges, ascending. */
  readonly slotRanges: readonly (readonly [from: number, to: number])[];
}

/** How an announced address is reached from here; the identity where nothing stands between. */
export type AddressMapper = (address: Address) => Address;

const UNOWNED = -1;

export class Topology {
  readonly #addresses: Address[] = [];
  readonly #indexes = new Map<Address, number>();
  readonly #replicas = new Map<Address, Set<Address>>();
  readonly #nodeIds = new Set<string>();
  /** Primaries that the node which was asked knows no host of, as `?:port`. */
  readonly #nameless = new Set<string>();
  readonly #ownerOfSlot = new Int16Array(SLOT_COUNT).fill(UNOWNED);
  /** Made when they are asked for, until a slot has another owner. */
  #shards: readonly Shard[] | undefined;
  #named: ReadonlySet<Address> | undefined;

  /** One server that owns everything. */
  static standalone(address: Address): Topology {
    const topology = new Topology();
    topology.#ownerOfSlot.fill(topology.#indexOf(address));
    return topology;
  }

  /**
   * Reads the reply of CLUSTER SLOTS, `[[from, to, [host, port, id, …], replica…], …]`.
   * A node that does not know its own host says null or '': it is the host that was asked. One that
   * should be known by a host name and has none is '?': then its IP address stands among what else
   * is said of it. https://redis.io/docs/latest/commands/cluster-slots/
   */
  static async fromClusterSlots(
    reply: unknown,
    asked: Address,
    map: AddressMapper,
  ): Promise<Topology> {
    const topology = new Topology();
    const read = (node: unknown): Address | undefined => readNode(node, asked, map);
    await inSlices(asArray(reply), RANGES_PER_TURN, (range) => topology.#add(asArray(range), read));
    return topology;
  }

  #add(
    [from, to, primary, ...replicas]: readonly unknown[],
    read: (node: unknown) => Address | undefined,
  ): void {
    const owner = read(primary);
    const [first, last] = [slotNumber(from), slotNumber(to)];
    if (owner === undefined) this.#nameless.add(`?:${String(asArray(primary)[1])}`);
    if (owner === undefined || first === undefined || last === undefined) return;
    this.#ownerOfSlot.fill(this.#indexOf(owner), first, last + 1);
    for (const node of [primary, ...replicas]) this.#noteId(node);
    for (const replica of replicas) {
      const address = read(replica);
      if (address !== undefined) this.#replicas.get(owner)?.add(address);
    }
  }

  /** Why no slot has an owner, and what to do. */
  get whyEmpty(): string {
    if (this.#nameless.size === 0) {
      return (
        'it answers, but no node owns a slot: create the cluster first ' +
        '(redis-cli --cluster create)'
      );
    }
    return (
      `it announces ${[...this.#nameless].join(', ')}, no address: set cluster-announce-ip, ` +
      'or cluster-announce-hostname where cluster-preferred-endpoint-type is hostname'
    );
  }

  /**
   * The ids of the nodes that the table names: they are the same in every node's table, and for
   * life.
   */
  get nodeIds(): ReadonlySet<string> {
    return this.#nodeIds;
  }

  ownerOf(slot: number): Address | undefined {
    const index = this.#ownerOfSlot[slot] ?? UNOWNED;
    return this.#addresses[index];
  }

  /** Whether the node owns a slot. */
  isPrimary(address: Address): boolean {
    const index = this.#indexes.get(address);
    return index !== undefined && this.#ownerOfSlot.includes(index);
  }

  /** Points one slot, and only that one, at `address`. */
  assign(slot: number, address: Address): void {
    this.#ownerOfSlot[slot] = this.#indexOf(address);
    this.#shards = undefined;
    this.#named = undefined;
  }

  get coveredSlotCount(): number {
    return this.#ownerOfSlot.reduce((count, owner) => (owner === UNOWNED ? count : count + 1), 0);
  }

  /** The primaries that own slots, ordered by their first slot. */
  shards(): readonly Shard[] {
    return (this.#shards ??= this.#makeShards());
  }

  /** Every primary and replica that the table names. */
  addresses(): ReadonlySet<Address> {
    return (this.#named ??= new Set(
      this.shards().flatMap(({ address, replicas }) => [address, ...replicas]),
    ));
  }

  #makeShards(): Shard[] {
    const ranges = new Map<Address, [number, number][]>();
    for (let slot = 0; slot < SLOT_COUNT; slot++) {
      const owner = this.ownerOf(slot);
      if (owner === undefined) continue;
      const owned = ranges.get(owner) ?? [];
      ranges.set(owner, owned);
      const last = owned.at(-1);
      if (last?.[1] === slot - 1) last[1] = slot;
      else owned.push([slot, slot]);
    }
    return [...ranges].map(([address, slotRanges]) =>
      Object.freeze({
        address,
        replicas: Object.freeze([...(this.#replicas.get(address) ?? [])]),
        slotCount: slotRanges.reduce((count, [from, to]) => count + to - from + 1, 0),
        slotRanges: Object.freeze(slotRanges.map((range) => Object.freeze(range))),
      }),
    );
  }

  #noteId(node: unknown): void {
    const [, , id] = asArray(node);
    if (typeof id === 'string' && id !== '') this.#nodeIds.add(id);
  }

  #indexOf(address: Address): number {
    const known = this.#indexes.get(address);
    if (known !== undefined) return known;
    const index = this.#addresses.push(address) - 1;
    this.#indexes.set(address, index);
    this.#replicas.set(address, new Set());
    return index;
  }
}

function readNode(node: unknown, asked: Address, map: AddressMapper): Address | undefined {
  const [host, port, , details] = asArray(node);
  const announced = host === '?' ? ipIn(details) : host;
  const name =
    typeof announced === 'string' && announced !== '' ? announced : parseAddress(asked)?.host;
  if (name === undefined || name === '?' || !(Number(port) > 0)) return undefined;
  return map(formatAddress({ host: name, port: Number(port) }));
}

/** What the node says of its other endpoints: `['ip', '10.0.0.1']`. '?' where there is none. */
function ipIn(details: unknown): unknown {
  const words = asArray(details);
  const ip = words[words.indexOf('ip') + 1];
  return words.includes('ip') && ip !== '' ? ip : '?';
}

/** An integer, or its text, as ioredis gives with `stringNumbers`. */
function slotNumber(value: unknown): number | undefined {
  if (typeof value !== 'number' && typeof value !== 'string') return undefined;
  return value !== '' && Number.isInteger(Number(value)) ? Number(value) : undefined;
}

function asArray(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
