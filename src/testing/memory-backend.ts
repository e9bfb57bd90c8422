/** What a store in memory stands on: the same interface as a connection to real servers. */

import { nextTurn } from '../runtime/slices.ts';
import type { Address } from '../cluster/address.ts';
import type { Batch, Gathered } from '../cluster/batch.ts';
import { Closing } from '../cluster/control/closing.ts';
import { Counters } from '../cluster/control/counters.ts';
import type { Backend } from '../cluster/delivery/backend.ts';
import type { Deadline } from '../cluster/delivery/deadline.ts';
import type { Delivery } from '../cluster/delivery/delivery.ts';
import type { KeyPage } from '../cluster/delivery/scan.ts';
import { defaultLimits, MAX_TIMER_MS } from '../cluster/limits.ts';
import type { Topology } from '../cluster/routing/topology.ts';
import { faultError } from './fault-errors.ts';
import { MemoryDispatch } from './memory-dispatch.ts';
import type { MemoryServers } from './memory-servers.ts';
import { bytesOf, nameOf, readReply } from './server/bytes.ts';
import { globPattern } from './server/glob.ts';

const KEYS_PER_PAGE = defaultLimits.bulkPaces.alone.keysPerPage;

export class MemoryBackend implements Backend {
  readonly mode = 'cluster';
  readonly topology: Topology;
  readonly closing: Closing = new Closing();
  readonly counters: Counters = new Counters();
  readonly fieldTtl: Backend['fieldTtl'];
  readonly #servers: MemoryServers;

  constructor(servers: MemoryServers) {
    const { topology, fieldTtlCommand: known } = servers;
    this.topology = topology;
    this.fieldTtl = { known, command: () => Promise.resolve(known) };
    this.#servers = servers;
  }

  /** No shard is taken for down here: it fails when it is told to, and answers again. */
  stats(): ReturnType<Backend['stats']> {
    const { shards, refreshes } = this.counters.snapshot();
    const up = Object.entries(shards).map(([address, counts]) => {
      return [address, { ...counts, state: 'up' }] as const;
    });
    return { shards: Object.fromEntries(up), refreshes };
  }

  dispatch<Answer>(batch: Batch<Answer>, delivery: Delivery): Promise<Gathered<Answer>> {
    return new MemoryDispatch(this.#servers, this.counters, batch, delivery).run();
  }

  /** A page of each shard in turn. */
  async *scan(pattern: string, newDeadline: () => Deadline): AsyncGenerator<KeyPage> {
    const matches = globPattern(nameOf(Buffer.from(pattern)));
    let scans: Scan[] = this.topology.shards().map(({ address }) => ({ address, rest: undefined }));
    while (scans.length > 0) {
      const unfinished: Scan[] = [];
      for (const { address, rest } of scans) {
        await this.#beginPage(address, newDeadline);
        const { keyspace } = this.#servers.at(address);
        const names = rest ?? keyspace.names();
        const isLast = names.length <= KEYS_PER_PAGE;
        if (!isLast) unfinished.push({ address, rest: names.slice(KEYS_PER_PAGE) });
        const page = names.slice(0, KEYS_PER_PAGE);
        const found = page.filter((name) => matches.test(name) && keyspace.has(name));
        const keys = found.map((name) => readReply(bytesOf(name)) as string | Uint8Array);
        yield { shard: address, keys, isLast };
      }
      scans = unfinished;
    }
  }

  /** @throws FeatureStoreError of a fault; TIMEOUT, ABORTED, CLOSED */
  async #beginPage(shard: Address, newDeadline: () => Deadline): Promise<void> {
    const deadline = newDeadline();
    try {
      const target = { shard, key: undefined, isWrite: false, isConfirmed: false };
      const { failing, late } = this.#servers.faults.request().of(target);
      await nextTurn();
      const delayMs = late.reduce((sum, rule) => sum + rule.delayMs, 0);
      if (delayMs > 0) await deadline.pause(Math.min(delayMs, MAX_TIMER_MS));
      if (deadline.passed) throw deadline.error();
      if (failing?.code !== undefined) throw faultError(failing.code, shard, { deadline });
    } finally {
      deadline.clear();
    }
  }

  async refresh(): Promise<void> {
    this.counters.countRefresh();
  }

  async close(): Promise<void> {
    this.closing.close();
  }

  specimens(): readonly object[] {
    return [];
  }
}

/** Where the scan of a shard is. */
interface Scan {
  readonly address: Address;
  /** The keys that are still to be looked at; undefined before the first page. */
  readonly rest: readonly string[] | undefined;
}
