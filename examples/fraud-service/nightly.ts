/**
 * The nightly job, a process of its own:
 *
 *   npx tsx examples/fraud-service/nightly.ts users.jsonl
 *
 * Exit code 0 means that every user is loaded.
 */

import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { FeatureStore } from 'cluster-feature-store';
import { pino } from 'pino';
import { loadUsers } from './load.ts';

const { NODES = 'redis://127.0.0.1:7000', KEY_PREFIX = 'fs:user:' } = process.env;
const [file = 'users.jsonl'] = process.argv.slice(2);
const logger = pino();
const stop = new AbortController();
const { signal } = stop;
process.once('SIGTERM', () => stop.abort(new Error('SIGTERM')));

try {
  await using store = await FeatureStore.connect(
    { nodes: NODES.split(','), keyPrefix: KEY_PREFIX },
    { signal },
  );
  const lines = createInterface({ input: createReadStream(file) });
  if (!(await loadUsers({ store, lines, logger, signal }))) process.exitCode = 1;
} catch (error) {
  logger.error({ err: error }, 'the load has stopped');
  process.exitCode = 1;
}
