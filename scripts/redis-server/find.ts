import { probeServer } from './probe.ts';
import type { ServerAbilities } from './probe.ts';

export interface RedisServer extends ServerAbilities {
  readonly path: string;
}
export async function findRedisServer(
  _o: { log?: (line: string) => void } = {},
): Promise<RedisServer> {
  const path = process.env['REDIS_SERVER'] ?? '';
  return { path, ...(await probeServer(path)) };
}
