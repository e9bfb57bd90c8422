import type { FastifyInstance } from 'fastify';
import { shownValue } from '../../cli/shown-value.ts';
import type { PipelineReport } from '../../index.ts';
import type { DemoContext } from '../demo-context.ts';
import { MAX_LISTED_IDS } from '../entity-census.ts';
import { HttpError } from '../http-error.ts';
import { integerOf, namesOf, schemaOf, type Parameters } from '../parameters.ts';
import { splitByShard } from '../shard-split.ts';
import {
  DEFAULT_BATCH_FEATURES,
  DEFAULT_STREAMING_FEATURES,
} from '../../synthetic/synthetic-users.ts';

const BATCH_COUNT = { min: 1, max: MAX_LISTED_IDS };
const BATCH_COUNT_DEFAULT = 100;
const BATCH_FEATURES_DEFAULT = [...DEFAULT_STREAMING_FEATURES, 'risk_segment'];
const SAMPLE_ROWS = 10;
const MISSING = -2;

/** POST /read and /batch-read, GET /inspect. */
export function addReadRoutes(server: FastifyInstance, context: DemoContext): void {
  server.post<{ Body: Parameters }>(
    '/read',
    { schema: { body: schemaOf('user', 'field') } },
    ({ body }) => read(context, body),
  );
  server.post<{ Body: Parameters }>(
    '/batch-read',
    { schema: { body: schemaOf('count', 'field') } },
    ({ body }) => batchRead(context, body),
  );
  server.get<{ Querystring: Parameters }>(
    '/inspect',
    { schema: { querystring: schemaOf('user') } },
    ({ query }) => inspect(context, query),
  );
}

async function read({ store }: DemoContext, { user, field }: Parameters): Promise<object> {
  const id = requireUser(user);
  const requested = namesOf(field);
  const startedAtMs = performance.now();
  const row = requested.length > 0 ? await store.getFeatures(id, requested, { as: 'bytes' }) : {};
  const elapsedMs = requested.length > 0 ? performance.now() - startedAtMs : 0;
  const [ttls, keyTtlSeconds] = await Promise.all([
    store.fieldTtlsSeconds(id, requested),
    store.keyTtlSeconds(id),
  ]);
  return {
    requested,
    values: Object.fromEntries(
      Object.entries(row).map(([name, value]) => [name, shownValue(value)]),
    ),
    ttls,
    key_ttl_seconds: keyTtlSeconds,
    returned_count: Object.keys(row).length,
    elapsed_ms: elapsedMs,
    shard: store.shardFor(id) ?? null,
    slot: store.slotFor(id),
  };
}

async function batchRead(
  { store, census }: DemoContext,
  { count, field }: Parameters,
): Promise<object> {
  const idCount = integerOf(count, BATCH_COUNT, BATCH_COUNT_DEFAULT);
  const ticked = namesOf(field);
  const names = ticked.length > 0 ? ticked : BATCH_FEATURES_DEFAULT;
  const ids = (await census.read()).ids.slice(0, idCount);
  const reports: PipelineReport[] = [];
  const startedAtMs = performance.now();
  const { rows, failed } = await store.batchGetFeatures(ids, names, {
    as: 'bytes', // they are counted, whatever they are
    onFailure: 'return',
    onPipeline: (report) => reports.push(report),
  });
  const elapsedMs = performance.now() - startedAtMs;
  const sample = ids.slice(0, SAMPLE_ROWS).flatMap((id, index) => {
    const row = rows[index];
    return row ? [{ id, field_count: Object.keys(row).length }] : []; // a failed id has no count
  });
  return {
    entity_count: ids.length,
    failed_count: failed.length,
    field_count: names.length,
    elapsed_ms: elapsedMs,
    sample,
    shards: splitByShard(reports),
  };
}

/** Known features that are missing are listed as such: that is what people look for here. */
async function inspect({ store }: DemoContext, { user }: Parameters): Promise<object> {
  const { exists, keyTtlSeconds, fields } = await store.inspect(requireUser(user));
  if (!exists) return { exists, key_ttl_seconds: keyTtlSeconds };
  const found = new Map(fields.map((field) => [shownValue(field.name), field]));
  const known = [...DEFAULT_BATCH_FEATURES, ...DEFAULT_STREAMING_FEATURES];
  const names = [...new Set([...known, ...found.keys()])].sort();
  return {
    exists,
    key_ttl_seconds: keyTtlSeconds,
    fields: names.map((name) => ({
      name,
      value: shownValue(found.get(name)?.value ?? ''),
      ttl_seconds: found.get(name)?.ttlSeconds ?? MISSING,
    })),
  };
}

function requireUser(user: string | undefined): string {
  const id = user?.trim();
  if (!id) throw new HttpError(400, 'user is required');
  return id;
}
