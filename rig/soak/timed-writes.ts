/** Ten writers at a time write rows of a few entities with event times, in any order. */

import { sample, type Random } from '../../src/synthetic/seeded-random.ts';
import type { RowOutcome, SkippedRow } from '../../src/index.ts';
import type { Checker } from './checker.ts';
import type { Surroundings } from './conditional-work.ts';
import { codeOf } from './layer-writes.ts';
import { count } from './tally.ts';
import { timedValues, type TimeModel } from './time-model.ts';

const ENTITIES = 3;
const WRITERS = 10;
const TIMES_PER_ENTITY = 6;

interface Event {
  readonly id: string;
  readonly time: number;
}

export class TimedWrites {
  readonly checker: Checker<TimeModel>;
  readonly #around: Surroundings;

  constructor(checker: Checker<TimeModel>, around: Surroundings) {
    this.checker = checker;
    this.#around = around;
  }

  /** Each of the ids gets times of its own; all of them are written in any order. */
  async write(
    random: Random,
    ids: readonly string[] = sample(random, this.checker.model.ids, ENTITIES),
    timesPerEntity: number = TIMES_PER_ENTITY,
  ): Promise<void> {
    const { model } = this.checker;
    const events = ids.flatMap((id) =>
      model.take(random, id, timesPerEntity).map((time): Event => ({ id, time })),
    );
    const shuffled = sample(random, events, events.length);
    const writers = Array.from({ length: WRITERS }, (_, writer) => {
      const own = shuffled.filter((_event, at) => at % WRITERS === writer);
      if (writer % 2 === 0) return this.#batch(random, own);
      return Promise.all(own.map((event) => this.#single(random, event)));
    });
    await Promise.all(writers);
  }

  async #single(random: Random, event: Event): Promise<void> {
    const { id, time } = event;
    const { store, timeoutMs } = this.#around;
    const floors = this.checker.model.floorsOf([id]);
    const options = { timeoutMs, eventTimeMs: time, ifExists: random.next() < 0.5 };
    this.checker.tally.writes++;
    try {
      const outcome = await store(random).updateStreaming(id, timedValues(id, time), options);
      this.#settle(event, outcome, floors[0] ?? 0);
    } catch (error) {
      this.#fail(event, codeOf(error));
    }
  }

  async #batch(random: Random, events: readonly Event[]): Promise<void> {
    const { store, callOptions } = this.#around;
    const floors = this.checker.model.floorsOf(events.map(({ id }) => id));
    const rows = events.map(
      ({ id, time }) => [id, timedValues(id, time), { eventTimeMs: time }] as const,
    );
    const skipped = new Map<number, RowOutcome>();
    const onSkipped = ({ position, reason }: SkippedRow): void =>
      void skipped.set(position, reason);
    const options = { ...callOptions(random), ifExists: random.next() < 0.5, onSkipped };
    this.checker.tally.writes++;
    try {
      const source = random.next() < 0.5 ? rows : rows.values();
      const { failed } = await store(random).updateStreamingBatch(source, options);
      const codes = new Map(failed.map(({ position, error }) => [position, error.code]));
      for (const [at, event] of events.entries()) {
        const code = codes.get(at);
        if (code !== undefined) this.#fail(event, code);
        else this.#settle(event, skipped.get(at) ?? 'written', floors[at] ?? 0);
      }
    } catch (error) {
      for (const event of events) this.#fail(event, codeOf(error));
    }
  }

  #settle({ id, time }: Event, outcome: RowOutcome, floor: number): void {
    const { checker } = this;
    checker.tally.acknowledgedRows++;
    if (outcome === 'absent') {
      checker.report(id, { kind: 'ghost', layer: 'timed', what: 'exists, and was absent' });
      return;
    }
    const finding = checker.model.acknowledge(id, time, outcome === 'written', floor);
    if (finding) checker.report(id, finding);
  }

  #fail({ id, time }: Event, code: string): void {
    count(this.checker.tally.failedWrites, code);
    this.checker.model.fail(id, time, code);
  }
}
