/**
 * Who owns which slot, as the nodes report it now: when the table is refreshed, which nodes are
 * asked, and which answer is believed.
 *
 * Several nodes are asked, those that the table names first; believed-view.ts decides between their
 * answers. Where none can be believed, the table stays. One refresh serves every caller that waits
 * for it.
 */

import { clearTimeout, delay, performance, setTimeout } from '../../runtime/clock.ts';
import type { Address } from '../address.ts';
import { believedView, isStranger, viewMadeAnew, type View } from './believed-view.ts';
import type { Closing } from './closing.ts';
import type { Counters } from './counters.ts';
import { reportRefresh } from './diagnostics.ts';
import { firstAnswers } from './first-answers.ts';
import { isCluster } from '../lanes/ioredis.ts';
import type { Lane } from '../lanes/lane.ts';
import { type ClusterLimits, NODES_ADVISED, NODES_PER_REFRESH } from '../limits.ts';
import { SingleCommand } from '../lanes/single-command.ts';
import { isLoggedOut } from '../routing/redirect.ts';
import { ServerError, type Reply } from '../resp/reply-reader.ts';
import { LATE, orLate } from '../../runtime/timer.ts';
import { Topology, type AddressMapper } from '../routing/topology.ts';
import { nextTurn } from '../../runtime/slices.ts';
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
  /** Whether it is known that the node does not answer. */
  isDown(address: Address): boolean;
  /** Called after each refresh that replaced the table. */
  onReplaced(topology: Topology): void;
}

type ClusterWord = 'SLOTS' | 'INFO' | 'MYID';

export class SlotTable {
  /** Replaced here alone; for a cluster it is empty until the first refresh. */
  topology: Topology;
  readonly #underlay: Underlay;
  readonly #host: SlotTableHost;
  #refreshing: Promise<void> | undefined;
  /** Questions under way about who answers at an address. */
  readonly #identified = new Map<Address, Promise<boolean>>();
  #nextRefresh: NodeJS.Timeout | undefined;
  /** From one refresh to the next that comes without a sign. */
  #nextRefreshMs: number;
  #refreshedAtMs = Number.NEGATIVE_INFINITY;

  constructor(underlay: Underlay, host: SlotTableHost) {
    this.#underlay = underlay;
    this.#host = host;
    this.#nextRefreshMs = host.limits.refreshIntervalMs;
    this.topology =
      underlay.mode === 'cluster' ? new Topology() : Topology.standalone(underlay.seeds[0] ?? '');
  }

  /** What answers are judged by: at first the seed's table, as a stranger may come late. */
  get #known(): Topology {
    const isFirst = this.topology.coveredSlotCount === 0;
    return isFirst ? (this.#underlay.reported ?? this.topology) : this.topology;
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
    const believed = await this.#ask(this.#addressesToAsk());
    if (believed !== undefined && !this.#host.closing.isClosed) {
      this.topology = believed.topology;
      this.#host.counters.countRefresh();
      await nextTurn(); // what follows is done for every node of the table
      reportRefresh({
        shardCount: this.topology.shards().length,
        coveredSlotCount: this.topology.coveredSlotCount,
        elapsedMs: performance.now() - startedAtMs,
      });
      this.#host.onReplaced(this.topology);
    }
    this.#refreshedAtMs = performance.now();
    this.#refreshIoredis();
  }

  /** Asks a few nodes at a time, until one is believed. */
  async #ask(addresses: readonly Address[]): Promise<View | undefined> {
    const views: View[] = [];
    let from = 0;
    while (from < addresses.length) {
      if (this.#host.closing.isClosed) return undefined;
      const some = this.#nextToAsk(addresses, from);
      from += some.length;
      const asked = some.map((address) => this.#view(address, ['SLOTS', 'INFO']));
      const answers = await firstAnswers(asked, this.#host.limits.refreshGraceMs);
      views.push(...answers);
      // By a known table each view is judged by itself, and those before were strangers'.
      const isKnown = this.#known.coveredSlotCount > 0;
      const believed = believedView(this.#known, isKnown ? answers : views);
      if (believed !== undefined) return believed;
    }
    return viewMadeAnew(this.#known, views);
  }

  /** A few, and none that is down with those that are not: it would be waited for. */
  #nextToAsk(addresses: readonly Address[], from: number): Address[] {
    const some = addresses.slice(from, from + NODES_PER_REFRESH);
    const upCount = some.findIndex((address) => this.#host.isDown(address));
    return upCount > 0 ? some.slice(0, upCount) : some;
  }

  /**
   * Has ioredis look again where its own connections lead to nodes that are no more, or miss some.
   * Those to nodes that the table does not name end first: it could ask one of them, and follow it
   * into another cluster.
   */
  #refreshIoredis(): void {
    const { own } = this.#underlay;
    if (own === undefined || !isCluster(own)) return;
    const held = new Set(own.nodes('all').map(addressOf));
    const wanted = this.topology.addresses();
    const differs = held.size !== wanted.size || [...wanted].some((address) => !held.has(address));
    if (differs) own.refreshSlotsCache(() => undefined);
  }

  /**
   * Slots move and replicas come without an error that would show it, and an idle store hears of
   * none: looks again now and then, and sooner after a sign, or all nodes could have other
   * addresses by the time that it is used.
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
    if (this.#underlay.mode === 'standalone' || this.topology.coveredSlotCount === 0) return false;
    if (await this.#isNamed(address)) return false;
    const view = await this.#view(address, ['SLOTS']);
    return view !== undefined && isStranger(this.topology, view.topology);
  }

  /**
   * Of a table that is larger than any cluster is advised to be: whether it names the node there,
   * by its id. To have each of so many nodes report the whole table would take their number
   * squared.
   */
  async #isNamed(address: Address): Promise<boolean> {
    const { nodeIds } = this.topology;
    if (nodeIds.size <= NODES_ADVISED) return false;
    const [id] = await this.#repliesOf(address, ['MYID']).catch(() => []);
    return typeof id === 'string' && nodeIds.has(id);
  }

  /**
   * Nodes to ask for the slot table: those that it names first; after them what the caller, or the
   * caller's Cluster, knows besides, as an address may belong to somebody else by now. Nodes that
   * are down come last.
   */
  #addressesToAsk(): Address[] {
    const { own, seeds } = this.#underlay;
    const known = this.topology.addresses();
    const held = own !== undefined && isCluster(own) ? own.nodes('all').map(addressOf) : [];
    const others = new Set([...held, ...seeds].filter((address) => !known.has(address)));
    const all = [...shuffled(known), ...shuffled(others)];
    const down = all.filter((address) => this.#host.isDown(address));
    return down.length === 0 ? all : [...all.filter((one) => !down.includes(one)), ...down];
  }

  /** The table as a node reports it; nothing where it does not answer in time. */
  async #view(address: Address, words: readonly ClusterWord[]): Promise<View | undefined> {
    try {
      const [slots, info] = await this.#repliesOf(address, words);
      if (slots instanceof ServerError && isLoggedOut(slots.message)) {
        this.#host.logInAgain(address);
      }
      const topology = await Topology.fromClusterSlots(slots, address, this.#host.reach);
      const epoch = Number(/cluster_current_epoch:(\d+)/.exec(String(info))?.[1] ?? 0);
      return topology.coveredSlotCount > 0 ? { asked: address, topology, epoch } : undefined;
    } catch {
      return undefined;
    }
  }

  /** What a node replies to CLUSTER and each word; nothing where that takes too long. */
  async #repliesOf(address: Address, words: readonly ClusterWord[]): Promise<readonly Reply[]> {
    const lane = this.#host.laneTo(address);
    const questions = words.map((word) => new SingleCommand(['CLUSTER', word]));
    const asked = Promise.all(questions.map((question) => lane.ask(question)));
    const end = await orLate(this.#host.limits.refreshTimeoutMs, asked);
    return end === LATE ? [] : questions.map(({ reply }) => reply);
  }
}

function shuffled<T>(items: Iterable<T>): T[] {
  const shuffledItems = [...items];
  for (let at = shuffledItems.length - 1; at > 0; at--) {
    const other = Math.floor(Math.random() * (at + 1));
    const item = shuffledItems[at] as T; // both are below the length
    shuffledItems[at] = shuffledItems[other] as T;
    shuffledItems[other] = item;
  }
  return shuffledItems;
}
