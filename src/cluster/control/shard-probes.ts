/**
 * Asks nodes that are down whether they can answer rows again, each on a connection of its own, one
 * question at a time.
 *
 *   refused ─▶ again after PROBE_EVERY_MS
 *   silent  ─▶ the question waits there for as long as a lane would, and is answered first
 *   LOADING ─▶ again after PROBE_EVERY_MS, on the same connection
 */

import { clearTimeout, performance, setTimeout } from '../../runtime/clock.ts';
import { FeatureStoreError } from '../../errors.ts';
import { Socket } from 'node:net';
import type { Address } from '../address.ts';
import { explained, FirstWords } from '../lanes/first-words.ts';
import type { Redis } from '../lanes/ioredis.ts';
import {
  PROBE_CONNECT_MS,
  PROBE_EVERY_MS,
  PROBES_AT_ONCE,
  REFRESH_WHILE_DOWN_MS,
  REJOIN_MS,
} from '../limits.ts';

export interface ProbesHost {
  readonly isCluster: boolean;
  /** How long a connection may be silent that owes a reply. */
  readonly silenceMs: number;
  /** A connection that is not open yet, and does not open again by itself. */
  openTo(address: Address): Redis;
  /** Called when it can answer rows. */
  onBack(address: Address): void;
  /** Called when it cannot, with why. */
  onStillDown(address: Address, error: FeatureStoreError): void;
  /** Has the slot table looked up. */
  refresh(): void;
}

export class ShardProbes {
  readonly #host: ProbesHost;
  /** In the order in which they are asked. */
  readonly #probes = new Map<Address, Probe>();
  #next: NodeJS.Timeout | undefined;
  #refreshedAtMs = 0;

  constructor(host: ProbesHost) {
    this.#host = host;
  }

  begin(address: Address): void {
    if (this.#probes.has(address)) return;
    this.#probes.set(address, new Probe(address, this.#host));
    this.#next ??= setTimeout(this.#turn, 0).unref();
  }

  end(address: Address): void {
    this.#probes.get(address)?.close();
    this.#probes.delete(address);
  }

  close(): void {
    clearTimeout(this.#next);
    for (const address of this.#probes.keys()) this.end(address);
  }

  readonly #turn = (): void => {
    this.#next = undefined;
    if (this.#probes.size === 0) return;
    this.#next = setTimeout(this.#turn, PROBE_EVERY_MS).unref();
    const now = performance.now();
    for (const [address, probe] of [...this.#probes].slice(0, PROBES_AT_ONCE)) {
      this.#probes.delete(address);
      this.#probes.set(address, probe); // the last now
      probe.goOn(now);
    }
    if (now - this.#refreshedAtMs < REFRESH_WHILE_DOWN_MS) return;
    this.#refreshedAtMs = now;
    this.#host.refresh();
  };
}

/** One node that is down. */
class Probe {
  readonly #address: Address;
  readonly #host: ProbesHost;
  readonly #redis: Redis;
  readonly #words: FirstWords;
  #trouble = '';
  /** Of the question that is under way. */
  #askedAtMs: number | undefined;
  /** Since when it says that its cluster is down. */
  #rejoinsSinceMs: number | undefined;
  #isClosed = false;

  constructor(address: Address, host: ProbesHost) {
    this.#address = address;
    this.#host = host;
    this.#redis = host.openTo(address);
    this.#words = new FirstWords(this.#redis);
    this.#redis.on('error', (error: Error) => {
      this.#trouble ||= error.message;
    });
    // It holds up no process that has nothing else to do.
    this.#redis.on('connect', () => {
      const { stream } = this.#redis;
      if (stream instanceof Socket) stream.unref();
    });
  }

  /** Asks, where no question is under way; gives up one that takes too long. */
  goOn(nowMs: number): void {
    if (this.#askedAtMs === undefined) return void this.#ask(nowMs);
    const isReached = this.#redis.status !== 'connecting';
    const patienceMs = isReached ? this.#host.silenceMs : PROBE_CONNECT_MS;
    if (nowMs - this.#askedAtMs < patienceMs) return;
    this.#trouble ||= `no reply within ${patienceMs} ms`;
    this.#drop();
  }

  close(): void {
    this.#isClosed = true;
    this.#redis.disconnect();
    this.#drop();
  }

  #drop(): void {
    // An attempt that has only begun has no stream yet.
    const stream: Redis['stream'] | undefined = this.#redis.stream;
    stream?.destroy();
  }

  async #ask(nowMs: number): Promise<void> {
    this.#askedAtMs = nowMs;
    const why = await this.#whyDown();
    this.#askedAtMs = undefined;
    if (this.#isClosed) return;
    if (why === undefined) return this.#host.onBack(this.#address);
    const words = `${this.#address} cannot be used: ${explained(why)}.`;
    this.#host.onStillDown(this.#address, new FeatureStoreError('SHARD_UNAVAILABLE', words));
  }

  /** Nothing where it can answer rows. A refusal in words is an answer, and for the rows to meet. */
  async #whyDown(): Promise<string | undefined> {
    const redis = this.#redis;
    try {
      this.#trouble = '';
      if (redis.status !== 'ready') await redis.connect();
      const info = await said(redis, ['INFO', 'persistence']);
      if (/^LOADING|^loading:1/m.test(info)) return 'LOADING: it reads its data from disk';
      const cluster = this.#host.isCluster ? await said(redis, ['CLUSTER', 'INFO']) : '';
      return this.#hasRejoined(cluster) ? undefined : 'CLUSTERDOWN: it has not joined its cluster';
    } catch (error) {
      if (this.#words.refusal !== '') return undefined;
      return this.#trouble || (error instanceof Error ? error.message : String(error));
    }
  }

  /** Whether its cluster is well, or has not been for so long that the rows must be told. */
  #hasRejoined(info: string): boolean {
    if (!info.includes('cluster_state:fail')) return true;
    const now = performance.now();
    this.#rejoinsSinceMs ??= now;
    return now - this.#rejoinsSinceMs >= REJOIN_MS;
  }
}

/** The reply, or the error that the server replies. */
async function said(redis: Redis, [name, word]: readonly [string, string]): Promise<string> {
  try {
    return String(await redis.call(name, word));
  } catch (error) {
    if (redis.status === 'ready' && error instanceof Error) return error.message;
    throw error;
  }
}
