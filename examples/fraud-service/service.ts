/**
 * The HTTP side: POST /score, GET /metrics, GET /healthz. Every id gets a score within the deadline,
 * whatever happens to a shard: one that failed or is absent is scored by defaults, and the answer
 * says so.
 */

import { FeatureStoreError } from 'cluster-feature-store';
import type { FeatureReader, StoreStats } from 'cluster-feature-store';
import { fastify, LogController, type FastifyBaseLogger, type FastifyInstance } from 'fastify';
import { failureLog } from './failure-log.ts';
import type { Metrics } from './metrics.ts';
import { FEATURES, fraudScore, type FeatureName, type UserFeatures } from './scoring.ts';

/** What the service needs of a store. A FeatureStore has it, and so may a plain object. */
export interface ScoreStore extends Pick<FeatureReader<FeatureName>, 'tryBatchGetFeatures'> {
  stats(): Pick<StoreStats, 'shards'>;
}

export interface ServiceOptions {
  readonly store: ScoreStore;
  readonly metrics: Metrics;
  readonly logger: FastifyBaseLogger;
  /** How long the features are waited for, in milliseconds. @default 50 */
  readonly deadlineMs?: number;
}

interface Score {
  readonly id: string;
  readonly score: number;
  readonly source: 'features' | 'default';
}

const BODY = {
  type: 'object',
  required: ['ids'],
  additionalProperties: false,
  properties: {
    // Which strings are ids is the store's to say, one by one: a bad one spoils no other.
    ids: { type: 'array', minItems: 1, maxItems: 1_000, items: { type: 'string' } },
  },
} as const;
/** Fastify makes a serializer of it. */
const SCORES = {
  type: 'object',
  properties: {
    scores: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          id: { type: 'string' },
          score: { type: 'number' },
          source: { type: 'string' },
        },
      },
    },
  },
} as const;

/** Ready to `listen` or `inject`. Closing it leaves the store to its owner. */
export function buildService(options: ServiceOptions): FastifyInstance {
  const { store, metrics, logger, deadlineMs = 50 } = options;
  const noteFailures = failureLog(logger);
  metrics.watchShards(() => store.stats().shards);

  const scoresOf = async (ids: readonly string[]): Promise<Score[]> => {
    const terms = { timeoutMs: deadlineMs, onInvalid: 'report' } as const;
    const result = await store.tryBatchGetFeatures(ids, FEATURES, terms);
    if (result.failed.length > 0) {
      noteFailures(result);
      for (const { error } of result.failed) metrics.countDefault(error.code);
    }
    return ids.map((id, index): Score => {
      const user = result.rows[index];
      if (user !== undefined && hasFeatures(user)) {
        return { id, score: fraudScore(user), source: 'features' };
      }
      if (user !== undefined) metrics.countDefault('absent');
      return { id, score: fraudScore({}), source: 'default' };
    });
  };

  const service = fastify({
    loggerInstance: logger,
    // The metrics count requests; a line for each would cost more than the scores.
    logController: new LogController({ disableRequestLogging: true }),
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false } },
  });
  closeConnectionsAtStop(service);
  service.post<{ Body: { readonly ids: readonly string[] } }>('/score', {
    schema: { body: BODY, response: { 200: SCORES } },
    onResponse: async (_request, reply) =>
      metrics.countRequest(reply.statusCode, reply.elapsedTime),
    handler: async ({ body }) => ({ scores: await scoresOf(body.ids) }),
  });
  service.get('/metrics', async (_request, reply) =>
    reply.type(metrics.contentType).send(await metrics.text()),
  );
  // It is about this process. A shard that is down is no reason to restart it: see the metrics.
  service.get('/healthz', async () => ({ status: 'ok' }));
  service.setErrorHandler((error: Error & { readonly statusCode?: number }, request, reply) => {
    const status = error instanceof FeatureStoreError ? 503 : (error.statusCode ?? 500);
    if (status >= 500) request.log.error({ err: error }, 'a request failed');
    return reply.status(status).send({ error: status < 500 ? error.message : 'try again later' });
  });
  return service;
}

/** Otherwise a client that keeps its connection for later would hold up the stop until then. */
function closeConnectionsAtStop(service: FastifyInstance): void {
  let isStopping = false;
  service.addHook('preClose', async () => void (isStopping = true));
  service.addHook('onSend', (_request, reply, _payload, done) => {
    if (isStopping) reply.header('connection', 'close');
    done();
  });
}

function hasFeatures(user: UserFeatures): boolean {
  for (const _ in user) return true;
  return false;
}
