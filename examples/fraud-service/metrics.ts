/** What Prometheus scrapes: requests, how long they took, default scores by reason, and shards. */

import type { ShardStats } from 'cluster-feature-store';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

type Shards = Readonly<Record<string, Readonly<ShardStats>>>;

/** Around the deadline of 50 ms it is looked at closely. */
const BUCKETS_SECONDS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.04, 0.05, 0.06, 0.1, 0.25, 1];

/** Of the counters of a shard those that people watch. */
const SHARD_COUNTERS = {
  pipelines: 'Pipelines that were sent.',
  commands: 'Commands in them.',
  redirects: 'Rows that the shard sent elsewhere.',
  retries: 'Rows that had to wait to be sent again.',
  timeouts: 'Rows whose deadline passed.',
  failedRows: 'Rows that failed for good.',
  lostConnections: 'Pipelines whose connection closed.',
} as const;

export class Metrics {
  /** Of its own, so that tests may have several at once. */
  readonly #registry = new Registry();
  readonly #registers = [this.#registry];
  readonly #requests = new Counter({
    name: 'fraud_requests_total',
    help: 'Requests for scores, by status.',
    labelNames: ['status'],
    registers: this.#registers,
  });
  readonly #seconds = new Histogram({
    name: 'fraud_request_seconds',
    help: 'How long a request for scores took.',
    buckets: BUCKETS_SECONDS,
    registers: this.#registers,
  });
  readonly #defaults = new Counter({
    name: 'fraud_default_scores_total',
    help: 'Ids that were scored by defaults: absent, or by the code of the error.',
    labelNames: ['reason'],
    registers: this.#registers,
  });
  readonly #events = new Counter({
    name: 'fraud_events_total',
    help: 'Events of the stream: written, older, absent, or failed.',
    labelNames: ['outcome'],
    registers: this.#registers,
  });

  countRequest(status: number, elapsedMs: number): void {
    this.#requests.inc({ status });
    this.#seconds.observe(elapsedMs / 1_000);
  }

  countDefault(reason: string): void {
    this.#defaults.inc({ reason });
  }

  countEvents(outcome: 'written' | 'older' | 'absent' | 'failed', count = 1): void {
    this.#events.inc({ outcome }, count);
  }

  /** From now on each scrape has what the store has counted by shard. */
  watchShards(shards: () => Shards): void {
    for (const [name, help] of Object.entries(SHARD_COUNTERS)) {
      const counter = new Counter({
        name: `feature_store_${name.replace(/[A-Z]/g, '_$&').toLowerCase()}_total`,
        help,
        labelNames: ['shard'],
        registers: this.#registers,
        collect: () => {
          counter.reset();
          for (const [shard, counts] of Object.entries(shards())) {
            counter.inc({ shard }, counts[name as keyof typeof SHARD_COUNTERS]);
          }
        },
      });
    }
    const up = new Gauge({
      name: 'feature_store_shard_up',
      help: '0 while the primary of the shard does not answer.',
      labelNames: ['shard'],
      registers: this.#registers,
      collect: () => {
        up.reset();
        for (const [shard, { state }] of Object.entries(shards())) {
          up.set({ shard }, state === 'up' ? 1 : 0);
        }
      },
    });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  async text(): Promise<string> {
    return this.#registry.metrics();
  }
}
