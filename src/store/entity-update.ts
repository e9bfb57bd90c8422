/** Updates of one entity as events arrive: streaming features, and single batch features. */

import { batchFeatureWriter, type BatchFeatureWriter } from './batch-feature.ts';
import { checkCallOptions, type StreamingOptions, type WriteOptions } from './call-options.ts';
import { checkNewName, copyOf, FeatureEncoder } from './codec.ts';
import { newDeadline, type Context } from './context.ts';
import { deleteNames } from './feature-deletion.ts';
import type { FeatureRows, Features, FeatureValue } from './features.ts';
import { DEFAULT_MAX_DELAY_MS } from './limits.ts';
import type { LoadResult, SkippedRow } from './load-tally.ts';
import { checkEventTimeMs } from './option-checks.ts';
import { checkRowsAtHand, LOAD_OPTIONS, loadRows, type LoadOptions } from './row-load.ts';
import { writeRow, type WriteRow } from './row-write.ts';
import type { RowOutcome, RowWriter } from './row-writer.ts';
import { StreamingWriters, type StreamingTerms } from './streaming-write.ts';

/** What `updateStreamingBatch` takes. The `eventTimeMs` of a row goes with the row. */
export interface StreamingLoadOptions extends LoadOptions {
  /**
   * Whether rows are written only where the entity has batch features; others are `'absent'`.
   * @default `false`
   */
  readonly ifExists?: boolean;
  /** The name of the stream of events, as in `StreamingOptions`. */
  readonly stream?: string;
  /**
   * Rows that are sent together at the most, 1 to 10,000.
   * @default `10_000`
   */
  readonly maxRows?: number;
  /**
   * How long a row of an async source waits for others to be sent with, in milliseconds, from 0 on.
   * It also waits while 20,000 rows are under way, or a row of the same id is.
   * @default `100`
   */
  readonly maxDelayMs?: number;
  /** Called for each row that was passed over: `'older'` by its event time, or `'absent'`. */
  readonly onSkipped?: (row: SkippedRow) => void;
}

/** Options that all streaming writes have. */
const TERMS: readonly string[] = ['ttlSeconds', 'ifExists', 'stream'];

export class EntityUpdates {
  readonly #context: Context;
  readonly #streamingWriters: StreamingWriters;
  readonly #batchFeatureWriter: BatchFeatureWriter;

  constructor(context: Context) {
    this.#context = context;
    this.#streamingWriters = new StreamingWriters(context);
    this.#batchFeatureWriter = batchFeatureWriter(context);
  }

  async streaming(id: string, features: Features, options: StreamingOptions): Promise<RowOutcome> {
    checkCallOptions('updateStreaming', options, [...TERMS, 'minReplicas', 'eventTimeMs']);
    const terms = this.#termsOf(options);
    const { eventTimeMs } = options;
    const deadline = newDeadline(this.#context, options, 'write');
    try {
      let given = features;
      let command = this.#context.backend.fieldTtl.known;
      if (command === undefined) {
        // The servers are not asked what they know for a row that is refused, or is none.
        if (!this.#isToWrite(id, features, eventTimeMs)) return 'written';
        given = copyOf(features); // theirs may have changed by the time that servers answer
        command = await this.#context.backend.fieldTtl.command(deadline);
      }
      const writer = this.#streamingWriters.of(command, terms);
      const write: WriteRow = (keys, rows) => writer.write(id, given, keys, rows, eventTimeMs);
      return await writeRow(this.#context, id, writer, write, options, deadline);
    } finally {
      deadline.clear();
    }
  }

  async streamingBatch(rows: FeatureRows, options: StreamingLoadOptions): Promise<LoadResult> {
    const known = [...LOAD_OPTIONS, ...TERMS, 'maxRows', 'maxDelayMs', 'onSkipped'];
    checkCallOptions('updateStreamingBatch', options, known);
    const { maxRows, maxDelayMs = DEFAULT_MAX_DELAY_MS, onSkipped } = options;
    // Rows are looked at before the servers are asked what they know.
    const isUnknown = this.#context.backend.fieldTtl.known === undefined;
    if (isUnknown && options.onInvalid !== 'report') await checkRowsAtHand(this.#context, rows);
    const writer = await this.#writerInTime(options);
    return loadRows(this.#context, rows, { writer, maxRows, maxDelayMs, onSkipped }, options);
  }

  async batchFeature(
    id: string,
    name: string,
    value: FeatureValue | null,
    options: WriteOptions,
  ): Promise<void> {
    checkCallOptions('updateBatchFeature', options, ['minReplicas']);
    if (value === null) {
      checkNewName(name);
      await deleteNames(this.#context, id, [name], options);
      return;
    }
    const deadline = newDeadline(this.#context, options, 'write');
    try {
      const writer = this.#batchFeatureWriter;
      const write: WriteRow = (keys, rows) => writer.write(id, name, value, keys, rows);
      await writeRow(this.#context, id, writer, write, options, deadline);
    } finally {
      deadline.clear();
    }
  }

  #isToWrite(id: string, features: Features, eventTimeMs: number | undefined): boolean {
    this.#context.layout.check(id);
    checkEventTimeMs(id, eventTimeMs);
    new FeatureEncoder().check(id, features);
    return Object.keys(features).length > 0;
  }

  #termsOf({ ttlSeconds, ifExists, stream }: StreamingOptions): StreamingTerms {
    return {
      ttlSeconds: ttlSeconds ?? this.#context.options.streamingTtlSeconds,
      ifExists,
      stream,
    };
  }

  async #writerInTime(options: StreamingLoadOptions): Promise<RowWriter> {
    const deadline = newDeadline(this.#context, options, 'read');
    try {
      const command = await this.#context.backend.fieldTtl.command(deadline);
      return this.#streamingWriters.of(command, this.#termsOf(options));
    } finally {
      deadline.clear();
    }
  }
}
