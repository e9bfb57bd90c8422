/** The service and the stream, from start to stop; main.ts gives them a store and a signal. */

import type { FeatureStore } from 'cluster-feature-store';
import type { FastifyBaseLogger } from 'fastify';
import { Metrics } from './metrics.ts';
import { buildService } from './service.ts';
import { followEvents, type EventSource } from './stream.ts';

export interface RunOptions {
  readonly store: FeatureStore;
  readonly source: EventSource;
  readonly logger: FastifyBaseLogger;
  /** 0: any that is free. */
  readonly port: number;
  readonly deadlineMs?: number;
}

export interface Running {
  readonly url: string;
  /** Answers what is under way, writes what was taken, then closes the store. */
  stop(): Promise<void>;
}

/** Longer than requests and writes take that are under way. */
const DRAIN_MS = 5_000;

export async function run(options: RunOptions): Promise<Running> {
  const { store, source, logger, port } = options;
  const metrics = new Metrics();
  const service = buildService({ ...options, metrics });
  // Scores go on without the stream: its features expire, and defaults take their place.
  const streaming = followEvents({ store, source, metrics, logger }).then(
    ({ loaded }) => logger.info({ loaded }, 'the stream has ended'),
    (error: unknown) => logger.error({ err: error }, 'the stream has failed'),
  );
  const url = await service.listen({ host: '127.0.0.1', port });
  return {
    url,
    stop: async () => {
      source.stop();
      await Promise.all([service.close(), streaming]);
      await store.close({ drainMs: DRAIN_MS });
    },
  };
}
