/** What a store knows of the cluster. */

import type { ConnectionMode, Shard } from '../cluster/control/connect.ts';
import type { Context } from './context.ts';
import { checkBoolean, checkKeys } from './option-checks.ts';

/** The cluster as the store routes by it now. */
export interface StoreTopology {
  /** `'cluster'`, or `'standalone'` where it is one server. */
  readonly mode: ConnectionMode;
  /** Ordered by first slot. A standalone server is one shard with every slot. */
  readonly shards: readonly Shard[];
}

/** What `topology` takes. */
export interface TopologyOptions {
  /**
   * Whether the nodes are asked anew first.
   * @default `false`
   */
  readonly refresh?: boolean;
}

export async function topologyOf(
  { backend }: Context,
  options: TopologyOptions,
): Promise<StoreTopology> {
  checkKeys('topology options', options, ['refresh']);
  const { refresh = false } = options;
  if (checkBoolean('topology options.refresh', refresh)) await backend.refresh();
  return { mode: backend.mode, shards: [...backend.topology.shards()] };
}
