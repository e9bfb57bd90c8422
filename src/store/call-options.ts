/** Options that calls share. */

import type { PipelineReport } from '../cluster/delivery/delivery.ts';
import {
  checkFunction,
  checkInteger,
  checkKeys,
  checkSignal,
  checkTimeoutMs,
  checkTtlSeconds,
  refuse,
  show,
} from './option-checks.ts';
import type { ValuesAs } from './features.ts';
import { MAX_REPLICAS } from './limits.ts';

/** What every call takes. */
export interface CallOptions {
  /**
   * The deadline of the call in milliseconds. For loads it holds for each window of rows from its
   * sending on, for streams for each chunk, for scans and `reset` for each page.
   * @default the `timeoutMs` of the store
   */
  readonly timeoutMs?: number;
  /**
   * Ends the call when it fires: with ABORTED, whose `cause` is the reason of the signal; a load
   * with PARTIAL_LOAD, whose `cause` is that error.
   */
  readonly signal?: AbortSignal;
}

/** What calls take that read values. */
export interface ValueOptions<As extends ValuesAs = 'text'> extends CallOptions {
  /**
   * As what values come. `'text'`: strings, and a row that holds what is not UTF-8 fails with
   * NOT_TEXT. `'bytes'`: Uint8Arrays, of text too.
   * @default `'text'`
   */
  readonly as?: As;
}

/**
 * What batch reads take.
 * @example
 * ```ts
 * const options = { timeoutMs: 50, onFailure: 'return' } as const;
 * const { rows, failed } = await store.batchGetFeatures(ids, names, options);
 * ```
 */
export interface ReadOptions<As extends ValuesAs = 'text'> extends ValueOptions<As> {
  /**
   * Called for each pipeline that was answered, with its shard, how many keys it had, and how many
   * milliseconds it took.
   */
  readonly onPipeline?: (report: PipelineReport) => void;
  /**
   * What happens when some ids fail: `'throw'` rejects with a PartialBatchError that carries the
   * rows that arrived, `'return'` gives `{ rows, failed }`.
   * @default `'throw'`
   */
  readonly onFailure?: 'throw' | 'return';
}

/** What writes take. */
export interface WriteOptions extends CallOptions {
  /**
   * A row counts as written once this number of replicas has it, 0 to 100, as WAIT says within a
   * second (https://redis.io/docs/latest/commands/wait/); otherwise it fails with NOT_REPLICATED,
   * although its primary may keep it. With 0 they are not asked.
   * @default `0`
   */
  readonly minReplicas?: number;
}

/** What a call without options takes; there is nothing to check about it. */
export const NO_OPTIONS: CallOptions = Object.freeze({});

/** Refuses unknown keys and impossible values. */
export function checkCallOptions(
  call: string,
  options: object,
  known: readonly string[] = [],
): asserts options is CallOptions {
  if (options === NO_OPTIONS) return;
  checkKeys(`${call} options`, options, ['timeoutMs', 'signal', ...known]);
  const { timeoutMs, signal }: { timeoutMs?: unknown; signal?: unknown } = options;
  if (timeoutMs !== undefined) checkTimeoutMs(`${call} options.timeoutMs`, timeoutMs);
  checkSignal(`${call} options.signal`, signal);
  const { ttlSeconds }: { ttlSeconds?: unknown } = options;
  if (ttlSeconds !== undefined) checkTtlSeconds(`${call} options.ttlSeconds`, ttlSeconds);
  const { minReplicas }: { minReplicas?: unknown } = options;
  if (minReplicas !== undefined) {
    checkInteger(`${call} options.minReplicas`, minReplicas, { min: 0, max: MAX_REPLICAS });
  }
  const { as }: { as?: unknown } = options;
  if (as !== undefined && as !== 'text' && as !== 'bytes') {
    refuse(`${call} options.as must be 'text' or 'bytes', but is ${show(as)}.`);
  }
  const { onPipeline, onProgress }: { onPipeline?: unknown; onProgress?: unknown } = options;
  checkFunction(`${call} options.onPipeline`, onPipeline);
  checkFunction(`${call} options.onProgress`, onProgress);
}
