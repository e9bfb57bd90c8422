import type { Address } from '../address.ts';
import type { Deadline } from './deadline.ts';
import type { LanePurpose } from '../lanes/lane-purpose.ts';

/** How a batch is delivered. */
export interface Delivery {
  readonly deadline: Deadline;
  readonly purpose: LanePurpose;
  /** A row counts as written once as many replicas have it; WAIT asks them after each chunk. */
  readonly minReplicas?: number;
  readonly onPipeline?: ((report: PipelineReport) => void) | undefined;
}

/** A pipeline that was sent and answered. */
export interface PipelineReport {
  /** The primary that it went to. */
  readonly shard: Address;
  /** How many keys it had. */
  readonly keyCount: number;
  /** Milliseconds from the start of the call to the write of the pipeline. */
  readonly startMs: number;
  /** Milliseconds from the write of the pipeline to its last reply. */
  readonly elapsedMs: number;
}
