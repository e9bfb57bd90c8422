import { createCluster } from 'redis';
import { answerOf, type Reader } from '../reader.ts';

export const nodeRedis: Reader = {
  name: 'node-redis',
  method: 'Promise.allSettled over cluster.hmGet',
  settings: 'commandOptions.timeout',
  open: async ({ nodes, keyPrefix, timeoutMs }) => {
    const cluster = createCluster({
      rootNodes: nodes.map(({ host, port }) => ({ url: `redis://${host}:${port}` })),
      commandOptions: { timeout: timeoutMs },
    });
    cluster.on('error', () => undefined); // the calls tell of it
    await cluster.connect();
    return {
      read: async (ids, names) => {
        const fields = [...names];
        const results = await Promise.allSettled(
          ids.map((id) => cluster.hmGet(keyPrefix + id, fields)),
        );
        return results.map(answerOf);
      },
      close: async () => cluster.destroy(), // close() waits for replies that may never come
    };
  },
};
