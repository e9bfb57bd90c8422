/**
 * Which command writes fields with a TTL, asked of every primary once: versions do not tell, since
 * Valkey calls itself redis_version 7.2.4. A primary that joins later is asked when it has joined.
 */

import { askNode } from '../cluster/ask-node.ts';
import type { Connection } from '../cluster/connection.ts';
import type { Deadline } from '../cluster/deadline.ts';
import type { Topology } from '../cluster/topology.ts';
import { FeatureStoreError } from '../errors.ts';

export type FieldTtlCommand = 'HSETEX' | 'HEXPIRE';

export class FieldTtlSupport {
  readonly #connection: Connection;
  readonly #known = new Map<string, FieldTtlCommand>();
  /** The slot table whose primaries have all been asked, and what all of them know. */
  #settled: { topology: Topology; command: FieldTtlCommand } | undefined;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Whether every primary of the slot table has been asked. */
  get isKnown(): boolean {
    return this.#settled?.topology === this.#connection.topology;
  }

  /**
   * What every primary understands.
   * @throws FeatureStoreError UNSUPPORTED_SERVER where one knows neither; TIMEOUT, ACCESS_DENIED
   */
  async command(newDeadline: () => Deadline): Promise<FieldTtlCommand> {
    const { topology } = this.#connection;
    if (this.#settled?.topology === topology) return this.#settled.command;
    using deadline = newDeadline();
    const commands = await Promise.all(
      topology.shards().map(({ address }) => this.#ask(address, deadline)),
    );
    const command = commands.every((known) => known === 'HSETEX') ? 'HSETEX' : 'HEXPIRE';
    this.#settled = { topology, command };
    return command;
  }

  async #ask(address: string, deadline: Deadline): Promise<FieldTtlCommand> {
    const known = this.#known.get(address);
    if (known) return known;
    const question = ['COMMAND', 'INFO', 'HSETEX', 'HEXPIRE'] as const;
    const reply = await askNode(this.#connection, address, question, deadline);
    const [hsetex, hexpire] = Array.isArray(reply) ? reply : [];
    if (!hsetex && !hexpire) {
      throw new FeatureStoreError(
        'UNSUPPORTED_SERVER',
        `${address} has no field TTLs; streaming features need Redis 7.4 or Valkey 9.0, or later.`,
      );
    }
    const command = hsetex ? 'HSETEX' : 'HEXPIRE';
    this.#known.set(address, command);
    return command;
  }
}
