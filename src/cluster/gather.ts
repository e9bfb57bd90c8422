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

const OPEN = Symbol('not settled');
export const NO_FAILURES: ReadonlyMap<number, FeatureStoreError> = new Map();

export class Gather<Answer> {
  readonly #answers: (Answer | typeof OPEN | undefined)[];
  #failures: Map<number, FeatureStoreError> | undefined;
  #openCount: number;

  constructor(rowCount: number) {
    this.#answers = new Array<typeof OPEN>(rowCount).fill(OPEN);
    this.#openCount = rowCount;
  }

  answer(row: number, answer: Answer): void {
    this.#settle(row);
    this.#answers[row] = answer;
  }

  fail(row: number, error: FeatureStoreError): void {
    this.#settle(row);
    this.#answers[row] = undefined;
    (this.#failures ??= new Map()).set(row, error);
  }

  result(): Gathered<Answer> {
    if (this.#openCount > 0) throw new Error(`${this.#openCount} rows were never settled`);
    const failures = this.#failures
      ? new Map([...this.#failures].sort(([a], [b]) => a - b))
      : NO_FAILURES;
    return { answers: this.#answers as (Answer | undefined)[], failures }; // none is OPEN
  }

  #settle(row: number): void {
    if (this.#answers[row] !== OPEN) throw new Error(`row ${row} was settled twice, or is no row`);
    this.#openCount--;
  }
}
