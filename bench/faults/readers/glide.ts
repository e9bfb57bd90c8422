import { ClusterBatch, GlideClusterClient, Logger } from '@valkey/valkey-glide';
import { errorOf, type Answer, type Reader } from '../reader.ts';

const CONNECTION_TIMEOUT_MS = 10_000;

export const glide: Reader = {
  name: 'GLIDE',
  method: 'one ClusterBatch(false), exec(batch, false)',
  settings: 'requestTimeout, connectionTimeout 10 s (its 250 ms fail on a busy machine)',
  open: async ({ nodes, keyPrefix, timeoutMs }) => {
    Logger.setLoggerConfig('off'); // the calls tell of it
    const client = await GlideClusterClient.createClient({
      addresses: [...nodes],
      requestTimeout: timeoutMs,
      advancedConfiguration: { connectionTimeout: CONNECTION_TIMEOUT_MS },
    });
    return {
      read: async (ids, names) => {
        const fields = [...names];
        const batch = new ClusterBatch(false);
        for (const id of ids) batch.hmget(keyPrefix + id, fields);
        const replies = await client.exec(batch, false).catch(errorOf);
        return ids.map((_, row) => answerFrom(replies, row));
      },
      close: async () => client.close(),
    };
  },
};

/** Errors stand in the place of their replies. */
function answerFrom(replies: readonly unknown[] | Error | null, row: number): Answer {
  if (replies instanceof Error) return { error: replies };
  const reply = replies?.[row];
  if (reply instanceof Error) return { error: reply };
  if (!Array.isArray(reply)) return { error: new Error(`no row, but ${JSON.stringify(reply)}`) };
  return { values: reply as (string | null)[] }; // of HMGET, decoded as strings
}
