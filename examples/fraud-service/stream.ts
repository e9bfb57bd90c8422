/**
 * The stream: events as they come → streaming features, and the offset of the last one that is
 * settled → back to the source. What was not committed comes again after a restart, and does no
 * harm: an event that is not newer than what is there is passed over.
 *
 * An event that fails, as its shard is down, is counted, logged and passed over: it must not hold up
 * those of other shards, and the user's next one takes its place. Where each one counts, give
 * `maxFailedRows: 0`, which commits nothing from the first that fails on, and begin again from there.
 */

import type { FeatureEntry, Features, FeatureWriter, LoadResult } from 'cluster-feature-store';
import type { FastifyBaseLogger } from 'fastify';
import type { Metrics } from './metrics.ts';

export interface PaymentEvent {
  readonly offset: number;
  readonly id: string;
  /** When it happened, in Unix milliseconds. */
  readonly atMs: number;
  readonly features: Features;
}

/** A consumer of Kafka, of a Redis Stream, or the like. */
export interface EventSource extends AsyncIterable<PaymentEvent> {
  /** Not to be sent again: this event, and all before it. */
  commit(offset: number): Promise<void>;
  /** Ends the events. Those that were taken are still written and committed. */
  stop(): void;
}

export interface StreamOptions {
  readonly store: Pick<FeatureWriter, 'updateStreamingBatch'>;
  readonly source: EventSource;
  readonly metrics: Metrics;
  readonly logger: FastifyBaseLogger;
}

/** Ends when the source does, and all of it is written and committed. */
export async function followEvents(options: StreamOptions): Promise<LoadResult> {
  const { store, source, metrics, logger } = options;
  let written = 0;
  let commits = Promise.resolve();
  const commit = (offset: number): void => {
    commits = commits
      .then(() => source.commit(offset))
      .catch((error: unknown) => logger.error({ err: error }, 'an offset was not committed'));
  };
  const result = await store.updateStreamingBatch(rowsOf(source), {
    maxDelayMs: 20, // how old a feature may be, besides what the write takes
    ifExists: true, // what the nightly load does not know is no user
    onInvalid: 'report', // a bad event must not stop the good ones after it
    onProgress: ({ loaded }) => {
      metrics.countEvents('written', loaded - written);
      written = loaded;
    },
    onSkipped: ({ reason }) => metrics.countEvents(reason),
    onCommitted: ({ offset, failed }) => {
      if (failed[0] !== undefined) {
        metrics.countEvents('failed', failed.length);
        const { code, message } = failed[0].error;
        logger.error({ count: failed.length, code, message }, 'events were not written');
      }
      commit(offset as number); // as rowsOf gave it
    },
  });
  await commits;
  return result;
}

async function* rowsOf(source: EventSource): AsyncGenerator<FeatureEntry> {
  for await (const { id, features, atMs, offset } of source) {
    yield [id, features, { eventTimeMs: atMs, offset }];
  }
}
