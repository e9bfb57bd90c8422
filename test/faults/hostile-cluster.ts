/**
 * Three primaries without replicas, and what they were asked to do: the proof that nothing was
 * sent.
 */

import { afterAll, beforeAll, expect } from 'vitest';
import { startLocalCluster, type LocalCluster } from '../../rig/local-cluster/local-cluster.ts';
import { FeatureStore, FeatureStoreError, type ErrorCode } from '../../src/index.ts';

/** What the store's own upkeep and these questions ask. */
const UPKEEP = /^cmdstat_(info|cluster\||ping|hello|client\||command\||select|auth)/;

export interface HostileCluster {
  readonly cluster: LocalCluster;
  readonly store: FeatureStore;
}

/** Ids of the VIP group that the store has. */
export const VIP_IDS: readonly string[] = [
  'vip*',
  'vip\r\n',
  '__proto__',
  'constructor',
  'v'.repeat(4_096),
];

export function hostileCluster(portFrom: number): () => HostileCluster {
  let held: HostileCluster;
  beforeAll(async () => {
    const cluster = await startLocalCluster({ portFrom, replicasPerPrimary: 0 });
    const store = await FeatureStore.connect({
      nodes: cluster.urls,
      keyPrefix: 'hostile*[?]\\:',
      vipGroups: { 'g*\r\n': VIP_IDS },
    });
    await store.updateStreaming('warm', { a: 1 }); // from here on it knows the servers' commands
    await store.reset();
    held = { cluster, store };
  });
  afterAll(async () => {
    await held.store.close();
    await held.cluster[Symbol.asyncDispose]();
  });
  return () => held;
}

/** Calls of every command but those of upkeep, over all nodes. */
async function commandsServed(cluster: LocalCluster): Promise<Map<string, number>> {
  const served = new Map<string, number>();
  for (const node of cluster.nodes) {
    const stats = String(await node.call('INFO', 'commandstats'));
    for (const [, name = '', calls] of stats.matchAll(/^(cmdstat_[^:]+):calls=(\d+)/gm)) {
      if (!UPKEEP.test(name)) served.set(name, (served.get(name) ?? 0) + Number(calls));
    }
  }
  return served;
}

function pipelinesSent(store: FeatureStore): number {
  return Object.values(store.stats().shards).reduce((sum, { pipelines }) => sum + pipelines, 0);
}

/** Fails if anything that the calls do reaches a server. */
export async function nothingIsSent(
  { cluster, store }: HostileCluster,
  calls: () => Promise<void>,
): Promise<void> {
  const [served, sent] = [await commandsServed(cluster), pipelinesSent(store)];
  await calls();
  expect(pipelinesSent(store)).toBe(sent);
  expect(await commandsServed(cluster)).toStrictEqual(served);
}

/** What the call refuses with. It must be one of ours, say what is wrong, and fit a log line. */
export async function refusalOf(call: () => unknown, code: ErrorCode): Promise<FeatureStoreError> {
  const outcome = await Promise.resolve()
    .then(call)
    .then(
      (value: unknown) => ({ value }),
      (error: unknown) => ({ error }),
    );
  if (!('error' in outcome)) throw new Error(`not refused: ${JSON.stringify(outcome.value)}`);
  const { error } = outcome;
  if (!(error instanceof FeatureStoreError)) {
    throw new Error(`not an error of ours: ${String(error)}`, { cause: error });
  }
  checkMessage(error.message);
  if (error.code === code) return error;
  throw new Error(`${error.code}, not ${code}: ${error.message}`, { cause: error });
}

/** Short however long the value is, one line whatever it holds, and fit for UTF-8. */
export function checkMessage(message: string): void {
  if (message.length > 600) throw new Error(`a message of ${message.length} characters`);
  // oxlint-disable-next-line no-control-regex
  if (/[\u0000-\u001F\u007F-\u009F\u2028\u2029]/.test(message)) {
    throw new Error(`control characters in the message ${JSON.stringify(message)}`);
  }
  if (!message.isWellFormed()) throw new Error('half a character in the message');
}
