import { limits } from '../../index.ts';
import type { FastifyInstance } from 'fastify';
import type { DemoContext } from '../demo-context.ts';

/** GET /state: everything that the page shows without being asked. */
export function addStateRoute(server: FastifyInstance, context: DemoContext): void {
  const { store, worker, census } = context;
  server.get('/state', async () => {
    // Not waited for: a node that is down must not delay the page. A new cluster names its replicas
    // late.
    void store.topology({ refresh: true });
    const [{ entityCount, ids, countByShard }, { mode, shards }] = await Promise.all([
      census.read(),
      store.topology(),
    ]);
    const stats = store.stats();
    return {
      key_prefix: store.keyPrefix,
      batch_ttl_seconds: store.batchTtlSeconds,
      streaming_ttl_seconds: store.streamingTtlSeconds,
      entity_count: entityCount,
      entity_ids: ids,
      stats: {
        batch_writes_total: stats.batchWritesTotal,
        streaming_writes_total: stats.streamingWritesTotal,
        reads_total: stats.readsTotal,
        read_fields_total: stats.readFieldsTotal,
      },
      worker: {
        running: worker.state !== 'stopped',
        paused: worker.state === 'paused',
        tick_count: worker.tickCount,
        writes_count: worker.writesCount,
      },
      cluster: {
        mode,
        shards: shards.map(({ address, replicas, slotCount, slotRanges }) => ({
          address,
          role: 'primary',
          slot_count: slotCount,
          slot_share: slotCount / limits.slotCount,
          slot_ranges: slotRanges,
          replicas,
          entity_count: countByShard.get(address) ?? 0,
        })),
      },
    };
  });
}
