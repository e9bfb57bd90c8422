// Makes one cluster of servers that do not know each other, with plain commands: redis-cli may be
// missing.
//
//     own config epoch, slots ─▶ every node meets every other ─▶ replicas follow ─▶ every view is
// healthy
//
// Invariant: it is done only when every replica has finished its first sync, for one that has not
// can never take over. Epochs are given out beforehand, so that no two primaries start with the
// same one.
import {
  clusterProblems,
  itself,
  type NodeView,
  parseClusterNodes,
  parseInfo,
  SLOT_COUNT,
} from './node-view.ts';
import type { RedisNode } from './redis-node.ts';
import { waitUntil } from './wait-until.ts';

/** The first and last slot of each of `primaries` even shares of all slots. */
export function slotShares(primaries: number): [first: number, last: number][] {
  const edge = (share: number): number => Math.round((share * SLOT_COUNT) / primaries);
  return Array.from({ length: primaries }, (_, share) => [edge(share), edge(share + 1) - 1]);
}

/** The first `primaries` nodes share the slots; the others follow them in turn. */
export async function formCluster(
  nodes: readonly RedisNode[],
  primaries: number,
  timeoutMs: number,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  const shares = slotShares(primaries);
  const ids = await Promise.all(
    nodes.map((node, index) =>
      node.use(async (client) => {
        await client.call('CLUSTER', 'SET-CONFIG-EPOCH', index + 1);
        const share = shares[index];
        if (share !== undefined) await client.call('CLUSTER', 'ADDSLOTSRANGE', ...share);
        return String(await client.call('CLUSTER', 'MYID'));
      }),
    ),
  );
  await meet(nodes, deadline);
  await Promise.all(
    nodes.slice(primaries).map(async (node, index) => {
      const primaryId = ids[index % primaries];
      if (primaryId !== undefined) await follow(node, primaryId);
    }),
  );
  await waitHealthy(nodes, deadline - Date.now());
}

/** Each node meets each other one; done when all know all, past the handshake. */
async function meet(nodes: readonly RedisNode[], deadline: number): Promise<void> {
  await Promise.all(nodes.map((node, index) => meetAll(node, nodes.slice(index + 1))));
  await waitUntil(
    async () => {
      const views = await Promise.all(nodes.map((node) => viewOf(node)));
      return views.every(({ known }) => {
        const met = known.filter(({ flags }) => !flags.includes('handshake'));
        return known.length === nodes.length && met.length === nodes.length;
      });
    },
    { what: 'the nodes of the new cluster know each other', timeoutMs: deadline - Date.now() },
  );
}

async function meetAll(node: RedisNode, others: readonly RedisNode[]): Promise<void> {
  await node.use(async (client) => {
    for (const other of others) await client.call('CLUSTER', 'MEET', other.host, other.port);
  });
}

/** Makes a node without slots the replica of a primary that it has met. */
export async function follow(replica: RedisNode, primaryId: string): Promise<void> {
  await waitUntil(async () => (await replica.call('CLUSTER', 'REPLICATE', primaryId)) === 'OK', {
    what: `port ${replica.port} becomes a replica of ${primaryId}`,
    timeoutMs: 10_000,
  });
}

/** What the node says now; rejects when it does not answer. */
export async function viewOf(node: RedisNode): Promise<NodeView> {
  return node.use(async (client) => {
    const [info, known, replication] = await Promise.all([
      client.call('CLUSTER', 'INFO'),
      client.call('CLUSTER', 'NODES'),
      client.call('INFO', 'replication'),
    ]);
    return {
      port: node.port,
      state: parseInfo(String(info)).get('cluster_state') ?? 'unknown',
      known: parseClusterNodes(String(known)),
      linkStatus: parseInfo(String(replication)).get('master_link_status'),
    };
  });
}

/** Why the cluster of these nodes is not healthy; nothing when it is. */
export async function problemsOf(nodes: readonly RedisNode[]): Promise<string[]> {
  const answers = await Promise.allSettled(nodes.map((node) => viewOf(node)));
  const views: NodeView[] = [];
  const silent: string[] = [];
  for (const [index, answer] of answers.entries()) {
    if (answer.status === 'fulfilled') views.push(answer.value);
    else silent.push(`${nodes[index]?.port}: does not answer`);
  }
  return [...silent, ...clusterProblems(views, nodes.length), ...primaryProblems(views)];
}

/** Each replica's own primary must be one of those that hold slots; a chain is not healthy yet. */
function primaryProblems(views: readonly NodeView[]): string[] {
  return views.flatMap((view) => {
    const self = itself(view);
    if (self?.role !== 'replica') return [];
    const primary = view.known.find((node) => node.id === self.primaryId);
    return primary?.role === 'primary' ? [] : [`${view.port}: follows a node that is no primary`];
  });
}

/** Waits until every node sees a whole cluster and every replica has its link. */
export async function waitHealthy(nodes: readonly RedisNode[], timeoutMs: number): Promise<void> {
  let problems: string[] = [];
  await waitUntil(
    async () => {
      problems = await problemsOf(nodes);
      return problems.length === 0;
    },
    { what: 'the cluster is healthy', timeoutMs, why: () => problems.slice(0, 6).join('; ') },
  );
}
