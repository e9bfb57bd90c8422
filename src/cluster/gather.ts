/**
 * Puts the answers of a scattered batch back in the order of its rows.
 *
 * Every row is settled once: answered or failed. A second settlement would mean that a reply was
 * given to the wrong row or that an answered row was asked again, so it is an error of this package,
 * not something to paper over.
 */

import type { FeatureStoreError } from '../errors.ts';

export interface Gathered<Answer> {
  /** `answers[row]`; undefined where the row is in `failures`. */
  readonly answers: (Answer | undefined)[];
  /** By row, ascending. */
  readonly failures: ReadonlyMap<number, FeatureStoreError>;
}

export class Gather<Answer> {
  readonly #answers: (Answer | undefined)[];
  readonly #failures = new Map<number, FeatureStoreError>();
  readonly #settled: Uint8Array;
  #openCount: number;

  constructor(rowCount: number) {
    this.#answers = Array.from({ length: rowCount });
    this.#settled = new Uint8Array(rowCount);
    this.#openCount = rowCount;
  }

  answer(row: number, answer: Answer): void {
    this.#settle(row);
    this.#answers[row] = answer;
  }

  fail(row: number, error: FeatureStoreError): void {
    this.#settle(row);
    this.#failures.set(row, error);
  }

  result(): Gathered<Answer> {
    if (this.#openCount > 0) throw new Error(`${this.#openCount} rows were never settled`);
    const failures = new Map([...this.#failures].sort(([a], [b]) => a - b));
    return { answers: this.#answers, failures };
  }

  #settle(row: number): void {
    if (this.#settled[row] !== 0) throw new Error(`row ${row} was settled twice, or is no row`);
    this.#settled[row] = 1;
    this.#openCount--;
  }
}
