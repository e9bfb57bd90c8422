/**
 * The control plane: the ioredis Cluster or Redis underneath, the slot table, and the lanes.
 *
 *   ioredis Cluster / Redis (connect.ts) ── its options ──▶ lanes, one per node and purpose
 *
 * The slot table is refreshed by asking the nodes themselves (slot-table.ts). Lanes are ioredis
 * connections with the same options (TLS, ACL user, names), on which nothing else is sent.
 */

import { isCluster, Redis, type RedisOptions } from './ioredis.ts';
import { parseAddress, type Address } from './address.ts';
import { BulkPace } from './bulk-pace.ts';
import { Closing } from './closing.ts';
import { Counters } from './counters.ts';
import { Lane, type LanePurpose } from './lane.ts';
import type { ClusterLimits } from './options.ts';
import { SlotTable } from './slot-table.ts';
import type { AddressMapper, Topology } from './topology.ts';
import { Turns } from './turns.ts';
import { reachBy, type ConnectionMode, type Underlay } from './underlay.ts';

export class Connection {
  readonly mode: ConnectionMode;
  readonly limits: ClusterLimits;
  readonly counters: Counters = new Counters();
  readonly closing: Closing = new Closing();
  readonly pace: BulkPace;
  readonly #underlay: Underlay;
  readonly #lanes: Record<LanePurpose, Map<Address, Lane>> = {
    online: new Map(),
    bulk: new Map(),
    confirmed: new Map(),
    control: new Map(),
  };
  readonly #turns: Turns;
  readonly #slotTable: SlotTable;

  /** For a cluster call `refresh` before the first batch. */
  constructor(underlay: Underlay, limits: ClusterLimits) {
    this.mode = underlay.mode;
    this.limits = limits;
    this.#underlay = underlay;
    this.pace = new BulkPace(limits.bulkPaces);
    this.#turns = new Turns(() => this.pace.now.rowsPerTurn);
    this.reach = reachBy(underlay.natMap);
    const { counters, closing, reach } = this;
    this.#slotTable = new SlotTable(underlay, {
      limits,
      counters,
      closing,
      reach,
      laneTo: (address) => this.lane(address, 'control'),
      onReplaced: (topology) => {
        this.#dropSilentLanes(topology);
        this.#closeStrayLanes(topology);
      },
    });
  }

  get topology(): Topology {
    return this.#slotTable.topology;
  }

  /** How an address that a node announced is reached from here. */
  readonly reach: AddressMapper;

  lane(address: Address, purpose: LanePurpose): Lane {
    const known = this.#lanes[purpose].get(address);
    if (known) return known;
    const { silenceMs, suspicionMs, bulkPaces } = this.limits;
    const { chunksInFlight } = bulkPaces.alone;
    const lane = new Lane(
      address,
      this.#open(address, purpose),
      { silenceMs, suspicionMs, chunksInFlight },
      purpose === 'online' ? undefined : this.#turns,
    );
    lane.onTrouble = (): void => void this.refreshOnSign();
    if (this.mode === 'cluster') lane.isStranger = () => this.#slotTable.isStranger(address);
    this.#lanes[purpose].set(address, lane);
    return lane;
  }

  /** Opens the lanes for batches to every primary, so that the first batch need not. A node that is down is left out. */
  async warmUp(): Promise<void> {
    const purposes = ['online', 'bulk'] as const;
    const lanes = this.topology
      .shards()
      .flatMap(({ address }) => purposes.map((purpose) => this.lane(address, purpose)));
    await Promise.allSettled(lanes.map((lane) => lane.open()));
  }

  /**
   * Replaces the slot table by what the nodes report now. Never rejects: where no node answers, the
   * table stays. Calls that come while one runs share it.
   */
  refresh(): Promise<void> {
    return this.#slotTable.refresh();
  }

  /** `refresh` where there is a sign that the table is old; it is refreshed again soon, as more may change unheard. */
  refreshOnSign(): Promise<void> {
    return this.#slotTable.refreshOnSign();
  }

  close(): void {
    this.closing.close();
    this.#slotTable.close();
    for (const lanes of Object.values(this.#lanes)) {
      for (const lane of lanes.values()) lane.close();
      lanes.clear();
    }
    if (this.#underlay.owned) this.#underlay.redis.disconnect();
  }

  #open(address: Address, purpose: LanePurpose): Redis {
    const { redis } = this.#underlay;
    const template: RedisOptions = isCluster(redis)
      ? { ...(redis.nodes('all')[0]?.options ?? redis.options.redisOptions) }
      : { ...redis.options };
    const place: RedisOptions = this.mode === 'cluster' ? { ...parseAddress(address), db: 0 } : {};
    return new Redis({
      ...template,
      ...place,
      replyMapping: 'legacy',
      // CLIENT LIST then tells what a connection is for.
      connectionName: `${template.connectionName ?? 'fstore'}:${purpose}`,
      lazyConnect: true,
      readOnly: false,
      // What was under way when the connection closed is the dispatcher's to decide about.
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      enableOfflineQueue: false,
      // LOADING comes as a reply, and is treated as one.
      enableReadyCheck: false,
      enableAutoPipelining: false,
      commandTimeout: undefined,
    });
  }

  /** Who waits for a node that is silent, and no primary any more, need not: its rows have a new owner. */
  #dropSilentLanes(topology: Topology): void {
    const primaries = new Set(topology.shards().map(({ address }) => address));
    for (const lanes of Object.values(this.#lanes)) {
      for (const lane of lanes.values()) {
        if (lane.isSilent && !primaries.has(lane.address)) lane.drop('it is no primary any more');
      }
    }
  }

  /** Lanes to nodes that have left the cluster would try to reconnect for ever. */
  #closeStrayLanes(topology: Topology): void {
    const known = topology.addresses();
    for (const lanes of Object.values(this.#lanes)) {
      for (const lane of lanes.values()) {
        if (known.has(lane.address) || lane.busy) continue;
        lane.close();
        lanes.delete(lane.address);
      }
    }
  }
}
