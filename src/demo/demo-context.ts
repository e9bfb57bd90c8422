import type { FeatureStore } from '../index.ts';
import type { EntityCensus } from './entity-census.ts';
import type { StreamingWorker } from './streaming-worker.ts';

/** What every route works with. */
export interface DemoContext {
  readonly store: FeatureStore;
  readonly worker: StreamingWorker;
  readonly census: EntityCensus;
  /** Runs writes one after the other: a reset must not meet a load half-way. */
  readonly inTurn: <T>(write: () => Promise<T>) => Promise<T>;
}
