/** A promise per command: `Promise.all` over them, with or without ioredis's autopipelining. */

import { flat, type Rival, type RivalName } from '../rival.ts';
import { connectIoredis } from './ioredis-connection.ts';

export const ioredisPromiseAll: Rival = ioredisCommands(
  'ioredis-promise-all',
  'Promise.all(ids.map((id) => cluster.hmget(key, ...names)))',
  false,
);

export const ioredisAutopipelining: Rival = ioredisCommands(
  'ioredis-autopipelining',
  'the same with enableAutoPipelining',
  true,
);

function ioredisCommands(name: RivalName, method: string, enableAutoPipelining: boolean): Rival {
  return {
    name,
    method,
    streamingMethod: "client.call('HSETEX', …)",
    open: async (target, keyPrefix) => {
      const client = await connectIoredis(target, enableAutoPipelining);
      const readOne = (id: string, names: readonly string[]): Promise<(string | null)[]> =>
        client.hmget(keyPrefix + id, ...names);
      return {
        readOne,
        readBatch: (ids, names) => Promise.all(ids.map((id) => readOne(id, names))),
        load: async (rows, ttlSeconds) => {
          await Promise.all(
            rows.map(([id, features]) =>
              Promise.all([
                client.hset(keyPrefix + id, ...flat(features)),
                client.expire(keyPrefix + id, ttlSeconds),
              ]),
            ),
          );
        },
        writeStreaming: async (rows, ttlSeconds) => {
          await Promise.all(
            rows.map(([id, features]) => {
              const pairs = flat(features);
              const options = ['EX', ttlSeconds, 'FIELDS', pairs.length / 2, ...pairs];
              return client.call('HSETEX', keyPrefix + id, ...options);
            }),
          );
        },
        close: async () => client.disconnect(),
      };
    },
  };
}
