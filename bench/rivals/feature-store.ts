import { FeatureStore } from 'cluster-feature-store';
import { OURS, type Rival, type Target } from '../rival.ts';

/** This package, through its public names. */
export const featureStore: Rival = {
  name: OURS,
  method: 'store.batchGetFeatures(ids, names); one id: store.getFeatures(id, names)',
  streamingMethod: 'store.updateStreamingBatch; one row: store.updateStreaming',
  open: async (target, keyPrefix) => {
    const store = await FeatureStore.connect({ nodes: urlsOf(target), keyPrefix });
    return {
      readBatch: (ids, names) => store.batchGetFeatures(ids, names),
      readOne: (id, names) => store.getFeatures(id, names),
      load: async (rows, ttlSeconds) => {
        refuseFailed(await store.bulkLoad(rows, { ttlSeconds }));
      },
      writeStreaming: async (rows, ttlSeconds) => {
        const [row] = rows;
        if (row && rows.length === 1) await store.updateStreaming(...row, { ttlSeconds });
        else refuseFailed(await store.updateStreamingBatch(rows, { ttlSeconds }));
      },
      close: () => store.close(),
    };
  },
};

export function urlsOf({ nodes }: Target): string[] {
  return nodes.map(({ host, port }) => `redis://${host}:${port}`);
}

function refuseFailed({ failed }: { readonly failed: readonly { readonly error: Error }[] }): void {
  if (failed[0]) throw failed[0].error;
}
