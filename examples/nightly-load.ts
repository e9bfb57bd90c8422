/**
 * The nightly load: a file of JSON lines goes into the store as a stream, in bounded memory.
 *
 *   npx tsx examples/nightly-load.ts users.jsonl     # {"id":"u0001","risk_segment":"low"}
 *
 * Exit code 0 means that every row is there. After any other, run it again: loading a row twice
 * does no harm. SIGTERM stops it, and the rows that were loaded until then stay.
 */

import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { FeatureStore, PartialLoadError } from 'cluster-feature-store';
import type { FailedRow, Features, LoadOptions } from 'cluster-feature-store';

const [file = 'users.jsonl'] = process.argv.slice(2);
const stop = new AbortController();
process.once('SIGTERM', () => stop.abort(new Error('SIGTERM')));

/** The rows of the file, or those of some ids. A line that is no JSON stops the load. */
async function* rowsOf(ids?: ReadonlySet<string>): AsyncGenerator<readonly [string, Features]> {
  for await (const line of createInterface({ input: createReadStream(file) })) {
    const { id, ...features } = JSON.parse(line) as Features & { readonly id: string };
    if (ids === undefined || ids.has(id)) yield [id, features];
  }
}

function report(failed: readonly FailedRow[]): void {
  for (const { id, error } of failed) console.error(`${id}: ${error.code} ${error.message}`);
  if (failed.length > 0) process.exitCode = 1;
}

await using store = await FeatureStore.connect(
  { nodes: ['redis://127.0.0.1:7000'] },
  { signal: stop.signal },
);
const options: LoadOptions = {
  ttlSeconds: 48 * 3_600, // twice the cycle: one night that is missed costs nothing
  signal: stop.signal,
  onInvalid: 'report' as const, // a bad row is among the failed ones, and stops nothing
  onProgress: ({ loaded, failed }) => console.log(`${loaded} loaded, ${failed} failed`),
};
try {
  const { failed } = await store.bulkLoad(rowsOf(), options);
  report(failed.filter(({ error }) => !error.retryable)); // the row itself is bad
  const again = new Set(failed.filter(({ error }) => error.retryable).map(({ id }) => id));
  if (again.size > 0) {
    console.log(`${again.size} ids once more`);
    report((await store.bulkLoad(rowsOf(again), options)).failed);
  }
} catch (error) {
  // The signal fired, the file could not be read, or too many rows failed.
  if (!(error instanceof PartialLoadError)) throw error;
  console.error(`stopped after ${error.loaded} rows:`, error.summary.byCode, error.cause);
  process.exitCode = 1;
}
