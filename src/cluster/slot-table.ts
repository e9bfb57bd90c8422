/**
 * Who owns which slot, as the nodes report it now: when the table is refreshed, which nodes are asked,
 * and which answer is believed.
 *
 * Several nodes are asked, and the one with the highest cluster epoch is believed: a node that was cut
 * off still reports the past. One refresh serves every caller that waits for it.
 */

import { setTimeout as delay } from 'node:timers/promises';
import type { Address } from './address.ts';
import type { Closing } from './closing.ts';
import type { Counters } from './counters.ts';
import { tellRefresh } from './diagnostics.ts';
import { firstAnswers } from './first-answers.ts';
import { isCluster } from './ioredis.ts';
import type { Lane } from './lane.ts';
import type { ClusterLimits } from './options.ts';
import { Question } from './question.ts';
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
      isCluster(underlay.redis) || underlay.mode === 'cluster'
        ? new Topology()
        : Topology.standalone(addressOf(underlay.redis));
  }

  get topology(): Topology {
    return this.#topology;
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

  /** `refresh` where there is a sign that the table is old; it is refreshed again soon, as more may change unheard. */
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
    const views = this.#views();
    while (views.length > 0 && !this.#host.closing.isClosed) {
      const asked = views.splice(0, NODES_PER_REFRESH).map((view) => view());
      const answers = await firstAnswers(asked, this.#host.limits.refreshGraceMs);
      const freshest = answers.sort(byEpochThenCoverage)[0];
      if (freshest === undefined) continue;
      this.#topology = freshest.topology;
      this.#host.counters.countRefresh();
      tellRefresh({
        shardCount: this.#topology.shards().length,
        coveredSlotCount: this.#topology.coveredSlotCount,
        elapsedMs: performance.now() - startedAtMs,
      });
      this.#host.onReplaced(this.#topology);
      break;
    }
    this.#refreshedAtMs = performance.now();
    this.#tellIoredis();
  }

  /** Has ioredis look again where its own connections lead to nodes that are no more, or miss some. */
  #tellIoredis(): void {
    const { redis } = this.#underlay;
    if (!isCluster(redis)) return;
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
    if (this.#host.closing.isClosed) return;
    clearTimeout(this.#nextRefresh);
    const jitter = 0.75 + Math.random() / 2;
    this.#nextRefresh = setTimeout(() => {
      this.#nextRefreshMs = Math.min(2 * this.#nextRefreshMs, this.#host.limits.refreshIntervalMs);
      void this.refresh();
    }, this.#nextRefreshMs * jitter).unref();
  }

  /** Ways to ask for the slot table: ioredis's own connections first, then ours to nodes we know. */
  #views(): (() => Promise<View | undefined>)[] {
    const { redis } = this.#underlay;
    const nodes = (isCluster(redis) ? redis.nodes('all') : [redis]).map(
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
          const lane = this.#host.laneTo(address);
          const info = new Question(['CLUSTER', 'INFO']);
          const slots = new Question(['CLUSTER', 'SLOTS']);
          await Promise.all([lane.send(info), lane.send(slots)]);
          return [info.reply, slots.reply];
        }),
    );
    return [...shuffled(nodes), ...shuffled(lanes)];
  }

  async #view(address: Address, ask: () => Promise<readonly unknown[]>): Promise<View | undefined> {
    try {
      const answer = await orLate(this.#host.limits.refreshTimeoutMs, ask());
      if (answer === LATE) return undefined;
      const [info, slots] = answer;
      const topology = Topology.fromClusterSlots(slots, address, this.#host.reach);
      const epoch = Number(/cluster_current_epoch:(\d+)/.exec(String(info))?.[1] ?? 0);
      return topology.coveredSlotCount > 0 ? { topology, epoch } : undefined;
    } catch {
      return undefined;
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

function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, order: Math.random() }))
    .sort((a, b) => a.order - b.order)
    .map(({ item }) => item);
}
