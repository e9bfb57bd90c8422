/**
 * What the store stands on: who owns which slot, a way for batches, a way for scans, what the
 * servers know. The store has no other way to a server.
 *
 *   store ──▶ Backend ◀── ServerBackend: the connection to real servers
 *                     ◀── one in memory, for tests of what uses the store
 */

import type { Batch } from '../batch.ts';
import type { Closing } from '../control/closing.ts';
import type { Connection } from '../control/connection.ts';
import type { Counters } from '../control/counters.ts';
import type { ConnectionMode } from '../control/underlay.ts';
import type { Gathered } from '../routing/gather.ts';
import type { Topology } from '../routing/topology.ts';
import type { Deadline } from './deadline.ts';
import type { Delivery } from './delivery.ts';
import { dispatch, dispatchSpecimens } from './dispatch.ts';
import { FieldTtlSupport } from './field-ttl-command.ts';
import { scanKeys, type KeyPage } from './scan.ts';

export interface Backend {
  readonly mode: ConnectionMode;
  /** Who owns which slot now. */
  readonly topology: Topology;
  /** Fires when the store is closed. */
  readonly closing: Closing;
  readonly counters: Counters;
  /** What was counted, and the state of each shard. */
  stats(): ReturnType<Connection['stats']>;
  /** Which command writes fields with a TTL. */
  readonly fieldTtl: Pick<FieldTtlSupport, 'known' | 'command'>;
  /** Delivers a batch: every row is answered, or fails with its reason. Never in the same turn. */
  dispatch<Answer>(batch: Batch<Answer>, delivery: Delivery): Promise<Gathered<Answer>>;
  /** The keys that match, as SCAN finds them; `newDeadline` makes the deadline of each page. */
  scan(pattern: string, newDeadline: () => Deadline): AsyncGenerator<KeyPage>;
  /** Has the topology looked up anew. Never rejects. */
  refresh(): Promise<void>;
  /** Ends what is under way with CLOSED. Never rejects. */
  close(): Promise<void>;
  /** One of each that a dispatch is made of, to be held for their hidden classes. */
  specimens<Answer>(batch: Batch<Answer>, deadline: Deadline): readonly object[];
}

/** Real servers. It adds nothing to what a single read costs. */
export class ServerBackend implements Backend {
  readonly mode: ConnectionMode;
  readonly closing: Closing;
  readonly counters: Counters;
  readonly fieldTtl: FieldTtlSupport;
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.mode = connection.mode;
    this.closing = connection.closing;
    this.counters = connection.counters;
    this.fieldTtl = new FieldTtlSupport(connection);
    this.#connection = connection;
  }

  get topology(): Topology {
    return this.#connection.topology;
  }

  stats(): ReturnType<Connection['stats']> {
    return this.#connection.stats();
  }

  dispatch<Answer>(batch: Batch<Answer>, delivery: Delivery): Promise<Gathered<Answer>> {
    return dispatch(this.#connection, batch, delivery);
  }

  scan(pattern: string, newDeadline: () => Deadline): AsyncGenerator<KeyPage> {
    return scanKeys(this.#connection, pattern, newDeadline);
  }

  refresh(): Promise<void> {
    return this.#connection.refresh();
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  specimens<Answer>(batch: Batch<Answer>, deadline: Deadline): readonly object[] {
    return dispatchSpecimens(this.#connection, batch, deadline);
  }
}
