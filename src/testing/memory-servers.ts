/** The servers of a cluster in memory, which share the slots; a backend each for the stores on them. */

import { nextTurn } from '../runtime/slices.ts';
import type { Address } from '../cluster/address.ts';
import { KeyPrefix, KeyTable, type Reply, type Word } from '../cluster/batch.ts';
import type { FieldTtlCommand } from '../cluster/delivery/field-ttl-command.ts';
import { SLOT_COUNT } from '../cluster/limits.ts';
import { ServerError } from '../cluster/resp/reply.ts';
import { Topology } from '../cluster/routing/topology.ts';
import { refusedError } from './fault-errors.ts';
import { FaultPlan } from './fault-plan.ts';
import { readReply } from './server/bytes.ts';
import type { ServerClock } from './server/keyspace.ts';
import { MemoryServer } from './server/memory-server.ts';
import { storeTwins } from './server/store-twins.ts';

export interface ClusterShape {
  readonly shards: number;
  /** Of each shard. */
  readonly replicas: number;
  readonly clock: ServerClock;
  /** What the servers write field TTLs with: HSETEX is Redis 8, HEXPIRE 7.4. */
  readonly fieldTtlCommand: FieldTtlCommand;
}

const HOST = 'memory';
const FIRST_PORT = 7_000;
const NO_PREFIX = new KeyPrefix('');

export class MemoryServers {
  readonly topology: Topology;
  readonly replicaCount: number;
  readonly fieldTtlCommand: FieldTtlCommand;
  readonly faults: FaultPlan = new FaultPlan();
  readonly #servers: ReadonlyMap<Address, MemoryServer>;

  private constructor(topology: Topology, { clock, replicas, fieldTtlCommand }: ClusterShape) {
    const unknown = fieldTtlCommand === 'HSETEX' ? [] : ['HSETEX'];
    const traits = { clock, twins: storeTwins, replicaCount: replicas, unknown };
    this.topology = topology;
    this.replicaCount = replicas;
    this.fieldTtlCommand = fieldTtlCommand;
    this.#servers = new Map(
      topology.shards().map(({ address }) => [address, new MemoryServer(traits)]),
    );
  }

  static async start(shape: ClusterShape): Promise<MemoryServers> {
    const topology = await Topology.fromClusterSlots(slotsOf(shape), HOST, (address) => address);
    return new MemoryServers(topology, shape);
  }

  at(address: Address): MemoryServer {
    const server = this.#servers.get(address);
    if (server === undefined) throw new Error(`There is no server at ${address}`);
    return server;
  }

  /**
   * What another client would ask, of the server that has the key.
   * @throws FeatureStoreError what an error reply means
   */
  async call(name: string, key: string | Uint8Array, words: readonly Word[]): Promise<Reply> {
    await nextTurn();
    const table = new KeyTable(NO_PREFIX);
    if (typeof key === 'string') table.add(key);
    else table.addBytes(key);
    const address = this.topology.ownerOf(table.slotOf(0)) ?? '';
    const request = [name, key, ...words].map((word) =>
      word instanceof Uint8Array ? word : Buffer.from(String(word)),
    );
    const reply = readReply(this.at(address).session().send(request));
    if (reply instanceof ServerError) throw refusedError(reply.message, address);
    return reply;
  }
}

/** As CLUSTER SLOTS would reply: ranges of about the same size, primaries first by port. */
function slotsOf({ shards, replicas }: ClusterShape): unknown[] {
  const boundary = (at: number): number => Math.round((at * SLOT_COUNT) / shards);
  return Array.from({ length: shards }, (_, shard) => {
    const nodes = Array.from({ length: 1 + replicas }, (__, place) => {
      const number = place * shards + shard;
      return [HOST, FIRST_PORT + number, `${HOST}-${number}`];
    });
    return [boundary(shard), boundary(shard + 1) - 1, ...nodes];
  });
}
