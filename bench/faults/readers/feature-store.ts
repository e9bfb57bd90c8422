import { FeatureStore, type FeatureRow } from 'cluster-feature-store';
import type { Answer, Reader } from '../reader.ts';

/** This package, through its public names. */
export const featureStore: Reader = {
  name: 'cluster-feature-store',
  method: "store.batchGetFeatures(ids, names, { onFailure: 'return' })",
  settings: 'timeoutMs',
  open: async ({ nodes, keyPrefix, timeoutMs }) => {
    const urls = nodes.map(({ host, port }) => `redis://${host}:${port}`);
    const store = await FeatureStore.connect({ nodes: urls, keyPrefix, timeoutMs });
    return {
      read: async (ids, names) => {
        const { rows, failed } = await store.batchGetFeatures(ids, names, { onFailure: 'return' });
        const errors = new Map(failed.map(({ id, error }) => [id, error]));
        return ids.map((id, at) => answerFrom(rows[at], names, errors.get(id)));
      },
      close: () => store.close(),
    };
  },
};

function answerFrom(
  row: FeatureRow | undefined,
  names: readonly string[],
  error: Error | undefined,
): Answer {
  if (row === undefined) return { error: error ?? new Error('neither a row nor an error') };
  return {
    values: names.map((name) => (Object.hasOwn(row, name) ? row[name] : undefined) ?? null),
  };
}
