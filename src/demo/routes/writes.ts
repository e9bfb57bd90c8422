import type { FastifyInstance } from 'fastify';
import type { DemoContext } from '../demo-context.ts';
import { HttpError } from '../http-error.ts';
import { integerOf, schemaOf, type Parameters } from '../parameters.ts';
import { synthesizeUsers } from '../../synthetic/synthetic-users.ts';

const LOAD_COUNT = { min: 1, max: 2_000 };
const LOAD_COUNT_DEFAULT = 200;
const TTL_SECONDS = { min: 5, max: 172_800 };
const IDLE_TIMEOUT_MS = 5_000;

/** POST /bulk-load, /worker/toggle and /reset. */
export function addWriteRoutes(server: FastifyInstance, context: DemoContext): void {
  const { worker, inTurn } = context;
  server.post<{ Body: Parameters }>(
    '/bulk-load',
    { schema: { body: schemaOf('count', 'ttl') } },
    ({ body }) => inTurn(() => bulkLoad(context, body)),
  );
  server.post('/worker/toggle', () =>
    inTurn(async () => {
      if (worker.state === 'stopped') worker.start();
      else if (worker.state === 'running') worker.pause();
      else worker.resume();
      return { paused: worker.state === 'paused', running: true };
    }),
  );
  server.post('/reset', () => inTurn(() => reset(context)));
}

interface BulkLoadReply {
  readonly loaded: number;
  readonly failed_count: number;
  readonly ttl_seconds: number;
  readonly elapsed_ms: number;
}

async function bulkLoad(
  { store, census }: DemoContext,
  { count, ttl }: Parameters,
): Promise<BulkLoadReply> {
  const ttlSeconds = integerOf(ttl, TTL_SECONDS, store.batchTtlSeconds);
  const users = synthesizeUsers({ count: integerOf(count, LOAD_COUNT, LOAD_COUNT_DEFAULT) });
  try {
    const { loaded, failed, elapsedMs } = await store.bulkLoad(users, { ttlSeconds });
    return {
      loaded,
      failed_count: failed.length,
      ttl_seconds: ttlSeconds,
      elapsed_ms: elapsedMs,
    };
  } finally {
    census.invalidate();
  }
}

/** Deletes while no tick is under way: one could write a user back who has just been deleted. */
async function reset({ store, worker, census }: DemoContext): Promise<{ deleted: number }> {
  const wasRunning = worker.state === 'running';
  worker.pause();
  try {
    if (!(await worker.waitForIdle(IDLE_TIMEOUT_MS))) {
      throw new HttpError(503, 'streaming worker did not become idle');
    }
    const deleted = await store.reset();
    store.resetStats();
    worker.resetCounts();
    return { deleted };
  } finally {
    census.invalidate();
    if (wasRunning) worker.resume();
  }
}
