/** The process that bench/service.ts starts twice: examples/fraud-service, on one store or the other. */

import { FeatureStore } from 'cluster-feature-store';
import { pino } from 'pino';
import { Metrics } from '../../examples/fraud-service/metrics.ts';
import { buildService, type ScoreStore } from '../../examples/fraud-service/service.ts';
import { ioredisStore } from './ioredis-store.ts';
import type { ServiceTask } from './service-process.ts';

/** As examples/fraud-service/main.ts and the command above do, but for the stream. */
async function openStore({ store, nodes, keyPrefix }: ServiceTask): Promise<ScoreStore> {
  if (store === 'ioredis') return ioredisStore(nodes, keyPrefix);
  return FeatureStore.connect({ nodes, keyPrefix, warmUp: true, onShardDown: 'fail-fast' });
}

process.once('message', (message) => {
  void serve(message as ServiceTask); // its other half is service-process.ts
});

async function serve(task: ServiceTask): Promise<void> {
  const store = await openStore(task);
  const { deadlineMs } = task;
  const metrics = new Metrics();
  const service = buildService({ store, metrics, logger: pino(), deadlineMs });
  const url = await service.listen({ host: '127.0.0.1', port: 0 });
  process.on('message', () => {
    void metrics
      .text()
      .then((text) => process.send?.({ cpuUs: cpuUs(), defaults: defaults(text) }));
  });
  process.once('disconnect', () => process.exit());
  process.send?.({ url });
}

function cpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** Scores that were no answer of the store in time. */
function defaults(metrics: string): number {
  const counts = metrics.matchAll(/^fraud_default_scores_total\{.*\} (\d+)$/gm);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}
