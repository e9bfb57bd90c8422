/** Options that calls share. */

import type { PipelineReport } from '../cluster/delivery/delivery.ts';
import {
  checkBoolean,
  checkFunction,
  checkInteger,
  checkKeys,
  checkSignal,
  checkTimeLeftMs,
  checkTtlSeconds,
  checkWord,
  refuse,
  show,
} from './option-checks.ts';
import type { ValuesAs } from './features.ts';
import { checkNames } from './codec.ts';
import {
  MAX_FAILED_ROWS,
  MAX_REPLICAS,
  MAX_STREAM_BYTES,
  MAX_TIMEOUT_MS,
  ROWS_PER_WINDOW,
} from './limits.ts';

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
  /**
   * Whether an entity without batch features, which streaming writes alone have made, is read as
   * absent. PTTL is sent with each id to find out, which costs more.
   * @default `false`
   */
  readonly loadedOnly?: boolean;
}

/**
 * What batch reads take.
 * @example
 * ```ts
 * const options = { timeoutMs: 50, onFailure: 'return' } as const;
 * const { rows, failed } = await store.batchGetFeatures(ids, names, options);
 * ```
 */
export interface ReadOptions<As extends ValuesAs = 'text'> extends BatchReadOptions<As> {
  /**
   * What happens when some ids fail: `'throw'` rejects with a PartialBatchError that carries the
   * rows that arrived, `'return'` gives `{ rows, failed }`, as `tryBatchGetFeatures` does.
   * @default `'throw'`
   */
  readonly onFailure?: 'throw' | 'return';
}

/** What all reads of many entities take. */
export interface BatchReadOptions<As extends ValuesAs = 'text'> extends ValueOptions<As> {
  /**
   * Called for each pipeline that was answered, with its shard, how many keys it had, and how many
   * milliseconds it took.
   */
  readonly onPipeline?: (report: PipelineReport) => void;
  /**
   * What an id does that is refused: `'throw'` ends the call with INVALID_ID before anything is
   * sent; `'report'` fails its row alone, and the others are read.
   * @default `'throw'`
   */
  readonly onInvalid?: 'throw' | 'report';
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

/** What `updateStreaming` takes. */
export interface StreamingOptions extends WriteOptions {
  /**
   * TTL in seconds, 1 to 3,153,600,000.
   * @default the store's `streamingTtlSeconds`
   */
  readonly ttlSeconds?: number;
  /**
   * When the event happened, in Unix milliseconds, a whole number from 0 on. The row is written
   * only if it is newer than the row of the same entity and `stream` that was written last with an
   * event time, all features or none; otherwise it is `'older'`, at the same time too. The time is
   * kept in the field `@event_time`, as long as the features that were written with it.
   */
  readonly eventTimeMs?: number;
  /**
   * Whether the row is written only where the entity has batch features; otherwise it is
   * `'absent'`.
   * @default `false`
   */
  readonly ifExists?: boolean;
  /**
   * The name of the stream of events, 256 bytes at the most. Event times of different streams are
   * not compared: give one to each where several write features of their own to one entity.
   */
  readonly stream?: string;
}

/** What `close` takes. */
export interface CloseOptions {
  /**
   * How long calls that are under way may go on, in milliseconds; new ones are refused meanwhile.
   * @default `0`
   */
  readonly drainMs?: number;
}

/** How long `close` waits. @throws FeatureStoreError INVALID_OPTION */
export function checkCloseOptions(options: CloseOptions): number {
  checkKeys('close options', options, ['drainMs']);
  const { drainMs = 0 } = options;
  return checkInteger('close options.drainMs', drainMs, { min: 0, max: MAX_TIMEOUT_MS });
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
  for (const [name, value] of Object.entries(options)) {
    if (value !== undefined) CHECKS.get(name)?.(`${call} options.${name}`, value);
  }
}

type Check = (path: string, value: unknown) => unknown;

const oneOf =
  (...words: readonly string[]): Check =>
  (path, value) =>
    checkWord(path, value, words);
const between =
  (min: number, max: number): Check =>
  (path, value) =>
    checkInteger(path, value, { min, max });

/** By the name of an option, what its value must be. */
const CHECKS: ReadonlyMap<string, Check> = new Map<string, Check>([
  ['timeoutMs', checkTimeLeftMs],
  ['signal', checkSignal],
  ['ttlSeconds', checkTtlSeconds],
  ['minReplicas', between(0, MAX_REPLICAS)],
  ['as', oneOf('text', 'bytes')],
  ['loadedOnly', checkBoolean],
  ['onFailure', oneOf('throw', 'return')],
  ['onInvalid', oneOf('throw', 'report')],
  ['onPipeline', checkFunction],
  ['onProgress', checkFunction],
  ['onCommitted', checkFunction],
  ['onSkipped', checkFunction],
  ['maxFailedRows', between(0, MAX_FAILED_ROWS)],
  ['mode', oneOf('merge', 'replace')],
  ['features', (_, names) => checkNames(names)],
  ['dryRun', checkBoolean],
  ['ifExists', checkBoolean],
  ['stream', checkStream],
  ['maxRows', between(1, ROWS_PER_WINDOW)],
  ['maxDelayMs', between(0, MAX_TIMEOUT_MS)],
]);

/** The name of a stream is a part of a field's. */
function checkStream(path: string, value: unknown): void {
  if (typeof value === 'string' && value !== '' && value.isWellFormed()) {
    const bytes = Buffer.byteLength(value);
    if (bytes <= MAX_STREAM_BYTES) return;
    refuse(`${path} has ${bytes} bytes; the limit is ${MAX_STREAM_BYTES}.`);
  }
  refuse(`${path} must be the name of a stream, but is ${show(value)}.`);
}
