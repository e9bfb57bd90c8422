/**
 * Who owns which slot, as the nodes report it now: when the table is refreshed, which nodes are
 * asked, and which answer is believed.
 *
 * Several nodes are asked, those that the table names first; believed-view.ts decides between their
 * answers. Where none can be believed, the table stays. One refresh serves every caller that waits
 * for it.
 */

import { clearTimeout, delay, performance, setTimeout } from '../clock.ts';
import type { Address } from './address.ts';
import { believedView, isStranger, viewMadeAnew, type View } from './believed-view.ts';
import type { Closing } from './closing.ts';
import type { Counters } from './counters.ts';
import { tellRefresh } from './diagnostics.ts';
import { firstAnswers } from './first-answers.ts';
import { isCluster } from './ioredis.ts';
import type { Lane } from './lane.ts';
import type { ClusterLimits } from './options.ts';
import { Question } from './question.ts';
import { isLoggedOut } from './redirect.ts';
import { ServerError } from './resp/reply-reader.ts';
import { LATE, orLate } from './timer.ts';
import { Topology, type AddressMapper } from './topology.ts';
import { addressOf, type Underlay } from './underlay.ts';

/** What the table needs of the connection that it belongs to. */
export interface SlotTableHost {
  readonly limits: ClusterLimits;
  readonly counters: Counters;
  readonly closing: Closing;
  /** How an address that a node announced is reached from here. */
  readonly reach: AddressMapper;
  /** The lane on which a node is asked. */
  laneTo(address: Address): Lane;
  /** Called where the lane is not logged in any more. */
  logInAgain(address: Address): void;
  /** Called after each refresh that replaced the table. */
  onReplaced(topology: Topology): void;
}

/** How many nodes are asked for the slot table at once. */
const NODES_PER_REFRESH = 3;

export class SlotTable {
  readonly #underlay: Underlay;
  readonly #host: SlotTableHost;
  #topology: Topology;
  #refreshing: Promise<void> | undefined;
  /** Questions under way about who answers at an address. */
  readonly #identified = new Map<Address, Promise<boolean>>();
  #nextRefresh: NodeJS.Timeout | undefined;
  /** From one refresh to the next that comes without a sign. */
  #nextRefreshMs: number;
  #refreshedAtMs = Number.NEGATIVE_INFINITY;

  /** For a cluster it is empty until the first refresh. */
  constructor(underlay: Underlay, host: SlotTableHost) {
    this.#underlay = underlay;
    this.#host = host;
    this.#nextRefreshMs = host.limits.refreshIntervalMs;
    this.#topology =
      underlay.mode === 'cluster' ? new Topology() : Topology.standalone(underlay.seeds[0] ?? '');
  }

  get topology(): Topology {
    return this.#topology;
  }

  /** What answers are judged by: at first the seed's table, as a stranger may come late. */
  get #known(): Topology {
    const isFirst = this.#topology.coveredSlotCount === 0;
    return isFirst ? (this.#underlay.reported ?? this.#topology) : this.#topology;
  }

  /**
   * Replaces the slot table by what the nodes say now. Never rejects: where no node answers, the
   * table stays. Calls that come while one runs share it.
   */
  async refresh(): Promise<void> {
    if (this.#underlay.mode === 'standalone' || this.#host.closing.isClosed) return;
    this.#refreshing ??= this.#refreshOnce().finally(() => {
      this.#refreshing = undefined;
      this.#refreshLater();
    });
    await this.#refreshing;
  }

  /**
   * `refresh` where there is a sign that the table is old; it is refreshed again soon, as more may
   * change unheard.
   */
  refreshOnSign(): Promise<void> {
    this.#nextRefreshMs = this.#host.limits.refreshAgainMs;
    return this.refresh();
  }

  close(): void {
    clearTimeout(this.#nextRefresh);
  }

  async #refreshOnce(): Promise<void> {
    const sinceMs = performance.now() - this.#refreshedAtMs;
    const pauseMs = (this.#host.limits.refreshEveryMs - sinceMs) * (1 + Math.random() / 4);
    if (pauseMs > 0) await delay(pauseMs);
    const startedAtMs = performance.now();
    const believed = await this.#ask(this.#views());
    if (believed !== undefined && !this.#host.closing.isClosed) {
      this.#topology = believed.topology;
      this.#host.counters.countRefresh();
      tellRefresh({
        shardCount: this.#topology.shards().length,
        coveredSlotCount: this.#topology.coveredSlotCount,
        elapsedMs: performance.now() - startedAtMs,
      });
      this.#host.onReplaced(this.#topology);
    }
    this.#refreshedAtMs = performance.now();
    this.#tellIoredis();
  }

  /** Asks a few nodes at a time, until one is believed. */
  async #ask(ways: (() => Promise<View | undefined>)[]): Promise<View | undefined> {
    const views: View[] = [];
    while (ways.length > 0 && !this.#host.closing.isClosed) {
      const asked = ways.splice(0, NODES_PER_REFRESH).map((ask) => ask());
      views.push(...(await firstAnswers(asked, this.#host.limits.refreshGraceMs)));
      const believed = believedView(this.#known, views);
      if (believed !== undefined) return believed;
    }
    return viewMadeAnew(this.#known, views);
  }

  /**
   * Has ioredis look again where its own connections lead to nodes that are no more, or miss some.
   * Those to nodes that the table does not name end first: it could ask one of them, and follow it
   * into another cluster.
   */
  #tellIoredis(): void {
    const { own } = this.#underlay;
    if (own === undefined || !isCluster(own)) return;
    const held = new Set(own.nodes('all').map(addressOf));
    const wanted = this.#topology.addresses();
    const differs = held.size !== wanted.size || [...wanted].some((address) => !held.has(address));
    if (differs) own.refreshSlotsCache(() => undefined);
  }

  /**
   * Slots move and replicas come without an error that would tell, and an idle store hears of none:
   * looks again now and then, and sooner after a sign, or all nodes could have other addresses by
   * the time that it is used.
   */
  #refreshLater(): void {
    if (this.#host.closing.isClosed) return;
    clearTimeout(this.#nextRefresh);
    const jitter = 0.75 + Math.random() / 2;
    this.#nextRefresh = setTimeout(() => {
      this.#nextRefreshMs = Math.min(2 * this.#nextRefreshMs, this.#host.limits.refreshIntervalMs);
      void this.refresh();
    }, this.#nextRefreshMs * jitter).unref();
  }

  /**
   * Whether the node at this address answers for another cluster than the table's. False also where
   * it does not answer the question.
   */
  isStranger(address: Address): Promise<boolean> {
    const asked = this.#identified.get(address);
    if (asked !== undefined) return asked;
    const answer = this.#identify(address).finally(() => this.#identified.delete(address));
    this.#identified.set(address, answer);
    return answer;
  }

  async #identify(address: Address): Promise<boolean> {
    if (this.#underlay.mode === 'standalone' || this.#topology.coveredSlotCount === 0) return false;
    const view = await this.#view(address, async () => {
      const slots = new Question(['CLUSTER', 'SLOTS']);
      await this.#host.laneTo(address).ask(slots);
      return ['', slots.reply];
    });
    return view !== undefined && isStranger(this.#topology, view.topology);
  }

  /**
   * Ways to ask for the slot table: nodes that it names first; after them what the caller, or the
   * caller's Cluster, knows besides, as an address may belong to somebody else by now.
   */
  #views(): (() => Promise<View | undefined>)[] {
    const { own, seeds } = this.#underlay;
    const known = this.#topology.addresses();
    const held = own !== undefined && isCluster(own) ? own.nodes('all').map(addressOf) : [];
    const others = new Set([...held, ...seeds].filter((address) => !known.has(address)));
    return [...shuffled([...known]), ...shuffled([...others])].map(
      (address) => () => this.#viewFrom(address),
    );
  }

  #viewFrom(address: Address): Promise<View | undefined> {
    return this.#view(address, async () => {
      const lane = this.#host.laneTo(address);
      const info = new Question(['CLUSTER', 'INFO']);
      const slots = new Question(['CLUSTER', 'SLOTS']);
      await Promise.all([lane.ask(info), lane.ask(slots)]);
      return [info.reply, slots.reply];
    });
  }

  async #view(address: Address, ask: () => Promise<readonly unknown[]>): Promise<View | undefined> {
    try {
      const answer = await orLate(this.#host.limits.refreshTimeoutMs, ask());
      if (answer === LATE) return undefined;
      const [info, slots] = answer;
      if (slots instanceof ServerError && isLoggedOut(slots.message)) {
        this.#host.logInAgain(address);
      }
      const topology = Topology.fromClusterSlots(slots, address, this.#host.reach);
      const epoch = Number(/cluster_current_epoch:(\d+)/.exec(String(info))?.[1] ?? 0);
      return topology.coveredSlotCount > 0 ? { asked: address, topology, epoch } : undefined;
    } catch {
      return undefined;
    }
  }
}

function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, order: Math.random() }))
    .sort((a, b) => a.order - b.order)
    .map(({ item }) => item);
}
