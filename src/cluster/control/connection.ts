/**
 * The control plane: the slot table, and the lanes.
 *
 *   nodes, or an ioredis object (connect.ts) ── options (connection-options.ts) ──▶ lanes,
 *   one per node and purpose
 *
 * The slot table is refreshed by asking the nodes themselves (slot-table.ts). Lanes are ioredis
 * connections with the options that the caller gave (TLS, ACL user, names), on which nothing else
 * is sent.
 */

import pLimit from 'p-limit';
import { clearTimeout, delay, performance, setTimeout } from '../../runtime/clock.ts';
import type { Redis } from '../lanes/ioredis.ts';
import type { Address } from '../address.ts';
import { BulkPace } from '../lanes/bulk-pace.ts';
import { Closing } from './closing.ts';
import { openLane, openProbe } from '../lanes/open-redis.ts';
import { Counters, type ShardStats } from './counters.ts';
import type { Login } from '../lanes/login.ts';
import { NameWatch } from './name-watch.ts';
import { Lane } from '../lanes/lane.ts';
import { LANE_PURPOSES, type LanePurpose } from '../lanes/lane-purpose.ts';
import {
  type ClusterLimits,
  LANES_PER_TURN,
  LEAVE_EVERY_MS,
  LONGEST_PAGE_TURN_MS,
  SWEEP_EVERY_MS,
} from '../limits.ts';
import { logInAnew } from './own-login.ts';
import { ShardHealth, type OnShardDown } from './shard-health.ts';
import { ShardProbes } from './shard-probes.ts';
import { SlotTable } from './slot-table.ts';
import type { AddressMapper, Topology } from '../routing/topology.ts';
import { orLate } from '../../runtime/timer.ts';
import { inSlices } from '../../runtime/slices.ts';
import { PromptTurns, Turns } from '../lanes/turns.ts';
import { reachBy, type ConnectionMode, type Underlay } from './underlay.ts';

export class Connection {
  readonly mode: ConnectionMode;
  readonly limits: ClusterLimits;
  readonly counters: Counters = new Counters();
  readonly closing: Closing = new Closing();
  readonly pace: BulkPace;
  readonly health: ShardHealth;
  readonly #underlay: Underlay;
  readonly #lanes: Record<LanePurpose, Map<Address, Lane>> = {
    online: new Map(),
    bulk: new Map(),
    confirmed: new Map(),
    control: new Map(),
  };
  readonly #turns: Turns;
  readonly #onlineTurns = new PromptTurns();
  readonly #slotTable: SlotTable;
  /** For pages of scans beside online reads. */
  readonly #pageTurns = pLimit(1);

  /** Lanes that were left, until they have read what they are owed. */
  readonly #retired = new Set<Lane>();
  readonly #leftAtMs = new Map<Address, number>();
  readonly #nameWatch: NameWatch;
  readonly #probes: ShardProbes;
  #sweep: NodeJS.Timeout | undefined;

  /** For a cluster call `refresh` before the first batch. */
  constructor(underlay: Underlay, limits: ClusterLimits, onShardDown: OnShardDown = 'wait') {
    this.mode = underlay.mode;
    this.limits = limits;
    this.#underlay = underlay;
    this.pace = new BulkPace(limits.bulkPaces);
    this.#turns = new Turns(() => this.pace.now.rowsPerTurn);
    this.reach = reachBy(underlay.natMap);
    const { counters, closing, reach } = this;
    this.#nameWatch = new NameWatch(
      {
        addresses: () => this.#namedAddresses(),
        onLookup: (address, hosts) => this.#leaveOthers(address, hosts),
      },
      limits.refreshIntervalMs,
    );
    this.health = this.#newHealth(onShardDown);
    this.#probes = this.#newProbes();
    underlay.credentials?.add({ logIn: (login) => this.#logInAnew(login) });
    this.#slotTable = new SlotTable(underlay, {
      limits,
      counters,
      closing,
      reach,
      laneTo: (address) => this.lane(address, 'control'),
      logInAgain: (address) => void this.logInAgain(address),
      isDown: (address) => this.health.failsRowsOf(address),
      onReplaced: (topology) => {
        this.health.noteTopology();
        this.#dropSilentLanes(topology);
        this.#closeStrayLanes(topology);
      },
    });
  }

  /**
   * Has new connections made to the address, as its name may mean another server by now. Those that
   * there are read what they are owed, and are closed. Calls that come soon after each other count
   * as one.
   */
  leave(address: Address): void {
    const now = performance.now();
    if (now - (this.#leftAtMs.get(address) ?? Number.NEGATIVE_INFINITY) < LEAVE_EVERY_MS) return;
    this.#leftAtMs.set(address, now);
    for (const purpose of LANE_PURPOSES) this.#retire(address, purpose);
  }

  /** `leave`, where new connections ask for their credentials. Whether they do. */
  logInAgain(address: Address): boolean {
    if (this.#underlay.credentials === undefined) return false;
    this.leave(address);
    return true;
  }

  /**
   * Asks for a page of a scan when the page before has come, and a pause as long as that took has
   * passed. A page that is late is not waited for: a node that is down delays its own scan alone.
   */
  inPageTurn<Page>(ask: () => Promise<Page>): Promise<Page> {
    return new Promise((resolve, reject) => {
      void this.#pageTurns(async () => {
        const askedAtMs = performance.now();
        const page = ask();
        page.then(resolve, reject);
        await orLate(LONGEST_PAGE_TURN_MS, page).catch(() => undefined);
        const pauseMs = Math.min(performance.now() - askedAtMs, LONGEST_PAGE_TURN_MS);
        await delay(Math.max(this.pace.now.pagePauseMs, pauseMs));
      });
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
    const loginPatienceMs = this.#underlay.credentials ? this.limits.loginPatienceMs : 0;
    const { chunksInFlight } = bulkPaces.alone;
    const lane = new Lane(
      address,
      this.#open(address, purpose),
      { silenceMs, suspicionMs, chunksInFlight, loginPatienceMs },
      purpose === 'online' ? this.#onlineTurns : this.#turns,
      purpose === 'bulk' || purpose === 'confirmed' ? this.pace : undefined,
    );
    lane.onTrouble = (): void => void this.refreshOnSign();
    lane.watcher = this.health.watcherOf(address, purpose);
    if (this.mode === 'cluster') lane.isStranger = () => this.#slotTable.isStranger(address);
    // What was under way when the store was closed may ask for one still: it is never opened.
    if (this.closing.isClosed) lane.close();
    else this.#lanes[purpose].set(address, lane);
    return lane;
  }

  /** Opens the lanes of reads and bulk work to every primary; a node that is down is left out. */
  async warmUp(): Promise<void> {
    const opened: Promise<void>[] = [];
    await inSlices(this.topology.shards(), LANES_PER_TURN, ({ address }) => {
      for (const purpose of ['online', 'bulk'] as const) {
        const open = this.lane(address, purpose).open();
        open.catch(() => undefined); // looked at below
        opened.push(open);
      }
    });
    await Promise.allSettled(opened);
  }

  /**
   * Replaces the slot table by what the nodes report now. Never rejects: where no node answers, the
   * table stays. Calls that come while one runs share it.
   */
  refresh(): Promise<void> {
    return this.#slotTable.refresh();
  }

  /**
   * `refresh` where there is a sign that the table is old; it is refreshed again soon, as more may
   * change unheard.
   */
  refreshOnSign(): Promise<void> {
    return this.#slotTable.refreshOnSign();
  }

  /** What was counted by shard, those that are down included. */
  stats(): { shards: Record<Address, ShardStats>; refreshes: number } {
    for (const address of this.health.down()) this.counters.of(address); // makes one where none is
    const { shards, refreshes } = this.counters.snapshot();
    const withStates = Object.entries(shards).map(([address, counts]) => {
      return [address, { ...counts, state: this.health.stateOf(address) }] as const;
    });
    return { shards: Object.fromEntries(withStates), refreshes };
  }

  /** Calls that are under way end at once; so do the connections, where they are not very many. */
  async close(): Promise<void> {
    this.closing.close();
    this.#slotTable.close();
    this.#nameWatch.close();
    this.health.close();
    this.#probes.close();
    clearTimeout(this.#sweep);
    this.#underlay.credentials?.close();
    const all = Object.values(this.#lanes);
    const lanes = [...this.#retired, ...all.flatMap((byAddress) => [...byAddress.values()])];
    for (const byAddress of all) byAddress.clear();
    await inSlices(lanes, LANES_PER_TURN, (lane) => lane.close());
  }

  #retire(address: Address, purpose: LanePurpose): void {
    const lane = this.#lanes[purpose].get(address);
    if (lane === undefined) return;
    this.#lanes[purpose].delete(address);
    lane.watcher = undefined; // the address may mean another node
    this.#retired.add(lane);
    this.#sweepLater();
  }

  #newHealth(onShardDown: OnShardDown): ShardHealth {
    return new ShardHealth({
      onShardDown,
      isPrimary: (address) => this.topology.isPrimary(address),
      isOpen: (address) =>
        LANE_PURPOSES.some((purpose) => this.#lanes[purpose].get(address)?.isOpen),
      onDown: (address) => {
        if (onShardDown === 'fail-fast' && !this.closing.isClosed) this.#probes.begin(address);
      },
      onUp: (address, downSinceMs) => {
        this.#probes.end(address);
        if (onShardDown === 'fail-fast') this.#retireBroken(address, downSinceMs);
      },
    });
  }

  #newProbes(): ShardProbes {
    const { options, credentials, mode } = this.#underlay;
    return new ShardProbes({
      isCluster: mode === 'cluster',
      silenceMs: this.limits.silenceMs,
      openTo: (address) => openProbe({ options: options(), credentials }, address),
      onBack: (address) => this.health.noteUp(address),
      onStillDown: (address, error) => this.health.noteStillDown(address, error),
      refresh: () => void this.refreshOnSign(),
    });
  }

  /** A node is back: lanes that wait for their time to open, or for lost packets, are opened anew. */
  #retireBroken(address: Address, downSinceMs: number): void {
    for (const purpose of LANE_PURPOSES) {
      const lane = this.#lanes[purpose].get(address);
      const isWell = lane?.isOpen === true && !lane.isSilentSince(downSinceMs);
      if (!isWell) this.#retire(address, purpose);
    }
  }

  #sweepLater(): void {
    this.#sweep ??= setTimeout(() => {
      this.#sweep = undefined;
      for (const lane of this.#retired) {
        if (lane.busy) continue;
        lane.close();
        this.#retired.delete(lane);
      }
      if (this.#retired.size > 0) this.#sweepLater();
    }, SWEEP_EVERY_MS).unref();
  }

  /** Leaves connections to hosts that the address no longer has. */
  #leaveOthers(address: Address, hosts: ReadonlySet<string>): void {
    for (const purpose of LANE_PURPOSES) {
      const host = this.#lanes[purpose].get(address)?.remoteHost;
      if (host !== undefined && !hosts.has(host)) this.#retire(address, purpose);
    }
  }

  /** Where lanes lead to by the name in their address, and not as a caller or a sentinel says. */
  #namedAddresses(): Address[] {
    const { Connector, sentinels, tls } = this.#underlay.options();
    if (Connector || sentinels || (tls !== undefined && 'lookup' in tls)) return [];
    return Object.values(this.#lanes).flatMap((lanes) => [...lanes.keys()]);
  }

  #open(address: Address, purpose: LanePurpose): Redis {
    const { options, credentials } = this.#underlay;
    return openLane({ options: options(), credentials }, address, purpose);
  }

  /** In order with what is under way. A lane that is not open asks for itself when it opens. */
  async #logInAnew(login: Login): Promise<void> {
    const lanes = Object.values(this.#lanes).flatMap((byAddress) => [...byAddress.values()]);
    const open = [...lanes, ...this.#retired].filter(({ isOpen }) => isOpen);
    await Promise.all(open.map((lane) => logInAnew(lane, login)));
  }

  /** Gives up nodes that are silent and no primary any more: their rows have a new owner. */
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
