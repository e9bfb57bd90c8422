/** What the paths of the store share: the connection, the key layout, the options, the counters. */

import type { Connection } from '../cluster/connection.ts';
import { Deadline } from '../cluster/deadline.ts';
import { dispatch, type Batch, type Delivery } from '../cluster/dispatch.ts';
import type { Gathered } from '../cluster/gather.ts';
import type { Reply, Unit } from '../cluster/lane.ts';
import { FeatureStoreError } from '../errors.ts';
import type { CallOptions } from './call-options.ts';
import type { KeyLayout } from './key.ts';
import type { FieldTtlSupport } from './field-ttl-support.ts';
import type { ResolvedOptions } from './options.ts';
import type { StoreCounters } from './stats.ts';

export interface Context {
  readonly connection: Connection;
  readonly layout: KeyLayout;
  readonly options: ResolvedOptions;
  readonly counters: StoreCounters;
  readonly fieldTtl: FieldTtlSupport;
}

export function newDeadline(context: Context, options: CallOptions): Deadline {
  const timeoutMs = options.timeoutMs ?? context.options.timeoutMs;
  return new Deadline(timeoutMs, context.connection.closed, options.signal);
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
  if (connection.closed.aborted) throw delivery.deadline.error();
  const gathered = await dispatch(connection, batch, delivery);
  for (const error of gathered.failures.values()) {
    if (error.code === 'ABORTED' || error.code === 'CLOSED') throw error;
  }
  return gathered;
}

/** A batch of one row, whose error is the call's. */
export async function deliverOne<Answer>(
  context: Context,
  key: string,
  unit: Unit,
  read: (replies: readonly Reply[]) => Answer | FeatureStoreError,
  options: CallOptions,
): Promise<Answer> {
  using deadline = newDeadline(context, options);
  const batch: Batch<Answer> = { keys: [key], unitOf: () => unit, answerOf: read };
  const { answers, failures } = await deliver(context, batch, { deadline, purpose: 'online' });
  const failure = failures.get(0);
  if (failure) throw failure;
  return answers[0] as Answer; // a row without a failure has its answer (gather.ts)
}

/** The reply was not of the kind that the command promises. */
export function unexpected(command: string, reply: Reply): FeatureStoreError {
  return new FeatureStoreError(
    'UNEXPECTED_REPLY',
    `${command} replied ${JSON.stringify(reply)}, which is not what it promises.`,
  );
}
