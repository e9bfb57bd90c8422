import { once } from 'node:events';
import { Cluster, Redis } from 'ioredis';
import type { Target } from '../rival.ts';

/** A cluster client that knows its slots, or a client of the one server. */
export async function connectIoredis(
  { kind, nodes }: Target,
  enableAutoPipelining: boolean,
): Promise<Cluster | Redis> {
  const [node = { host: '127.0.0.1', port: 6379 }] = nodes;
  const client =
    kind === 'cluster'
      ? new Cluster([...nodes], { enableAutoPipelining })
      : new Redis({ ...node, enableAutoPipelining });
  await once(client, 'ready');
  return client;
}

/** By slot, the connection to the primary that owns it. */
export function ioredisNodes(client: Cluster | Redis): (slot: number) => Redis {
  if (client instanceof Redis) return () => client;
  const byAddress = new Map(
    client.nodes('master').map((node) => [`${node.options.host}:${node.options.port}`, node]),
  );
  return (slot) => {
    const node = byAddress.get(client.slots[slot]?.[0] ?? '');
    if (!node) throw new Error(`ioredis knows no primary of slot ${slot}`);
    return node;
  };
}
