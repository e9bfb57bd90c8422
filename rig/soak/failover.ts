/**
 * What goes with a failover: replicas that have everything, a promotion, a node that comes back.
 */

import { setTimeout as pause } from 'node:timers/promises';
import type { LocalCluster } from '../local-cluster/local-cluster.ts';
import { parseInfo } from '../local-cluster/node-view.ts';
import type { RedisNode } from '../local-cluster/redis-node.ts';
import { waitUntil } from '../local-cluster/wait-until.ts';

const REPLICATION_TIMEOUT_MS = 15_000;
const PROMOTION_TIMEOUT_MS = 20_000;
const REJOIN_TIMEOUT_MS = 30_000;
const HAND_OVER_MS = 6_000;
const ROLE_EVERY_MS = 5;

/**
 * Waits until every replica has what its primary has now. (WAIT would not do: it speaks of the
 * writes of the connection that it comes on.)
 */
export async function replicated(cluster: LocalCluster): Promise<void> {
  const primaries = await cluster.primaries();
  const offsets = await Promise.all(primaries.map(async (node) => (await replicationOf(node)).own));
  await waitUntil(
    async () => {
      const now = await Promise.all(primaries.map(replicationOf));
      return now.every(({ replicas }, index) =>
        replicas.every((offset) => offset >= (offsets[index] ?? 0)),
      );
    },
    { what: 'replicas have everything', timeoutMs: REPLICATION_TIMEOUT_MS },
  );
}

async function replicationOf(node: RedisNode): Promise<{ own: number; replicas: number[] }> {
  const info = parseInfo(String(await node.call('INFO', 'replication')));
  const replicas = [...info]
    .filter(([name]) => /^slave\d+$/u.test(name))
    .map(([, value]) => Number(/\boffset=(\d+)/u.exec(value)?.[1]));
  return { own: Number(info.get('master_repl_offset')), replicas };
}

export interface Promotion {
  readonly node: RedisNode;
  /** By performance.now(): when the node first called itself a primary. */
  readonly atMs: number;
}

/** Does what makes one of the primary's replicas take over, and waits until one has. */
export async function promotion(
  cluster: LocalCluster,
  port: number,
  cause: (replica: RedisNode) => Promise<unknown>,
): Promise<Promotion> {
  const replicas = await cluster.replicasOf(port);
  const [first] = replicas;
  if (first === undefined) throw new Error(`the primary on port ${port} has no replica`);
  const over = new AbortController();
  const watches = replicas.map((node) => roleChange(node, over.signal));
  try {
    await cause(first);
    return await Promise.race(watches);
  } finally {
    over.abort();
    await Promise.allSettled(watches);
  }
}

/**
 * Has the primary hand over to its replica, which loses nothing. A server gives up after 5 s: then
 * once more.
 */
export async function handOver(cluster: LocalCluster, port: number): Promise<Promotion> {
  return promotion(cluster, port, (replica) =>
    waitUntil(
      async () => {
        await replica.call('CLUSTER', 'FAILOVER');
        const isPrimary = async (): Promise<boolean> => {
          const [role] = (await replica.call('ROLE')) as [string];
          return role === 'master';
        };
        const what = `port ${replica.port} takes over`;
        return waitUntil(isPrimary, { what, timeoutMs: HAND_OVER_MS });
      },
      { what: `port ${port} hands over`, timeoutMs: PROMOTION_TIMEOUT_MS - HAND_OVER_MS },
    ),
  );
}

async function roleChange(node: RedisNode, signal: AbortSignal): Promise<Promotion> {
  return node.use(async (client) => {
    const giveUpAtMs = performance.now() + PROMOTION_TIMEOUT_MS;
    while (performance.now() < giveUpAtMs && !signal.aborted) {
      const [role] = (await client.call('ROLE')) as [string];
      if (role === 'master') return { node, atMs: performance.now() };
      await pause(ROLE_EVERY_MS);
    }
    throw new Error(`port ${node.port} did not become a primary within ${PROMOTION_TIMEOUT_MS} ms`);
  });
}

/** Starts a killed node again and waits until it follows the primary that took its place. */
export async function rejoin(cluster: LocalCluster, node: RedisNode): Promise<void> {
  if (node.pid === undefined) await node.restart();
  await waitUntil(
    async () => {
      const info = parseInfo(String(await node.call('INFO', 'replication')));
      return info.get('role') === 'slave' && info.get('master_link_status') === 'up';
    },
    { what: `port ${node.port} follows its new primary`, timeoutMs: REJOIN_TIMEOUT_MS },
  );
  await cluster.waitHealthy(REJOIN_TIMEOUT_MS);
}
