/** What the paths of the store share: the connection, the key layout, the options, the counters. */

import type { Connection } from '../cluster/connection.ts';
import { Deadline } from '../cluster/deadline.ts';
import type { Delivery } from '../cluster/delivery.ts';
import { dispatch } from '../cluster/dispatch.ts';
import type { Gathered } from '../cluster/gather.ts';
import type { LanePurpose } from '../cluster/lane-purpose.ts';
import { ASKING, type Word } from '../cluster/resp/command-writer.ts';
import type { Reply, StringsAs } from '../cluster/resp/reply-reader.ts';
import type { Batch } from '../cluster/row-exchange.ts';
import { slotOf } from '../cluster/slot.ts';
import type { FeatureStoreError } from '../errors.ts';
import type { CallOptions, WriteOptions } from './call-options.ts';
import type { KeyLayout } from './key.ts';
import type { FieldTtlSupport } from './field-ttl-support.ts';
import type { ResolvedOptions } from './options.ts';
import type { ReadShapes } from './read-shape.ts';
import type { RowBuffer } from './row-write.ts';
import type { StoreCounters } from './stats.ts';

export interface Context {
  readonly connection: Connection;
  readonly layout: KeyLayout;
  readonly options: ResolvedOptions;
  readonly counters: StoreCounters;
  readonly fieldTtl: FieldTtlSupport;
  readonly readShapes: ReadShapes;
  readonly rowBuffer: RowBuffer;
  /** Held for their hidden classes (specimens.ts). */
  readonly specimens: readonly object[];
}

export function newDeadline(
  context: Pick<Context, 'connection' | 'options'>,
  options: CallOptions,
): Deadline {
  const timeoutMs = options.timeoutMs ?? context.options.timeoutMs;
  return new Deadline(timeoutMs, context.connection.closing, options.signal);
}

/**
 * Dispatches a batch. Where the caller aborted it or the store was closed, the whole call fails:
 * nobody wants the rest.
 * @throws FeatureStoreError ABORTED, CLOSED
 */
export async function deliver<Answer>(
  context: Context,
  batch: Batch<Answer>,
  delivery: Delivery,
): Promise<Gathered<Answer>> {
  const { connection } = context;
  if (connection.closing.isClosed) throw delivery.deadline.error();
  const gathered = await dispatch(connection, batch, delivery);
  const end = gathered.failures.firstWith('ABORTED') ?? gathered.failures.firstWith('CLOSED');
  if (end) throw end;
  return gathered;
}

/** A connection that waits for replicas answers nobody else, so online reads are not on it. */
export function confirmation(
  { minReplicas = 0 }: WriteOptions,
  purpose: LanePurpose,
): Pick<Delivery, 'purpose' | 'minReplicas'> {
  return { purpose: minReplicas > 0 ? 'confirmed' : purpose, minReplicas };
}

/** Commands to one key, their words, and what their replies are; the row's error is the call's. */
export async function deliverOne<Answer>(
  context: Context,
  key: string,
  commands: readonly (readonly Word[])[],
  read: (replies: readonly Reply[]) => Answer | FeatureStoreError,
  options: WriteOptions,
  stringsAs: StringsAs = 'text',
): Promise<Answer> {
  const batch: Batch<Answer> = {
    rowCount: 1,
    slotOf: () => slotOf(key),
    commandsPerRow: commands.length,
    stringsAs,
    encode: (_, writer, asking) => {
      for (const words of commands) {
        if (asking) writer.encoded(ASKING);
        writer.command(words);
      }
    },
    answerOf: read,
    bytesOf: () => 0,
  };
  const deadline = newDeadline(context, options);
  try {
    const delivery = { deadline, ...confirmation(options, 'online') };
    const { answers, failures } = await deliver(context, batch, delivery);
    const failure = failures.get(0);
    if (failure) throw failure;
    return answers[0] as Answer; // a row without a failure has its answer (gather.ts)
  } finally {
    deadline.clear();
  }
}
