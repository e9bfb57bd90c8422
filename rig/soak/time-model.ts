/**
 * What a read may see of entities that many writers write at once, each row with an event time and
 * in any order:
 *
 *   taken, sent ─┬─ written, or older: a read that begins later sees this time or a later one
 *                └─ failed: nobody knows; it may be seen, unless a later one is there
 *
 * Each time of an entity is sent once, so the newest one that was acknowledged is what stays.
 */

import { sample, type Random } from '../../src/synthetic/seeded-random.ts';
import { namesOf, type Layer } from './layers.ts';
import type { Expectations, Finding, Floors, Row } from './model.ts';

const TIMED: readonly Layer[] = ['timed'];
const NAMES = namesOf(TIMED);
const HISTORY_LENGTH = 24;
/** So many wait at any moment, and come later than newer ones. */
const TIMES_AHEAD = 10;
const ACKNOWLEDGED_KEPT = 500;

interface Acknowledged {
  readonly time: number;
  readonly atMs: number;
}

interface Cell {
  /** The newest time that was taken or is waiting. */
  newest: number;
  /** Times up to the newest that were not taken yet. */
  waiting: number[];
  floor: number;
  replicated: number;
  /** Since everything was replicated last. */
  acknowledged: Acknowledged[];
  /** Times above `seen` and up to `floor` were lost: reads that began before may miss them. */
  losses: { seen: number; readonly floor: number }[];
  readonly history: string[];
}

/** The features that are written with an event time. */
export function timedValues(id: string, time: number): Record<string, string> {
  return { t0: `${id} t0 ${time}`, t1: `${id} t1 ${time}` };
}

export class TimeModel implements Expectations {
  readonly ids: readonly string[];
  readonly layers: readonly Layer[] = TIMED;
  readonly #now: () => number;
  readonly #cells: ReadonlyMap<string, Cell>;

  /** @param now milliseconds since the run began */
  constructor(ids: readonly string[], now: () => number) {
    this.ids = ids;
    this.#now = now;
    this.#cells = new Map(ids.map((id) => [id, newCell()]));
  }

  /** Times of an entity that were not taken before: newer and older ones in any order. */
  take(random: Random, id: string, count: number): number[] {
    const cell = this.#cell(id);
    const times = Array.from({ length: count }, (_, n) => cell.newest + 1 + n);
    cell.newest += count;
    const pool = sample(random, [...cell.waiting, ...times], cell.waiting.length + count);
    cell.waiting = pool.slice(count);
    const taken = pool.slice(0, count);
    note(cell, this.#now(), `sent ${taken.join()}`);
    return taken;
  }

  /**
   * @param isWritten otherwise it is older than what is there
   * @param floor when the write began
   */
  acknowledge(id: string, time: number, isWritten: boolean, floor: number): Finding | undefined {
    const cell = this.#cell(id);
    const atMs = this.#now();
    note(cell, atMs, `${isWritten ? 'written' : 'older'} ${time}`);
    const finding = isWritten && time < floor ? this.#checkTime(id, cell, time, floor) : undefined;
    cell.acknowledged.push({ time, atMs });
    if (cell.acknowledged.length > ACKNOWLEDGED_KEPT) cell.acknowledged.shift();
    if (time > cell.floor) {
      cell.floor = time;
      // Up to here there is something to lose again.
      for (const loss of cell.losses) loss.seen = Math.max(loss.seen, time);
      cell.losses = cell.losses.filter((loss) => loss.seen < loss.floor);
    }
    return finding;
  }

  fail(id: string, time: number, code: string): void {
    note(this.#cell(id), this.#now(), `failed ${code} ${time}`);
  }

  async markReplicated(arrival: () => Promise<unknown>): Promise<void> {
    const floors = this.floorsOf(this.ids);
    await arrival();
    for (const [index, id] of this.ids.entries()) {
      const cell = this.#cell(id);
      const floor = floors[index] ?? 0;
      cell.replicated = Math.max(cell.replicated, floor);
      cell.acknowledged = cell.acknowledged.filter(
        ({ time }) => time > floor && time <= cell.floor,
      );
    }
  }

  floorsOf(ids: readonly string[]): Floors {
    return Int32Array.from(ids, (id) => this.#cells.get(id)?.floor ?? 0);
  }

  check(id: string, row: Row, floors: Floors, index: number): readonly Finding[] {
    const cell = this.#cell(id);
    const floor = floors[index] ?? 0;
    const missing = NAMES.filter((name) => !Object.hasOwn(row, name));
    if (missing.length === NAMES.length && floor === 0) return [];
    if (missing.length > 0) {
      const what = `${missing.join(' and ')} missing, acknowledged ${floor}`;
      return [{ kind: 'wrong null', layer: 'timed', what }];
    }
    const time = Number(row['@event_time']);
    const expected: Row = { ...timedValues(id, time), '@event_time': String(time) };
    const isWhole = NAMES.every((name) => row[name] === expected[name]);
    const isSent = time >= 1 && time <= cell.newest && !cell.waiting.includes(time);
    if (!isWhole || !isSent) {
      const shown = JSON.stringify(NAMES.map((name) => row[name]));
      return [{ kind: 'wrong value', layer: 'timed', what: `${shown}, sent to ${cell.newest}` }];
    }
    const finding = time < floor ? this.#checkTime(id, cell, time, floor) : undefined;
    return finding ? [finding] : [];
  }

  historyOf(id: string): string[] {
    return this.#cells.get(id)?.history ?? [];
  }

  /** A time that was seen is older than one that had been acknowledged before. */
  #checkTime(id: string, cell: Cell, time: number, floor: number): Finding | undefined {
    const { replicated } = cell;
    const isKnown = cell.losses.some((loss) => floor > loss.seen && floor <= loss.floor);
    if (isKnown && time >= replicated) return undefined;
    const first = cell.acknowledged.find((one) => one.time > time && one.time <= floor);
    cell.losses.push({ seen: time, floor });
    if (cell.floor === floor) cell.floor = time;
    note(cell, this.#now(), `acknowledged ${floor}, but seen ${time}`);
    const acknowledgedAtMs = first?.atMs ?? 0;
    const loss = { id, seen: time, acknowledged: floor, acknowledgedAtMs, replicated };
    return { kind: 'lost', layer: 'timed', loss: { ...loss, layer: 'timed' } };
  }

  #cell(id: string): Cell {
    const cell = this.#cells.get(id);
    if (cell === undefined) throw new Error(`the model has no entity ${id}`);
    return cell;
  }
}

function newCell(): Cell {
  return {
    newest: TIMES_AHEAD,
    waiting: Array.from({ length: TIMES_AHEAD }, (_, n) => n + 1),
    floor: 0,
    replicated: 0,
    acknowledged: [],
    losses: [],
    history: [],
  };
}

function note({ history }: Cell, atMs: number, what: string): void {
  history.push(`${atMs.toFixed(1)} ms: ${what}`);
  if (history.length > HISTORY_LENGTH) history.shift();
}
