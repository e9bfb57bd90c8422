/**
 * A consumer of a log of events that commits how far it has come: a process of its own, so that it
 * can be killed. It begins after what was committed last, says each position that it has committed,
 * and ends with the log, or with the first row that fails.
 */

import { createReadStream } from 'node:fs';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import {
  FeatureStore,
  FeatureStoreError,
  type CommitEvent,
  type FeatureEntry,
} from '../../src/index.ts';

/** A line of the log. */
export interface LoggedEvent {
  readonly offset: number;
  readonly id: string;
  readonly features: Readonly<Record<string, string | null>>;
  readonly eventTimeMs?: number;
}

/** The log is as fast as this, so that there is time to kill its consumer. */
const EVENTS_AT_ONCE = 20;
const REST_MS = 4;
/** Longer than the parent lets it live. */
const FOR_EVER_MS = 3_600_000;

const {
  CONSUMER_NODES = '',
  CONSUMER_PREFIX = '',
  CONSUMER_LOG = '',
  CONSUMER_POSITION = '',
  CONSUMER_REPLICAS = '0',
  CONSUMER_HOLD_AT = '',
} = process.env;

function committedBefore(): number {
  try {
    return Number(readFileSync(CONSUMER_POSITION, 'utf8'));
  } catch {
    return 0;
  }
}

async function* eventsFrom(begin: number): AsyncGenerator<FeatureEntry> {
  for await (const line of createInterface({ input: createReadStream(CONSUMER_LOG) })) {
    const { offset, id, features, eventTimeMs }: LoggedEvent = JSON.parse(line);
    if (offset < begin) continue;
    if (String(offset) === CONSUMER_HOLD_AT) await pause(FOR_EVER_MS);
    const time = eventTimeMs === undefined ? {} : { eventTimeMs };
    yield [id, features, { ...time, offset }];
    if (offset % EVENTS_AT_ONCE === 0) await pause(REST_MS);
  }
}

function commit({ offset }: CommitEvent): void {
  const next = Number(offset) + 1;
  writeFileSync(`${CONSUMER_POSITION}.new`, String(next));
  renameSync(`${CONSUMER_POSITION}.new`, CONSUMER_POSITION);
  console.log(next);
}

try {
  await using store = await FeatureStore.connect({
    nodes: CONSUMER_NODES.split(','),
    keyPrefix: CONSUMER_PREFIX,
    timeoutMs: 30_000,
  });
  await store.updateStreamingBatch(eventsFrom(committedBefore()), {
    maxDelayMs: 20,
    // What fails is not committed, and comes again.
    maxFailedRows: 0,
    minReplicas: Number(CONSUMER_REPLICAS),
    onCommitted: commit,
  });
} catch (error) {
  if (!(error instanceof FeatureStoreError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
