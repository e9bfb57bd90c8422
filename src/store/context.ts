/** What the paths of the store share: the backend, the key layout, the options, the counters. */

import type { Backend } from '../cluster/delivery/backend.ts';
import { Deadline } from '../cluster/delivery/deadline.ts';
import type { Delivery } from '../cluster/delivery/delivery.ts';
import {
  CommandWriter,
  EncodedRows,
  KeyTable,
  OneKey,
  type Batch,
  type Failures,
  type Gathered,
  type Reply,
  type StringsAs,
  type Word,
} from '../cluster/batch.ts';
import type { FeatureStoreError } from '../errors.ts';
import type { CallOptions, WriteOptions } from './call-options.ts';
import type { GroupRecord } from './group-record.ts';
import type { KeyLayout } from './key-layout.ts';
import type { ResolvedOptions } from './options.ts';
import type { ReadShapes } from './read-shape.ts';
import type { RowBuffer } from './row-write.ts';
import type { StoreCounters } from './stats.ts';

export interface Context {
  readonly backend: Backend;
  readonly layout: KeyLayout;
  readonly options: ResolvedOptions;
  readonly counters: StoreCounters;
  readonly readShapes: ReadShapes;
  readonly rowBuffer: RowBuffer;
  readonly groupRecord: GroupRecord;
  /** Held for their hidden classes (specimens.ts). */
  readonly specimens: readonly object[];
}

export function newDeadline(
  context: Pick<Context, 'backend' | 'options'>,
  options: CallOptions,
  does: 'read' | 'write',
): Deadline {
  const timeoutMs = options.timeoutMs ?? context.options.timeoutMs;
  return new Deadline(timeoutMs, context.backend.closing, options.signal, does === 'write');
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
  const { backend } = context;
  if (backend.closing.isClosed) throw delivery.deadline.error();
  const gathered = await backend.dispatch(batch, delivery);
  throwIfEnded(gathered.failures);
  return gathered;
}

/** A call that was aborted, or whose store was closed, fails as a whole. */
export function throwIfEnded(failures: Failures): void {
  if (failures.size === 0) return;
  const end = failures.firstWith('ABORTED') ?? failures.firstWith('CLOSED');
  if (end) throw end;
}

/** A connection that waits for replicas answers nobody else, so online reads are not on it. */
export function confirmation(
  { minReplicas = 0 }: WriteOptions,
  purpose: Delivery['purpose'],
): Pick<Delivery, 'purpose' | 'minReplicas'> {
  return { purpose: minReplicas > 0 ? 'confirmed' : purpose, minReplicas };
}

/** What is asked about one entity. */
export interface EntityCommands<Answer> {
  readonly id: string;
  /** The name of each command, and the words after the key. */
  readonly commands: readonly (readonly [name: string, ...words: Word[]])[];
  /** The answer, from one reply per command. */
  readonly read: (replies: readonly Reply[]) => Answer | FeatureStoreError;
  /** @default 'text' */
  readonly stringsAs?: StringsAs | undefined;
  /** @default 'read' */
  readonly does?: 'read' | 'write';
}

/** Delivers commands to the key of one entity; the row's error is the call's. */
export async function deliverOne<Answer>(
  context: Context,
  { id, commands, read, stringsAs, does = 'read' }: EntityCommands<Answer>,
  options: WriteOptions,
): Promise<Answer> {
  const { layout } = context;
  const keys = new KeyTable(layout.keyPrefix);
  layout.addKey(keys, id);
  const rows = new EncodedRows(new CommandWriter());
  for (const words of commands) rows.add(keys, 0, words);
  rows.endRow();
  const batch = {
    keys: new OneKey(keys.slotOf(0)),
    commands: rows,
    replies: { stringsAs, answerOf: read },
  };
  const deadline = newDeadline(context, options, does);
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
