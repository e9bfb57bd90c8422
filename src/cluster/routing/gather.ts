/**
 * Puts the answers of a scattered batch back in the order of its rows.
 *
 * Every row is settled once: answered or failed. A second settlement would mean that a reply was
 * given to the wrong row or that an answered row was asked again, so it is an error of this
 * package, not something to paper over.
 */

import type { ErrorCode, FeatureStoreError } from '../../errors.ts';

export interface Gathered<Answer> {
  /** `answers[row]`; undefined where the row is in `failures`. */
  readonly answers: (Answer | undefined)[];
  readonly failures: Failures;
}

const OPEN = Symbol('not settled');

/**
 * Rows that failed. There can be a million, of which a table by row would stop the event loop for
 * long.
 */
export class Failures implements Iterable<[row: number, error: FeatureStoreError]> {
  readonly size: number;
  /** By row; undefined where it did not fail. */
  readonly #errors: readonly (FeatureStoreError | undefined)[];

  readonly #firsts: ReadonlyMap<ErrorCode, FeatureStoreError>;

  constructor(
    errors: readonly (FeatureStoreError | undefined)[],
    size: number,
    firsts: ReadonlyMap<ErrorCode, FeatureStoreError>,
  ) {
    this.#errors = errors;
    this.size = size;
    this.#firsts = firsts;
  }

  get(row: number): FeatureStoreError | undefined {
    return this.#errors[row];
  }

  /** By row, ascending. */
  *[Symbol.iterator](): Generator<[row: number, error: FeatureStoreError]> {
    for (let row = 0; row < this.#errors.length; row++) {
      const error = this.#errors[row];
      if (error !== undefined) yield [row, error];
    }
  }

  *keys(): Generator<number> {
    for (const [row] of this) yield row;
  }

  *values(): Generator<FeatureStoreError> {
    for (const [, error] of this) yield error;
  }

  /** The first that failed with the code. */
  firstWith(code: ErrorCode): FeatureStoreError | undefined {
    return this.#firsts.get(code);
  }
}

export const NO_FAILURES: Failures = new Failures([], 0, new Map());

export class Gather<Answer> {
  readonly #answers: (Answer | typeof OPEN | undefined)[];
  /** By row; made when the first fails. */
  #errors: (FeatureStoreError | undefined)[] | undefined;
  #failureCount = 0;
  /** The first error of each code. */
  #firsts: Map<ErrorCode, FeatureStoreError> | undefined;
  #openCount: number;

  constructor(rowCount: number) {
    this.#answers = rowCount === 1 ? [OPEN] : new Array<typeof OPEN>(rowCount).fill(OPEN);
    this.#openCount = rowCount;
  }

  answer(row: number, answer: Answer): void {
    if (this.#answers[row] !== OPEN) throw settledTwice(row);
    this.#openCount--;
    this.#answers[row] = answer;
  }

  fail(row: number, error: FeatureStoreError): void {
    if (this.#answers[row] !== OPEN) throw settledTwice(row);
    this.#openCount--;
    this.#answers[row] = undefined;
    this.#errors ??= new Array<undefined>(this.#answers.length).fill(undefined);
    this.#errors[row] = error;
    this.#failureCount++;
    this.#firsts ??= new Map();
    if (!this.#firsts.has(error.code)) this.#firsts.set(error.code, error);
  }

  result(): Gathered<Answer> {
    if (this.#openCount > 0) throw new Error(`${this.#openCount} rows were never settled`);
    const failures =
      this.#errors && this.#firsts
        ? new Failures(this.#errors, this.#failureCount, this.#firsts)
        : NO_FAILURES;
    return { answers: this.#answers as (Answer | undefined)[], failures }; // none is OPEN
  }
}

function settledTwice(row: number): Error {
  return new Error(`row ${row} was settled twice, or is no row`);
}
