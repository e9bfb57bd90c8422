/** Updates of one entity as events arrive: streaming features, and single batch features. */

import { batchFeatureWriter, type BatchFeatureWriter } from './batch-feature.ts';
import type { CallOptions, WriteOptions } from './call-options.ts';
import { copyOf, FeatureEncoder } from './codec.ts';
import { newDeadline, type Context } from './context.ts';
import type { FeatureRows, Features, FeatureValue } from './features.ts';
import { checkRowsAtHand, loadRows, type LoadOptions, type LoadResult } from './row-load.ts';
import { writeRow, type WriteRow } from './row-write.ts';
import type { RowWriter } from './row-writer.ts';
import { StreamingWriters } from './streaming-write.ts';

export class EntityUpdates {
  readonly #context: Context;
  readonly #streamingWriters: StreamingWriters;
  readonly #batchFeatureWriter: BatchFeatureWriter;

  constructor(context: Context) {
    this.#context = context;
    this.#streamingWriters = new StreamingWriters(context);
    this.#batchFeatureWriter = batchFeatureWriter(context);
  }

  async streaming(
    id: string,
    features: Features,
    ttlSeconds: number,
    options: WriteOptions,
  ): Promise<void> {
    const deadline = newDeadline(this.#context, options);
    try {
      let given = features;
      let command = this.#context.backend.fieldTtl.known;
      if (command === undefined) {
        // The servers are not asked what they know for a row that is refused, or is none.
        if (!this.#isToWrite(id, features)) return;
        given = copyOf(features); // theirs may have changed by the time that servers answer
        command = await this.#context.backend.fieldTtl.command(deadline);
      }
      const writer = this.#streamingWriters.of(command, ttlSeconds);
      const write: WriteRow = (keys, rows) => writer.write(id, given, keys, rows);
      await writeRow(this.#context, id, writer, write, options, deadline);
    } finally {
      deadline.clear();
    }
  }

  async streamingBatch(
    rows: FeatureRows,
    ttlSeconds: number,
    options: LoadOptions,
  ): Promise<LoadResult> {
    // Rows are looked at before the servers are asked what they know.
    if (!this.#context.backend.fieldTtl.known) await checkRowsAtHand(this.#context, rows);
    const writer = await this.#writerInTime(ttlSeconds, options);
    return loadRows(this.#context, rows, writer, options);
  }

  async batchFeature(
    id: string,
    name: string,
    value: FeatureValue,
    options: WriteOptions,
  ): Promise<void> {
    const deadline = newDeadline(this.#context, options);
    try {
      const writer = this.#batchFeatureWriter;
      const write: WriteRow = (keys, rows) => writer.write(id, name, value, keys, rows);
      await writeRow(this.#context, id, writer, write, options, deadline);
    } finally {
      deadline.clear();
    }
  }

  #isToWrite(id: string, features: Features): boolean {
    this.#context.layout.check(id);
    new FeatureEncoder().check(id, features);
    return Object.keys(features).length > 0;
  }

  async #writerInTime(ttlSeconds: number, options: CallOptions): Promise<RowWriter> {
    const deadline = newDeadline(this.#context, options);
    try {
      const command = await this.#context.backend.fieldTtl.command(deadline);
      return this.#streamingWriters.of(command, ttlSeconds);
    } finally {
      deadline.clear();
    }
  }
}
