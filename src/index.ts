/** Public names of cluster-feature-store. */

// The store
export { FeatureStore } from './store/feature-store.ts';
export type { StoreTopology, TopologyOptions } from './store/store-topology.ts';
export type { VipGroup } from './store/vip-group.ts';
export type { FeatureReader, FeatureWriter } from './store/reader-writer.ts';

// Its options
export { isValidId } from './store/key-layout.ts';
export { defaultOptions } from './store/options.ts';
export { limits } from './store/limits.ts';
export type { Limits } from './store/limits.ts';
export type { FeatureStoreOptions } from './store/options.ts';
export type { Credentials } from './cluster/control/credentials.ts';
export type { IoredisClient } from './cluster/lanes/ioredis.ts';
export type {
  BatchReadOptions,
  CallOptions,
  CloseOptions,
  ReadOptions,
  StreamingOptions,
  ValueOptions,
  WriteOptions,
} from './store/call-options.ts';
export type { BulkLoadOptions } from './store/bulk-load.ts';
export type { DeletionOptions } from './store/feature-deletion.ts';
export type { StreamingLoadOptions } from './store/entity-update.ts';
export type { StreamOptions } from './store/feature-stream.ts';
export type { LoadOptions } from './store/row-load.ts';

// What goes in and comes out
export type {
  FeatureBytes,
  FeatureEntry,
  FeatureRow,
  FeatureRows,
  Features,
  FeatureValue,
  RowOptions,
  RowOf,
  ValuesAs,
} from './store/features.ts';
export type { CommitEvent, LoadProgress, LoadResult, SkippedRow } from './store/load-tally.ts';
export type { DeletionProgress } from './store/feature-deletion.ts';
export type { RowOutcome } from './store/row-writer.ts';
export type { PartialRows } from './store/batch-read.ts';
export type { FeatureChunk } from './store/feature-stream.ts';
export type { InspectedEntity, InspectedField, TextOrBytes } from './store/inspect.ts';
export type { StoreStats } from './store/stats.ts';
export type { PipelineReport } from './cluster/delivery/delivery.ts';
export type { ShardCounters, ShardStats } from './cluster/control/counters.ts';
export type {
  ConnectionLostEvent,
  RefreshEvent,
  RowsEvent,
  ShardStateEvent,
} from './cluster/control/diagnostics.ts';
export type { Shard } from './cluster/routing/topology.ts';

// Errors
export { ERROR_CODES, FeatureStoreError } from './errors.ts';
export { PartialBatchError, PartialLoadError } from './store/partial-errors.ts';
export type { ErrorCode } from './errors.ts';
export type { FailedRow, FailureSummary, LoadCounts } from './store/partial-errors.ts';
