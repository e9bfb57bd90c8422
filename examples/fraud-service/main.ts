/**
 * The process. It serves until SIGTERM, and reads events from standard input meanwhile:
 *
 *   tail -n +1 -f events.jsonl | npx tsx examples/fraud-service/main.ts
 */

import { once } from 'node:events';
import { FeatureStore } from 'cluster-feature-store';
import { pino } from 'pino';
import { EventLines } from './event-lines.ts';
import { run } from './run.ts';

const { NODES = 'redis://127.0.0.1:7000', KEY_PREFIX = 'fs:user:', PORT = '8080' } = process.env;
const { DEADLINE_MS = '50', OFFSET_FILE = 'events.offset' } = process.env;

const logger = pino();
const sigterm = once(process, 'SIGTERM'); // from here on it ends the process in good order
const store = await FeatureStore.connect({
  nodes: NODES.split(','),
  keyPrefix: KEY_PREFIX,
  warmUp: true, // the first request finds open connections
  onShardDown: 'fail-fast', // only the first requests wait for a dead shard until their deadline
});
const { stop } = await run({
  store,
  source: new EventLines(process.stdin, OFFSET_FILE),
  logger,
  port: Number(PORT),
  deadlineMs: Number(DEADLINE_MS),
});
await sigterm;
logger.info('stopping');
await stop();
logger.info('stopped');
