import { createClient, createCluster } from 'redis';
import type { EntityRow } from '../data-set.ts';
import type { OpenRival, Rival, Target } from '../rival.ts';
import { urlsOf } from './feature-store.ts';

export const nodeRedis: Rival = {
  name: 'node-redis',
  method: 'Promise.all(ids.map((id) => cluster.hmGet(key, names)))',
  streamingMethod: 'cluster.hSetEx',
  open: async (target, keyPrefix) => overCommands(await connect(target), keyPrefix),
};

/** Its default of 5 s is shorter than 100,000 commands at once can take. */
const COMMAND_OPTIONS = { timeout: 60_000 };

/** The commands that a client and a cluster client have alike. */
interface Commands {
  hmGet(key: string, names: string[]): Promise<(string | null)[]>;
  hSet(key: string, features: Record<string, string | number>): Promise<number>;
  expire(key: string, seconds: number): Promise<number>;
  hSetEx(
    key: string,
    features: Record<string, string | number>,
    options: { expiration: { type: 'EX'; value: number } },
  ): Promise<number>;
  close(): Promise<void>;
}

async function connect(target: Target): Promise<Commands> {
  const [url = ''] = urlsOf(target);
  if (target.kind === 'standalone') {
    const client = createClient({ url, commandOptions: COMMAND_OPTIONS });
    client.on('error', (error: Error) => process.stderr.write(`node-redis: ${error.message}\n`));
    await client.connect();
    return client;
  }
  const cluster = createCluster({
    rootNodes: urlsOf(target).map((node) => ({ url: node })),
    commandOptions: COMMAND_OPTIONS,
  });
  cluster.on('error', (error: Error) => process.stderr.write(`node-redis: ${error.message}\n`));
  await cluster.connect();
  return cluster;
}

function overCommands(client: Commands, keyPrefix: string): OpenRival {
  const readOne = (id: string, names: readonly string[]): Promise<(string | null)[]> =>
    client.hmGet(keyPrefix + id, names as string[]); // it only reads them
  return {
    readOne,
    readBatch: (ids, names) => Promise.all(ids.map((id) => readOne(id, names))),
    load: async (rows: readonly EntityRow[], ttlSeconds) => {
      await Promise.all(
        rows.map(([id, features]) =>
          Promise.all([
            client.hSet(keyPrefix + id, features),
            client.expire(keyPrefix + id, ttlSeconds),
          ]),
        ),
      );
    },
    writeStreaming: async (rows, ttlSeconds) => {
      const options = { expiration: { type: 'EX', value: ttlSeconds } } as const;
      await Promise.all(
        rows.map(([id, features]) => client.hSetEx(keyPrefix + id, features, options)),
      );
    },
    close: () => client.close(),
  };
}
