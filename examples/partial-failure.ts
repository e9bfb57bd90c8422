/**
 * A scoring endpoint with a deadline: GET /?id=u0001&id=u0002 gives one score per id, in order.
 *
 * Every id gets its score in time, whatever happens to a shard: an id that could not be read is
 * scored by default features, and the answer says so. An absent entity is not a failure.
 */

import { once } from 'node:events';
import { createServer } from 'node:http';
import { FeatureStore, FeatureStoreError } from 'cluster-feature-store';
import type { FailedRow, FeatureRow } from 'cluster-feature-store';

const DEADLINE_MS = 50;
const DEFAULTS: FeatureRow = { risk_segment: 'medium' };
const RISK = new Map(Object.entries({ low: 0.1, medium: 0.3, high: 0.7 }));

await using store = await FeatureStore.connect({
  nodes: ['redis://127.0.0.1:7000'],
  warmUp: true, // so that the first request finds open connections
});

function model({ risk_segment = '', tx_count_5m = '0' }: FeatureRow): number {
  return (RISK.get(risk_segment) ?? 0.5) + (Number(tx_count_5m) > 10 ? 0.2 : 0);
}

async function scoresOf(ids: readonly string[]): Promise<object[]> {
  const options = { timeoutMs: DEADLINE_MS, onFailure: 'return' } as const;
  const names = ['risk_segment', 'tx_count_5m'];
  const { rows, failed } = await store.batchGetFeatures(ids, names, options);
  logFailures(failed);
  return ids.map((id, index) => {
    const row = rows[index];
    if (row === undefined) return { id, score: model(DEFAULTS), by: 'defaults' }; // it failed
    if (Object.keys(row).length === 0) return { id, score: 0.6, by: 'new user' }; // it is absent
    return { id, score: model(row), by: 'features' };
  });
}

/** One line per code, however many ids failed. Where no retry helps, a person must. */
function logFailures(failed: readonly FailedRow[]): void {
  for (const code of new Set(failed.map(({ error }) => error.code))) {
    const rows = failed.filter(({ error }) => error.code === code);
    const level = rows[0]?.error.retryable ? 'warn' : 'error';
    console.error(JSON.stringify({ level, code, count: rows.length, firstId: rows[0]?.id }));
  }
}

const server = createServer(async (request, response) => {
  try {
    const { searchParams } = new URL(request.url ?? '/', 'http://localhost');
    response.end(JSON.stringify(await scoresOf(searchParams.getAll('id'))));
  } catch (error) {
    // No batch was read at all: an id was refused, or the store is closed.
    const isRefused = error instanceof FeatureStoreError && error.code === 'INVALID_ID';
    response.writeHead(isRefused ? 400 : 503).end();
  }
});
server.listen(Number(process.env['PORT'] ?? 8080), '127.0.0.1');
await once(process, 'SIGTERM');
await new Promise((resolve) => server.close(resolve)); // requests that are under way are answered
