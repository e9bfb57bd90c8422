/**
 * The control plane: the ioredis Cluster or Redis underneath, the slot table, and the lanes.
 *
 *   nodes ──probe──▶ cluster or standalone? ──▶ ioredis Cluster / Redis   asked for topology
 *                                                      │ its options
 *                                                      ▼
 *                                               lanes, one per node and purpose
 *
 * The slot table is refreshed by asking the nodes themselves. Several are asked, and the one with the
 * highest cluster epoch is believed: a node that was cut off still tells the past. One refresh serves
 * all who wait for it. Lanes are ioredis connections with the same options (TLS, ACL user, names), on
 * which nothing else is sent.
 */

import { Cluster, Redis, type RedisOptions } from './ioredis.ts';
import { setTimeout as delay } from 'node:timers/promises';
import { formatAddress, parseAddress, type Address, type HostAndPort } from './address.ts';
import { BulkPace } from './bulk-pace.ts';
import { Closing } from './closing.ts';
import { Counters } from './counters.ts';
import { tellRefresh } from './diagnostics.ts';
import { firstAnswers } from './first-answers.ts';
import { Lane, type LanePurpose } from './lane.ts';
import type { ClusterLimits } from './options.ts';
import { Question } from './question.ts';
import { Topology, type AddressMapper } from './topology.ts';
import { Turns } from './turns.ts';

export type ConnectionMode = 'cluster' | 'standalone';

/** What a connection stands on: an ioredis object, and how addresses are reached. */
export interface Underlay {
  readonly mode: ConnectionMode;
  readonly redis: Cluster | Redis;
  /** Whether `close` ends `redis` too. */
  readonly owned: boolean;
  readonly natMap: NatMap | undefined;
  /** Addresses that the caller named: asked where no node that is known answers. */
  readonly seeds: readonly Address[];
}

export type NatMap =
  | Readonly<Record<Address, HostAndPort>>
  | ((address: Address) => HostAndPort | null);

/** How many nodes are asked for the slot table at once. */
const NODES_PER_REFRESH = 3;

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
  };
  readonly #turns: Turns;
  #topology: Topology;
  #refreshing: Promise<void> | undefined;
  #nextRefresh: NodeJS.Timeout | undefined;
  /** From one refresh to the next that comes without a sign. */
  #nextRefreshMs: number;
  #refreshedAtMs = Number.NEGATIVE_INFINITY;

  /** @param topology the table to begin with; for a cluster call `refresh` before the first batch */
  constructor(underlay: Underlay, limits: ClusterLimits) {
    this.mode = underlay.mode;
    this.limits = limits;
    this.#nextRefreshMs = limits.refreshIntervalMs;
    this.#underlay = underlay;
    this.pace = new BulkPace(limits.bulkPaces);
    this.#turns = new Turns(() => this.pace.now.rowsPerTurn);
    this.#topology =
      underlay.redis instanceof Cluster || underlay.mode === 'cluster'
        ? new Topology()
        : Topology.standalone(addressOf(underlay.redis));
  }

  get topology(): Topology {
    return this.#topology;
  }

  /** How an address that a node announced is reached from here. */
  readonly reach: AddressMapper = (announced: Address): Address => {
    const { natMap } = this.#underlay;
    const mapped = typeof natMap === 'function' ? natMap(announced) : natMap?.[announced];
    return mapped ? formatAddress(mapped) : announced;
  };

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
    this.#lanes[purpose].set(address, lane);
    return lane;
  }

  /** Opens the lanes to every primary, so that the first batch need not. A node that is down is left out. */
  async warmUp(): Promise<void> {
    const purposes = ['online', 'bulk'] as const;
    const lanes = this.#topology
      .shards()
      .flatMap(({ address }) => purposes.map((purpose) => this.lane(address, purpose)));
    await Promise.allSettled(lanes.map((lane) => lane.open()));
  }

  /**
   * Replaces the slot table by what the nodes say now. Never rejects: where no node answers, the
   * table stays. Calls that come while one runs share it.
   */
  async refresh(): Promise<void> {
    if (this.mode === 'standalone' || this.closing.isClosed) return;
    this.#refreshing ??= this.#refreshOnce().finally(() => {
      this.#refreshing = undefined;
      this.#refreshLater();
    });
    await this.#refreshing;
  }

  /** `refresh` where there is a sign that the table is old; it is refreshed again soon, as more may change unheard. */
  refreshOnSign(): Promise<void> {
    this.#nextRefreshMs = this.limits.refreshAgainMs;
    return this.refresh();
  }

  close(): void {
    this.closing.close();
    clearTimeout(this.#nextRefresh);
    for (const lanes of Object.values(this.#lanes)) {
      for (const lane of lanes.values()) lane.close();
      lanes.clear();
    }
    if (this.#underlay.owned) this.#underlay.redis.disconnect();
  }

  async #refreshOnce(): Promise<void> {
    const sinceMs = performance.now() - this.#refreshedAtMs;
    const pauseMs = (this.limits.refreshEveryMs - sinceMs) * (1 + Math.random() / 4);
    if (pauseMs > 0) await delay(pauseMs);
    const startedAtMs = performance.now();
    const views = this.#views();
    while (views.length > 0 && !this.closing.isClosed) {
      const asked = views.splice(0, NODES_PER_REFRESH).map((view) => view());
      const answers = await firstAnswers(asked, this.limits.refreshGraceMs);
      const freshest = answers.sort(byEpochThenCoverage)[0];
      if (freshest === undefined) continue;
      this.#topology = freshest.topology;
      this.counters.countRefresh();
      tellRefresh({
        shardCount: this.#topology.shards().length,
        coveredSlotCount: this.#topology.coveredSlotCount,
        elapsedMs: performance.now() - startedAtMs,
      });
      this.#dropSilentLanes();
      this.#closeStrayLanes();
      break;
    }
    this.#refreshedAtMs = performance.now();
    this.#tellIoredis();
  }

  /** Has ioredis look again where its own connections lead to nodes that are no more, or miss some. */
  #tellIoredis(): void {
    const { redis } = this.#underlay;
    if (!(redis instanceof Cluster)) return;
    const held = new Set(redis.nodes('all').map(addressOf));
    const wanted = this.#topology.addresses();
    const differs = held.size !== wanted.size || [...wanted].some((address) => !held.has(address));
    if (differs) redis.refreshSlotsCache(() => undefined);
  }

  /**
   * Slots move and replicas come without an error that would tell, and an idle store hears of none: looks again
   * now and then, and sooner behind a sign, or all nodes could have other addresses by the time that it is used.
   */
  #refreshLater(): void {
    if (this.closing.isClosed) return;
    clearTimeout(this.#nextRefresh);
    const jitter = 0.75 + Math.random() / 2;
    this.#nextRefresh = setTimeout(() => {
      this.#nextRefreshMs = Math.min(2 * this.#nextRefreshMs, this.limits.refreshIntervalMs);
      void this.refresh();
    }, this.#nextRefreshMs * jitter).unref();
  }

  /** Ways to ask for the slot table: ioredis's own connections first, then ours to nodes we know. */
  #views(): (() => Promise<View | undefined>)[] {
    const { redis } = this.#underlay;
    const nodes = (redis instanceof Cluster ? redis.nodes('all') : [redis]).map(
      (node) => () =>
        this.#view(addressOf(node), async () => [
          await node.call('CLUSTER', 'INFO'),
          await node.call('CLUSTER', 'SLOTS'),
        ]),
    );
    const known = new Set([...this.#topology.addresses(), ...this.#underlay.seeds]);
    const lanes = [...known].map(
      (address) => () =>
        this.#view(address, async () => {
          const lane = this.lane(address, 'online');
          const info = new Question(['CLUSTER', 'INFO']);
          const slots = new Question(['CLUSTER', 'SLOTS']);
          await Promise.all([lane.send(info), lane.send(slots)]);
          return [info.reply, slots.reply];
        }),
    );
    return [...shuffled(nodes), ...shuffled(lanes)];
  }

  async #view(address: Address, ask: () => Promise<readonly unknown[]>): Promise<View | undefined> {
    const tooLate = new AbortController();
    const timer = delay(this.limits.refreshTimeoutMs, undefined, { signal: tooLate.signal });
    try {
      const answer = await Promise.race([ask(), timer.catch(() => undefined)]);
      const [info, slots] = answer ?? [];
      const topology = Topology.fromClusterSlots(slots, address, this.reach);
      const epoch = Number(/cluster_current_epoch:(\d+)/.exec(String(info))?.[1] ?? 0);
      return topology.coveredSlotCount > 0 ? { topology, epoch } : undefined;
    } catch {
      return undefined;
    } finally {
      tooLate.abort();
    }
  }

  #open(address: Address, purpose: LanePurpose): Redis {
    const { redis } = this.#underlay;
    const template: RedisOptions =
      redis instanceof Cluster
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
      retryStrategy: (times: number) =>
        Math.min(25 * 2 ** (times - 1), 500) * (0.5 + Math.random() / 2),
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
  #dropSilentLanes(): void {
    const primaries = new Set(this.#topology.shards().map(({ address }) => address));
    for (const lanes of Object.values(this.#lanes)) {
      for (const lane of lanes.values()) {
        if (lane.isSilent && !primaries.has(lane.address)) lane.drop('it is no primary any more');
      }
    }
  }

  /** Lanes to nodes that have left the cluster would try to reconnect for ever. */
  #closeStrayLanes(): void {
    const known = this.#topology.addresses();
    for (const lanes of Object.values(this.#lanes)) {
      for (const lane of lanes.values()) {
        if (known.has(lane.address) || lane.busy) continue;
        lane.close();
        lanes.delete(lane.address);
      }
    }
  }
}

interface View {
  readonly topology: Topology;
  readonly epoch: number;
}

function byEpochThenCoverage(a: View, b: View): number {
  return b.epoch - a.epoch || b.topology.coveredSlotCount - a.topology.coveredSlotCount;
}

function addressOf(redis: Redis | Cluster): Address {
  const { host, port, path } = redis.options as RedisOptions;
  return path ?? formatAddress({ host: host ?? '127.0.0.1', port: port ?? 6379 });
}

function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, order: Math.random() }))
    .sort((a, b) => a.order - b.order)
    .map(({ item }) => item);
}
