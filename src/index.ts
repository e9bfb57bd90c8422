/** Public names of cluster-feature-store. */

// The store
export { FeatureStore } from './store/feature-store.ts';
export type { StoreTopology } from './store/feature-store.ts';
export type { VipGroup } from './store/vip-group.ts';

// Its options
export { defaultOptions } from './store/options.ts';
export { limits } from './store/limits.ts';
export type { Limits } from './store/limits.ts';
export type { FeatureStoreOptions } from './store/options.ts';
export type { Credentials } from './cluster/control/credentials.ts';
export type { IoredisClient } from './cluster/lanes/ioredis.ts';
export type { CallOptions, ReadOptions, ValueOptions, WriteOptions } from './store/call-options.ts';
export type { StreamOptions } from './store/feature-stream.ts';
export type { LoadOptions } from './store/row-load.ts';

// What goes in and comes out
export type {
  FeatureBytes,
  FeatureRow,
  FeatureRows,
  Features,
  FeatureValue,
  RowOf,
  ValuesAs,
} from './store/features.ts';
export type { LoadProgress, LoadResult } from './store/row-load.ts';
export type { PartialRows } from './store/batch-read.ts';
export type { FeatureChunk } from './store/feature-stream.ts';
export type { InspectedEntity, InspectedField, TextOrBytes } from './store/inspect.ts';
export type { StoreStats } from './store/stats.ts';
export type { PipelineReport } from './cluster/delivery/delivery.ts';
export type { ShardCounters } from './cluster/control/counters.ts';
export type {
  ConnectionLostEvent,
  RefreshEvent,
  RowsEvent,
} from './cluster/control/diagnostics.ts';
export type { Shard } from './cluster/routing/topology.ts';

// Errors
export { ERROR_CODES, FeatureStoreError, PartialBatchError, PartialLoadError } from './errors.ts';
export type { ErrorCode, FailedRow } from './errors.ts';
