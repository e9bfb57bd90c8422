/**
 * What a service needs of a store, so that a plain object can stand for one in its tests, or
 * another source of features in its place.
 */

import type {
  BatchReadOptions,
  CallOptions,
  StreamingOptions,
  ValueOptions,
  WriteOptions,
} from './call-options.ts';
import type { PartialRows } from './batch-read.ts';
import type { BulkLoadOptions } from './bulk-load.ts';
import type { StreamingLoadOptions } from './entity-update.ts';
import type { FeatureRows, Features, FeatureValue, RowOf } from './features.ts';
import type { LoadResult } from './load-tally.ts';
import type { RowOutcome } from './row-writer.ts';

/**
 * Reads features as text. `Name` are the features that it is asked for: a name that is misspelt does
 * not compile. A FeatureStore is one, of whatever names.
 * @example
 * ```ts
 * type Wanted = 'risk_segment' | 'tx_count_5m';
 * const reader: Pick<FeatureReader<Wanted>, 'getFeatures'> = {
 *   getFeatures: async () => ({ risk_segment: 'low' }),
 * };
 * ```
 */
export interface FeatureReader<Name extends string> {
  /** As `FeatureStore.getFeatures` with names. */
  getFeatures(
    id: string,
    names: readonly Name[],
    options?: ValueOptions,
  ): Promise<RowOf<'text', Name>>;
  /** As `FeatureStore.batchGetFeatures`, which rejects where some ids fail. */
  batchGetFeatures(
    ids: Iterable<string>,
    names: readonly Name[],
    options?: BatchReadOptions,
  ): Promise<RowOf<'text', Name>[]>;
  /** As `FeatureStore.tryBatchGetFeatures`. */
  tryBatchGetFeatures(
    ids: Iterable<string>,
    names: readonly Name[],
    options?: BatchReadOptions,
  ): Promise<PartialRows<RowOf<'text', Name>>>;
}

/** Writes features. A FeatureStore is one. */
export interface FeatureWriter {
  /** As `FeatureStore.bulkLoad`. */
  bulkLoad(rows: FeatureRows, options?: BulkLoadOptions): Promise<LoadResult>;
  /** As `FeatureStore.updateStreaming`. */
  updateStreaming(id: string, features: Features, options?: StreamingOptions): Promise<RowOutcome>;
  /** As `FeatureStore.updateStreamingBatch`. */
  updateStreamingBatch(rows: FeatureRows, options?: StreamingLoadOptions): Promise<LoadResult>;
  /** As `FeatureStore.updateBatchFeature`. */
  updateBatchFeature(
    id: string,
    name: string,
    value: FeatureValue | null,
    options?: WriteOptions,
  ): Promise<void>;
  /** As `FeatureStore.deleteFeatures`. */
  deleteFeatures(id: string, names: readonly string[], options?: WriteOptions): Promise<number>;
  /** As `FeatureStore.deleteEntity`. */
  deleteEntity(id: string, options?: CallOptions): Promise<boolean>;
}
