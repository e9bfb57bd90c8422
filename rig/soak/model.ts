/**
 * What a read may see: every row of the workload is checked against this.
 *
 * An entity has layers. The features of a layer are written together, with a version that only
 * grows, and by one write at a time:
 *
 *   begin ─▶ version sent ─┬─ acknowledged: a read that begins later sees this version or a later one
 *                          └─ failed: nobody knows; it may be seen, now or later
 *
 * Time goes by event times in time-model.ts.
 */

import { hasFeature, kindOf, LAYERS, type Layer } from './layers.ts';

export type Row = Readonly<Record<string, string>>;

/** An acknowledged write that a later read did not see. */
export interface Loss {
  readonly id: string;
  readonly layer: Layer;
  /** What was seen, and what had been acknowledged before the read began. */
  readonly seen: number;
  readonly acknowledged: number;
  /**
   * When the first version that is missing was acknowledged; of the clock's zero where that is
   * forgotten.
   */
  readonly acknowledgedAtMs: number;
  /** The last version that is known to be on replicas as well. */
  readonly replicated: number;
}

/** What is wrong with one layer of a row. */
export type Finding =
  | { readonly kind: 'wrong value' | 'wrong null'; readonly layer: Layer; readonly what: string }
  /** Features that no version has together: a write was seen half done, or one of them came back. */
  | { readonly kind: 'mixed'; readonly layer: Layer; readonly what: string }
  /** Features of an entity that must not exist. */
  | { readonly kind: 'ghost'; readonly layer: Layer; readonly what: string }
  | { readonly kind: 'lost'; readonly layer: Layer; readonly loss: Loss }
  /** A version is there again that a read before had not seen. */
  | { readonly kind: 'stale'; readonly layer: Layer; readonly what: string }
  /** A write of unknown outcome came after a later one that was acknowledged. */
  | { readonly kind: 'overtaken'; readonly layer: Layer; readonly what: string };

const HISTORY_LENGTH = 12;
const UNKNOWN_KEPT = 100;

interface Event {
  readonly atMs: number;
  readonly what: string;
  readonly version: number;
}

interface Cell {
  sent: number;
  acknowledged: number;
  replicated: number;
  underWay: boolean;
  /** Versions whose write failed. */
  readonly unknown: Set<number>;
  /** Versions above `seen` and up to `acknowledged` were lost. */
  losses: { seen: number; acknowledged: number }[];
  readonly history: Event[];
}

/** What reads are held against. */
export interface Expectations {
  readonly ids: readonly string[];
  readonly layers: readonly Layer[];
  /** What a read of these ids that begins now has to see at least: a version per id and layer. */
  floorsOf(ids: readonly string[]): Floors;
  /** @param index the id's position among those that `floors` was taken of */
  check(id: string, row: Row, floors: Floors, index: number): readonly Finding[];
  /** The last writes of the entity's layer, one a line. */
  historyOf(id: string, layer: Layer): string[];
  /**
   * What is acknowledged now is on replicas once `arrival` resolves: from then on no failover may
   * lose it.
   */
  markReplicated(arrival: () => Promise<unknown>): Promise<void>;
}

export class Model implements Expectations {
  readonly ids: readonly string[];
  readonly layers: readonly Layer[];
  readonly #now: () => number;
  /** In the order of the layers. */
  readonly #cells: ReadonlyMap<string, readonly Cell[]>;

  /** @param now milliseconds since the run began, for histories */
  constructor(ids: readonly string[], now: () => number, layers: readonly Layer[] = LAYERS) {
    this.ids = ids;
    this.layers = layers;
    this.#now = now;
    this.#cells = new Map(ids.map((id) => [id, layers.map(newCell)]));
  }

  /** Whether a write of the layer is under way; the next one has to wait for it. */
  isBusy(layer: Layer, id: string): boolean {
    return this.#cell(layer, id).underWay;
  }

  /** The version to write next. */
  begin(layer: Layer, id: string): number {
    const cell = this.#cell(layer, id);
    if (cell.underWay) throw new Error(`two writes of ${layer} of ${id} at once`);
    cell.underWay = true;
    cell.sent++;
    this.#note(cell, 'sent', cell.sent);
    return cell.sent;
  }

  acknowledge(layer: Layer, id: string): void {
    const cell = this.#cell(layer, id);
    cell.underWay = false;
    cell.acknowledged = cell.sent;
    this.#note(cell, 'acknowledged', cell.sent);
  }

  fail(layer: Layer, id: string, code: string): void {
    const cell = this.#cell(layer, id);
    cell.underWay = false;
    cell.unknown.add(cell.sent);
    const [oldest] = cell.unknown;
    if (cell.unknown.size > UNKNOWN_KEPT && oldest !== undefined) cell.unknown.delete(oldest);
    this.#note(cell, `failed ${code}`, cell.sent);
  }

  async markReplicated(arrival: () => Promise<unknown>): Promise<void> {
    const floors = this.floorsOf(this.ids);
    await arrival();
    for (const [index, id] of this.ids.entries()) {
      for (const [offset, layer] of this.layers.entries()) {
        const floor = floors[index * this.layers.length + offset] ?? 0;
        const cell = this.#cell(layer, id);
        cell.replicated = Math.max(cell.replicated, floor);
      }
    }
  }

  floorsOf(ids: readonly string[]): Floors {
    const { length } = this.layers;
    const floors = new Int32Array(ids.length * length);
    for (const [index, id] of ids.entries()) {
      const cells = this.#cells.get(id) ?? [];
      for (const [offset, cell] of cells.entries()) {
        floors[index * length + offset] = cell.acknowledged;
      }
    }
    return floors;
  }

  check(id: string, row: Row, floors: Floors, index: number): readonly Finding[] {
    const cells = this.#cells.get(id);
    if (cells === undefined) {
      const names = Object.keys(row);
      if (names.length === 0) return NOTHING;
      const [layer = 'batch'] = this.layers;
      return [{ kind: 'wrong value', layer, what: `never written, has ${names.join()}` }];
    }
    let findings: Finding[] | undefined;
    for (const [offset, cell] of cells.entries()) {
      const layer = this.layers[offset] ?? 'batch';
      const floor = floors[index * cells.length + offset] ?? 0;
      const finding = this.#checkLayer(id, layer, cell, row, floor);
      if (finding) (findings ??= []).push(finding);
    }
    return findings ?? NOTHING;
  }

  historyOf(id: string, layer: Layer): string[] {
    const cell = this.#cells.get(id)?.[this.layers.indexOf(layer)];
    return (cell?.history ?? []).map(
      ({ atMs, what, version }) => `${atMs.toFixed(1)} ms: ${what} ${version}`,
    );
  }

  #checkLayer(id: string, layer: Layer, cell: Cell, row: Row, floor: number): Finding | undefined {
    // Millions of rows come this way.
    const { names, varies = false } = kindOf(layer);
    let [presentCount, version, isMixed, isWrong] = [0, 0, false, false];
    for (const name of names) {
      const value = row[name];
      if (value === undefined) continue;
      const its = Number(value.slice(value.lastIndexOf(' ') + 1));
      isWrong ||= !(its >= 1 && its <= cell.sent) || value !== `${id} ${name} ${its}`;
      isMixed ||= presentCount > 0 && its !== version;
      version = its;
      presentCount++;
    }
    if (presentCount === 0 && floor === 0) return undefined;
    if (presentCount === 0 || (!varies && presentCount < names.length)) {
      const missing = names.filter((name) => row[name] === undefined).join(' and ');
      return { kind: 'wrong null', layer, what: `${missing} missing, acknowledged ${floor}` };
    }
    isMixed ||=
      varies &&
      names.some((name, at) => (row[name] !== undefined) !== hasFeature(layer, version, at));
    if (isWrong || isMixed) {
      const kind = varies && !isWrong ? 'mixed' : 'wrong value';
      const shown = JSON.stringify(names.map((name) => row[name]).filter(Boolean));
      return { kind, layer, what: `${shown}, sent 1 to ${cell.sent}` };
    }
    return this.#checkVersion(id, layer, cell, version, floor);
  }

  #checkVersion(
    id: string,
    layer: Layer,
    cell: Cell,
    version: number,
    floor: number,
  ): Finding | undefined {
    const again = cell.losses.find((loss) => version > loss.seen && version <= loss.acknowledged);
    if (again) {
      cell.losses = cell.losses.filter((loss) => loss !== again);
      cell.acknowledged = Math.max(cell.acknowledged, version);
      this.#note(cell, 'seen again', version);
      return {
        kind: 'stale',
        layer,
        what: `${again.seen} was seen, and ${version} is there again`,
      };
    }
    if (version >= floor) return undefined;
    const known = cell.losses.find(
      ({ seen, acknowledged }) => floor > seen && floor <= acknowledged,
    );
    if (known && version >= known.seen) return undefined;
    if (cell.unknown.has(version)) {
      if (cell.acknowledged === floor) cell.acknowledged = version;
      this.#note(cell, 'seen, overtaking,', version);
      return { kind: 'overtaken', layer, what: `${version} is seen after ${floor}` };
    }
    const first = cell.history.find(
      (event) => event.what === 'acknowledged' && event.version > version,
    );
    cell.losses.push({ seen: version, acknowledged: floor });
    if (cell.acknowledged === floor) cell.acknowledged = version;
    this.#note(cell, `acknowledged ${floor}, but seen`, version);
    const { replicated } = cell;
    const acknowledgedAtMs = first?.atMs ?? 0;
    const loss = { id, layer, seen: version, acknowledged: floor, acknowledgedAtMs, replicated };
    return { kind: 'lost', layer, loss };
  }

  #note(cell: Cell, what: string, version: number): void {
    cell.history.push({ atMs: this.#now(), what, version });
    if (cell.history.length > HISTORY_LENGTH) cell.history.shift();
  }

  #cell(layer: Layer, id: string): Cell {
    const cells = this.#cells.get(id);
    if (cells === undefined) throw new Error(`the model has no entity ${id}`);
    const cell = cells[this.layers.indexOf(layer)];
    if (cell === undefined) throw new Error(`entity ${id} has no layer ${layer}`);
    return cell;
  }
}

/** By id and layer, the version that was acknowledged. */
export type Floors = Int32Array;

const NOTHING: readonly Finding[] = [];

function newCell(): Cell {
  return {
    sent: 0,
    acknowledged: 0,
    replicated: 0,
    underWay: false,
    unknown: new Set(),
    losses: [],
    history: [],
  };
}
