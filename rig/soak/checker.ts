/** Holds rows and TTLs against the model, and counts. */

import type { FailedRow, FeatureRow } from '../../src/index.ts';
import { kindOf, type Layer } from './layers.ts';
import type { Expectations, Finding, Floors, Loss } from './model.ts';
import { addViolation, count, newTally, type Tally } from './tally.ts';

/**
 * Names the cause of a loss that Redis does not promise to prevent; undefined where there is none.
 */
export type Tolerate = (loss: Loss) => string | undefined;

export interface Ttls {
  readonly batchTtlSeconds: number;
  readonly streamingTtlSeconds: number;
}

export class Checker<Model extends Expectations = Expectations> {
  readonly model: Model;
  readonly tally: Tally;
  readonly #tolerate: Tolerate;
  /** What was reported once need not be reported again. */
  readonly #told = new Set<string>();

  /** @param tally that of another checker, where they count together */
  constructor(
    model: Model,
    seed: number,
    tolerate: Tolerate = () => undefined,
    tally: Tally = newTally(seed),
  ) {
    this.model = model;
    this.tally = tally;
    this.#tolerate = tolerate;
  }

  /** @param floors of `ids`, taken before the read began */
  checkRows(
    ids: readonly string[],
    floors: Floors,
    rows: readonly (FeatureRow | undefined)[],
    failed: readonly FailedRow[],
  ): void {
    this.tally.reads++;
    if (rows.length !== ids.length) {
      this.tally.wrongValues++;
      addViolation(this.tally, `${rows.length} rows for ${ids.length} ids`);
    }
    let failedCount = 0;
    for (const [index, id] of ids.entries()) {
      const row = rows[index];
      if (row === undefined) failedCount++;
      else this.#checkRow(id, row, floors, index);
    }
    this.countFailed(failed.map(({ error }) => error.code));
    if (failedCount === failed.length) return;
    this.tally.wrongNulls++;
    addViolation(this.tally, `${failedCount} rows are missing, ${failed.length} are reported`);
  }

  /** A call that gave no rows at all. */
  countFailed(codes: readonly string[]): void {
    for (const code of codes) count(this.tally.failedRows, code);
  }

  /** @param fieldTtls seconds by name; -1: no TTL of its own, -2: no such feature */
  checkTtls(
    id: string,
    keyTtl: number,
    fieldTtls: Readonly<Record<string, number>>,
    floors: Floors,
    { batchTtlSeconds, streamingTtlSeconds }: Ttls,
  ): void {
    this.tally.ttlChecks++;
    const { layers } = this.model;
    const isLoaded = layers.some((layer, at) => kindOf(layer).setsKeyTtl && (floors[at] ?? 0) > 0);
    const wrong = layers
      .filter((layer, at) => {
        const { names, isStreaming, varies, setsKeyTtl } = kindOf(layer);
        const isThere = (floors[at] ?? 0) > 0;
        const mayBeAbsent = varies ?? !(isStreaming ?? setsKeyTtl);
        const isFine = (ttl: number): boolean => {
          if (ttl === -2 && (mayBeAbsent || !isThere)) return true;
          return isStreaming ? ttl > 0 && ttl <= streamingTtlSeconds : ttl === -1;
        };
        return !names.every((name) => isFine(fieldTtls[name] ?? Number.NaN));
      })
      .map((layer) => `${layer} features`);
    if (isLoaded && !(keyTtl > 0 && keyTtl <= batchTtlSeconds)) wrong.unshift('key');
    if (wrong.length === 0) return;
    this.tally.wrongTtls++;
    const ttls = JSON.stringify({ key: keyTtl, ...fieldTtls });
    this.#violation(id, layers[0] ?? 'batch', `wrong TTL of ${wrong.join(', ')}: ${ttls}`);
  }

  /** Something else that must not be. */
  violation(what: string): void {
    addViolation(this.tally, `${what} (seed ${this.tally.seed})`);
  }

  #checkRow(id: string, row: FeatureRow, floors: Floors, index: number): void {
    this.tally.rows++;
    const findings = this.model.check(id, row, floors, index);
    for (const finding of findings) this.report(id, finding);
  }

  report(id: string, finding: Finding): void {
    const { tally } = this;
    switch (finding.kind) {
      case 'wrong value':
        tally.wrongValues++;
        break;
      case 'wrong null':
        tally.wrongNulls++;
        break;
      case 'mixed':
        tally.wrongReplacements++;
        break;
      case 'ghost':
        tally.wrongGhosts++;
        break;
      case 'stale':
        tally.staleReads++;
        return;
      case 'overtaken':
        tally.overtakenWrites++;
        return;
      case 'lost': {
        const { loss } = finding;
        // What is on the replicas too is lost by nobody's leave.
        const cause = loss.seen < loss.replicated ? undefined : this.#tolerate(loss);
        if (cause !== undefined) {
          count(tally.lostByCause, cause);
          return;
        }
        if (loss.layer === 'timed') tally.wrongTimes++;
        else tally.lostWrites++;
        this.#violation(
          id,
          loss.layer,
          `lost: ${loss.acknowledged} acknowledged, ${loss.seen} seen`,
        );
        return;
      }
    }
    this.#violation(id, finding.layer, `${finding.kind}: ${finding.what}`);
  }

  #violation(id: string, layer: Layer, what: string): void {
    const subject = `${id} ${layer}`;
    if (this.#told.has(subject)) return;
    this.#told.add(subject);
    const history = this.model.historyOf(id, layer).join('\n    ');
    addViolation(this.tally, `${subject}: ${what} (seed ${this.tally.seed})\n    ${history}`);
  }
}
