/**
 * Which command writes fields with a TTL, asked of every primary once: versions do not say, since
 * Valkey calls itself redis_version 7.2.4. A primary that joins later is asked when it has joined.
 *
 * A primary that does not answer holds nobody up for long: what the others know is used meanwhile,
 * and it is asked until it answers.
 */

import { performance } from '../../runtime/clock.ts';
import { askNode } from './node-command.ts';
import { type Connection } from '../control/connection.ts';
import { COMMAND_PATIENCE_MS, COMMAND_QUESTION_MS, LANES_PER_TURN } from '../limits.ts';
import { Deadline } from './deadline.ts';
import type { Topology } from '../routing/topology.ts';
import { inSlices } from '../../runtime/slices.ts';
import { FeatureStoreError } from '../../errors.ts';

export type FieldTtlCommand = 'HSETEX' | 'HEXPIRE';

type Known = FieldTtlCommand | 'none';

interface Question {
  readonly startedAtMs: number;
  /** Rejects where the answer is that it can't be done; resolves also when there is none. */
  readonly answered: Promise<void>;
}

export class FieldTtlSupport {
  readonly #connection: Connection;
  readonly #knownOf = new Map<string, Known>();
  readonly #questions = new Map<string, Question>();
  /** The slot table whose primaries have all been asked, and what all of them know. */
  #settled: { topology: Topology; command: FieldTtlCommand } | undefined;
  /** Why a primary could not be asked. */
  #trouble: FeatureStoreError | undefined;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** What `command` gives, where every primary of the slot table has been asked. */
  get known(): FieldTtlCommand | undefined {
    const settled = this.#settled;
    return settled?.topology === this.#connection.topology ? settled.command : undefined;
  }

  /**
   * What every primary understands, of those that answer.
   * @throws FeatureStoreError UNSUPPORTED_SERVER where none knows either; TIMEOUT, ACCESS_DENIED;
   * SHARD_UNAVAILABLE where all are down
   */
  async command(deadline: Deadline): Promise<FieldTtlCommand> {
    for (;;) {
      const { topology, limits } = this.#connection;
      const { known } = this;
      if (known !== undefined) return known;
      const primaries = topology.shards().map(({ address }) => address);
      await this.#askAll(primaries, deadline);
      const answers = primaries.flatMap((address) => this.#knownOf.get(address) ?? []);
      const commands = answers.filter((answer) => answer !== 'none');
      const command = commands.every((answer) => answer === 'HSETEX') ? 'HSETEX' : 'HEXPIRE';
      if (commands.length > 0) {
        // A primary that knows neither refuses its own rows.
        if (answers.length === primaries.length) this.#settled = { topology, command };
        return command;
      }
      if (answers.length > 0) {
        // They may be upgraded meanwhile.
        for (const address of primaries) this.#knownOf.delete(address);
        throw unsupported(primaries.join(', '));
      }
      const { health } = this.#connection;
      const [first] = primaries;
      const areDown = primaries.every((address) => health.failsRowsOf(address));
      if (first !== undefined && areDown) throw health.errorOf(first);
      await deadline.pause(limits.firstPauseMs);
      await deadline.race(this.#connection.refreshOnSign()).catch(() => undefined);
      if (deadline.passed) throw deadline.error(this.#trouble);
    }
  }

  /** Asks those that have not answered yet, and waits for them as long as they deserve. */
  async #askAll(primaries: readonly string[], deadline: Deadline): Promise<void> {
    const questions: Question[] = [];
    const { health } = this.#connection;
    await inSlices(primaries, LANES_PER_TURN, (address) => {
      if (this.#knownOf.has(address) || health.failsRowsOf(address)) return;
      questions.push(this.#ask(address));
    });
    const youngestMs = Math.max(...questions.map(({ startedAtMs }) => startedAtMs));
    const patienceMs = youngestMs + COMMAND_PATIENCE_MS - performance.now();
    const all = Promise.all(questions.map(({ answered }) => answered));
    all.catch(() => undefined); // the same
    if (patienceMs > 0) await Promise.race([all, deadline.pause(patienceMs)]);
  }

  #ask(address: string): Question {
    const underWay = this.#questions.get(address);
    if (underWay) return underWay;
    const answered = this.#answerOf(address).finally(() => this.#questions.delete(address));
    answered.catch(() => undefined); // it may come when nobody waits any more
    const question = { startedAtMs: performance.now(), answered };
    this.#questions.set(address, question);
    return question;
  }

  async #answerOf(address: string): Promise<void> {
    const deadline = new Deadline(COMMAND_QUESTION_MS, this.#connection.closing);
    const question = ['COMMAND', 'INFO', 'HSETEX', 'HEXPIRE'] as const;
    try {
      const reply = await askNode(this.#connection, address, question, deadline);
      const [hsetex, hexpire] = Array.isArray(reply) ? reply : [];
      this.#knownOf.set(address, hsetex ? 'HSETEX' : hexpire ? 'HEXPIRE' : 'none');
    } catch (error) {
      if (!(error instanceof FeatureStoreError && error.retryable)) throw error;
      this.#trouble = error;
    } finally {
      deadline.clear();
    }
  }
}

function unsupported(addresses: string): FeatureStoreError {
  return new FeatureStoreError(
    'UNSUPPORTED_SERVER',
    `${addresses} know no field TTLs; streaming features need Redis 7.4 or Valkey 9.0, or later.`,
  );
}
