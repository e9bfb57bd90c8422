/**
 * Objects that are held for their hidden classes alone.
 *
 * V8 throws optimized code away when a full garbage collection finds no object of a hidden class
 * that the code was made for (`node --trace-deopt` calls it weak objects). What a batch is made of
 * lives no longer than the batch, so after a collection between two batches the next ones would run
 * unoptimized. A store holds one of each for as long as it lives. Client CPU of the first batch of
 * 10,000 ids after a full collection, without them and with them: Node 20 78 and 13 ms, 22 75 and
 * 15, 24 48 and 18, 26 36 and 12.
 */

import { KeyedRows, KeyTable } from '../cluster/batch.ts';
import { batchFeatureWriter } from './batch-feature.ts';
import { newDeadline, type Context } from './context.ts';
import { FeatureReplies, ReadShape } from './read-shape.ts';
import { RowBuffer } from './row-write.ts';

export function specimensOf(context: Omit<Context, 'specimens'>): readonly object[] {
  const { backend, layout } = context;
  const keys = new KeyTable(layout.keyPrefix);
  layout.addKeys(keys, ['specimen']);
  const shape = new ReadShape(['specimen']);
  const commands = new KeyedRows(shape.command, keys);
  const batch = { keys, commands, replies: new FeatureReplies(shape, ['specimen']) };
  const row = new RowBuffer(layout).encode(batchFeatureWriter(context), 'specimen', () => 1);
  const deadline = newDeadline(context, {}, 'read');
  deadline.clear();
  return [batch, row ?? batch, deadline, ...backend.specimens(batch, deadline)];
}
