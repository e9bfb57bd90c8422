/** A bulk load in the middle of which a primary dies with what its replica has not got. */

import type { LocalCluster } from '../../rig/local-cluster/local-cluster.ts';
import type { RedisNode } from '../../rig/local-cluster/redis-node.ts';
import { promotion, rejoin } from '../../rig/soak/failover.ts';
import type { FeatureStore, LoadOptions } from '../../src/index.ts';

const ROW_COUNT = 12_000;
/** So large that the replica's share does not fit into the sockets on its way. */
const VALUE = 'x'.repeat(8_000);
/** How long the primary goes on without its replica at most. */
const ALONE_MS = 2_000;

export interface LoadThroughKill {
  /** Rows that the load reported as loaded, and those of them that are not there afterwards. */
  readonly loaded: number;
  readonly missing: number;
  /** Rows that it reported as failed. */
  readonly failed: number;
}

/**
 * Loads, freezes the victim's replica after a quarter, kills the victim before the end, and reads
 * all rows.
 */
export async function loadThroughKill(
  cluster: LocalCluster,
  store: FeatureStore,
  victim: RedisNode,
  options: LoadOptions,
): Promise<LoadThroughKill> {
  const ids = Array.from({ length: ROW_COUNT }, (_, n) => `row${n}`);
  const [replica] = await cluster.replicasOf(victim.port);
  if (replica === undefined) throw new Error('the victim has no replica');
  let kill: () => void = () => undefined;
  const killTime = new Promise<void>((resolve) => {
    kill = resolve;
  });
  function* rows(): Generator<[string, { n: number; value: string }]> {
    for (const [n, id] of ids.entries()) {
      if (n === ROW_COUNT / 4) {
        replica?.signal('SIGSTOP');
        setTimeout(kill, ALONE_MS);
      }
      yield [id, { n, value: VALUE }];
    }
    kill();
  }
  const load = store.bulkLoad(rows(), { timeoutMs: 30_000, ...options });
  const [{ loaded, failed }] = await Promise.all([
    load,
    promotion(cluster, victim.port, async () => {
      await killTime;
      await cluster.kill(victim.port);
      replica.signal('SIGCONT');
    }),
  ]);
  const failedIds = new Set(failed.map(({ id }) => id));
  const found = await store.batchGetFeatures(ids, ['n'], { timeoutMs: 30_000 });
  const missing = ids.filter((id, n) => !failedIds.has(id) && found[n]?.['n'] !== String(n)).length;
  await rejoin(cluster, victim);
  return { loaded, missing, failed: failed.length };
}
