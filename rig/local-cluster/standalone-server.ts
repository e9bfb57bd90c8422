import { rm } from 'node:fs/promises';
import { findRedisServer } from '../redis-server/find.ts';
import { type ExtraConfig, extraLines, onFreePorts, temporaryDir } from './local-cluster.ts';
import { type Connection, RedisNode } from './redis-node.ts';
import { standaloneConfig } from './server-config.ts';

export interface StandaloneServerOptions {
  /** Or the next free one. @default 6400 */
  readonly portFrom?: number;
  /** @default what findRedisServer finds */
  readonly serverPath?: string;
  readonly extraConfig?: ExtraConfig;
  /** How to log in, when extraConfig asks for it: tls, username, password. */
  readonly connection?: Connection;
  readonly log?: (line: string) => void;
}

/** One server that is not part of a cluster. `stop` ends it and removes its data. */
export async function startStandaloneServer(
  options: StandaloneServerOptions = {},
): Promise<StandaloneServer> {
  const { log, connection, extraConfig } = options;
  const serverPath =
    options.serverPath ?? (await findRedisServer(log === undefined ? {} : { log })).path;
  const dir = temporaryDir('server');
  return onFreePorts({ portFrom: 6400, ...options }, 1, async (port) => {
    const server = new StandaloneServer({
      serverPath,
      port,
      dir,
      config: (now) => [...standaloneConfig(), ...extraLines(extraConfig, now)],
      ...(connection === undefined ? {} : { connection }),
    });
    await server.start();
    return server;
  });
}

export class StandaloneServer extends RedisNode {
  get urls(): string[] {
    return [this.url];
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await rm(this.dir, { recursive: true, force: true });
  }
}
