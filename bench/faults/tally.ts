/**
 * Calls, judged row by row against what is stored. A null for a row that exists is wrong, not
 * absent.
 */

import type { Answer } from './reader.ts';

export interface Tally {
  readonly calls: number;
  readonly ids: number;
  readonly right: number;
  /** A field that exists, answered as if it did not, with no error. */
  readonly wrongNulls: number;
  readonly wrongValues: number;
  /** Rows with an error in their place, and rows of calls that rejected. */
  readonly failed: number;
  /** Calls in which some id failed: `Promise.all` would have rejected them. */
  readonly callsWithFailures: number;
  /**
   * Calls that had not ended when they were given up on. None of their ids is counted elsewhere.
   */
  readonly endless: number;
  readonly longestCallMs: number;
  /** How often each error came, without the parts that differ from row to row. */
  readonly errors: Readonly<Record<string, number>>;
}

type Open = { -readonly [Name in keyof Tally]: Tally[Name] } & { errors: Record<string, number> };

export class CallTally {
  readonly #sum: Open = {
    calls: 0,
    ids: 0,
    right: 0,
    wrongNulls: 0,
    wrongValues: 0,
    failed: 0,
    callsWithFailures: 0,
    endless: 0,
    longestCallMs: 0,
    errors: {},
  };

  get sum(): Tally {
    return { ...this.#sum, errors: { ...this.#sum.errors } };
  }

  /** Whether every row was right. */
  add(
    answers: readonly Answer[],
    expected: readonly (readonly string[])[],
    elapsedMs: number,
  ): boolean {
    const sum = this.#sum;
    const { right: rightBefore, failed: failedBefore } = sum;
    for (const [row, values] of expected.entries()) this.#judge(answers[row], values);
    sum.calls += 1;
    sum.ids += expected.length;
    sum.longestCallMs = Math.max(sum.longestCallMs, elapsedMs);
    if (sum.failed > failedBefore) sum.callsWithFailures += 1;
    return sum.right - rightBefore === expected.length;
  }

  addEndless(idCount: number, elapsedMs: number): void {
    this.#sum.calls += 1;
    this.#sum.ids += idCount;
    this.#sum.endless += 1;
    this.#sum.longestCallMs = Math.max(this.#sum.longestCallMs, elapsedMs);
  }

  #judge(answer: Answer | undefined, expected: readonly string[]): void {
    const sum = this.#sum;
    if (answer === undefined || 'error' in answer) {
      const kind = kindOf(answer?.error);
      sum.failed += 1;
      sum.errors[kind] = (sum.errors[kind] ?? 0) + 1;
    } else if (expected.every((value, at) => answer.values[at] === value)) {
      sum.right += 1;
    } else if (expected.every((value, at) => [value, null].includes(answer.values[at] ?? null))) {
      sum.wrongNulls += 1;
    } else {
      sum.wrongValues += 1;
    }
  }
}

/** An error's code and message without slots, addresses and ids. */
export function kindOf(error: Error | undefined): string {
  if (error === undefined) return 'no answer';
  const code = (error as { code?: unknown }).code;
  const text = error.message === '' ? error.name : error.message;
  const words = text
    .replaceAll(/\b\d{1,3}(?:\.\d{1,3}){3}:\d+\b/gu, 'HOST:PORT')
    .replaceAll(/\d+/gu, 'N')
    .slice(0, 90);
  return typeof code === 'string' && !words.startsWith(code) ? `${code}: ${words}` : words;
}
