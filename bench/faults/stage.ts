/**
 * Where one client meets one fault: a cluster of its own, every row loaded and on the replicas, and
 * the client open and right. What it answers from then on is judged, call by call.
 */

import { setTimeout as pause } from 'node:timers/promises';
import { FeatureStore } from 'cluster-feature-store';
import { Cluster } from 'ioredis';
import { startLocalCluster, type LocalCluster } from '../../rig/local-cluster/local-cluster.ts';
import { waitUntil } from '../../rig/local-cluster/wait-until.ts';
import { replicated } from '../../rig/soak/failover.ts';
import { seededRandom, type Random } from '../../src/synthetic/seeded-random.ts';
import type { OpenReader, Reader } from './reader.ts';
import { KEY_PREFIX, type Rows } from './rows.ts';
import { CallTally } from './tally.ts';

const PORT = 15_200;
/** After its deadline a call is waited for this long, and then given up. */
const PATIENCE_MS = 8_000;
const OPEN_TIMEOUT_MS = 20_000;
const TRUTH_TIMEOUT_MS = 30_000;
const CLOSE_TIMEOUT_MS = 5_000;
const REST_MS = 50;

export interface StageOptions {
  readonly reader: Reader;
  readonly rows: Rows;
  readonly seed: number;
  /** Of each call. */
  readonly timeoutMs: number;
  /** How long a node is silent before the others replace it. */
  readonly nodeTimeoutMs: number;
}

export class Stage implements AsyncDisposable {
  readonly cluster: LocalCluster;
  readonly rows: Rows;
  readonly random: Random;
  readonly timeoutMs: number;
  readonly #reader: OpenReader;

  static async open(options: StageOptions): Promise<Stage> {
    const { nodeTimeoutMs } = options;
    const cluster = await startLocalCluster({ portFrom: PORT, nodeTimeoutMs });
    try {
      await load(cluster, options.rows);
      await replicated(cluster);
      const nodes = cluster.nodes.map(({ host, port }) => ({ host, port }));
      const { timeoutMs } = options;
      const reader = await options.reader.open({ nodes, keyPrefix: KEY_PREFIX, timeoutMs });
      const stage = new Stage(cluster, options, reader);
      await stage.#isRight(OPEN_TIMEOUT_MS);
      return stage;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  private constructor(cluster: LocalCluster, options: StageOptions, reader: OpenReader) {
    this.cluster = cluster;
    this.rows = options.rows;
    this.timeoutMs = options.timeoutMs;
    this.random = seededRandom(options.seed);
    this.#reader = reader;
  }

  /** One call for all ids. Gives whether every row was right. */
  async read(tally: CallTally): Promise<boolean> {
    const { ids, names, values } = this.rows;
    const startedAtMs = performance.now();
    const call = this.#reader.read(ids, names).then((answers) => ({ answers }));
    const over = new AbortController();
    const limit = pause(this.timeoutMs + PATIENCE_MS, undefined, { signal: over.signal });
    const ended = await Promise.race([call, limit.catch(() => undefined)]);
    over.abort();
    const elapsedMs = performance.now() - startedAtMs;
    if (ended) return tally.add(ended.answers, values, elapsedMs);
    tally.addEndless(ids.length, elapsedMs);
    return false;
  }

  /**
   * Calls until one is right in every row: how long it took, or null when none was within the time.
   */
  async untilRight(withinMs: number): Promise<number | null> {
    const startedAtMs = performance.now();
    const tally = new CallTally();
    do {
      if (await this.read(tally)) return performance.now() - startedAtMs;
      await pause(REST_MS);
    } while (performance.now() - startedAtMs < withinMs);
    return null;
  }

  /**
   * The servers lost nothing: a client that is new, and asks by single commands, gets every row.
   */
  async confirmTruth(): Promise<void> {
    const { ids, names, values } = this.rows;
    const nodes = this.cluster.running.map(({ host, port }) => ({ host, port }));
    await waitUntil(
      async () => {
        const client = new Cluster(nodes, { clusterRetryStrategy: () => null });
        client.on('error', () => undefined);
        try {
          const rows = await Promise.all(ids.map((id) => client.hmget(KEY_PREFIX + id, ...names)));
          return rows.every((row, at) => row.join() === values[at]?.join());
        } finally {
          client.disconnect();
        }
      },
      { what: 'the servers hold every row', timeoutMs: TRUTH_TIMEOUT_MS },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Some clients wait for replies that will never come.
    await Promise.race([this.#reader.close(), pause(CLOSE_TIMEOUT_MS, undefined, { ref: false })]);
    await this.cluster.stop();
  }

  async #isRight(withinMs: number): Promise<void> {
    if ((await this.untilRight(withinMs)) === null) {
      throw new Error('the client reads wrong before there is any fault');
    }
  }
}

async function load(cluster: LocalCluster, { ids, names, values }: Rows): Promise<void> {
  await using store = await FeatureStore.connect({ nodes: cluster.urls, keyPrefix: KEY_PREFIX });
  const features = (row: number): [string, string][] =>
    names.map((name, at) => [name, values[row]?.[at] ?? '']);
  const rows = ids.map((id, row) => [id, Object.fromEntries(features(row))] as const);
  const { failed } = await store.bulkLoad(rows, { ttlSeconds: 86_400 });
  if (failed[0]) throw failed[0].error;
}
