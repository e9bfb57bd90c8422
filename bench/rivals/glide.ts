import {
  Batch,
  ClusterBatch,
  GlideClient,
  GlideClusterClient,
  TimeUnit,
} from '@valkey/valkey-glide';
import type { Entity } from '../data-set.ts';
import type { OpenRival, Rival, Row, Target } from '../rival.ts';

/** Its default of 250 ms is shorter than a large batch takes. */
const REQUEST_TIMEOUT_MS = 60_000;

export const glide: Rival = {
  name: 'glide',
  method: 'one ClusterBatch(false): not atomic, so GLIDE splits it by node',
  streamingMethod: 'ClusterBatch.hsetex',
  open: async (target, keyPrefix) => overBatches(await connect(target), keyPrefix),
};

/** What a client and a cluster client have alike: the batches differ in type only. */
interface Batches {
  run(fill: (batch: Batch | ClusterBatch) => void): Promise<readonly unknown[]>;
  readOne(key: string, names: readonly string[]): Promise<Row>;
  close(): void;
}

async function connect(target: Target): Promise<Batches> {
  const options = { addresses: [...target.nodes], requestTimeout: REQUEST_TIMEOUT_MS };
  if (target.kind === 'standalone') {
    const client = await GlideClient.createClient(options);
    return {
      run: async (fill) => {
        const batch = new Batch(false);
        fill(batch);
        return (await client.exec(batch, true)) ?? [];
      },
      readOne: async (key, names) => (await client.hmget(key, [...names])) as Row, // decoded as strings
      close: () => client.close(),
    };
  }
  const client = await GlideClusterClient.createClient(options);
  return {
    run: async (fill) => {
      const batch = new ClusterBatch(false);
      fill(batch);
      return (await client.exec(batch, true)) ?? [];
    },
    readOne: async (key, names) => (await client.hmget(key, [...names])) as Row, // decoded as strings
    close: () => client.close(),
  };
}

function overBatches(client: Batches, keyPrefix: string): OpenRival {
  return {
    readBatch: async (ids, names) => {
      const fields = [...names];
      const rows = await client.run((batch) => {
        for (const id of ids) batch.hmget(keyPrefix + id, fields);
      });
      return rows as readonly Row[]; // HMGET answers with values in the order of the names
    },
    readOne: (id, names) => client.readOne(keyPrefix + id, names),
    load: async (rows, ttlSeconds) => {
      await client.run((batch) => {
        for (const [id, features] of rows) {
          batch.hset(keyPrefix + id, strings(features));
          batch.expire(keyPrefix + id, ttlSeconds);
        }
      });
    },
    writeStreaming: async (rows, ttlSeconds) => {
      const options = { expiry: { type: TimeUnit.Seconds, count: ttlSeconds } };
      await client.run((batch) => {
        for (const [id, features] of rows) {
          batch.hsetex(keyPrefix + id, strings(features), options);
        }
      });
    },
    close: async () => client.close(),
  };
}

/** GLIDE takes no numbers. */
function strings(features: Entity): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const name in features) texts[name] = String(features[name]);
  return texts;
}
