import type { RedisNode } from '../rig/local-cluster/redis-node.ts';

/**
 * Whether the server has the command: suites run on servers with HSETEX and on others
 * (scripts/matrix.ts).
 */
export async function knowsCommand(node: RedisNode, name: string): Promise<boolean> {
  const [known] = (await node.call('COMMAND', 'INFO', name)) as unknown[];
  return known !== null;
}
