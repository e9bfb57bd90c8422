/**
 * A model as a module: which features it reads, and a function from rows to scores. What the module
 * gives is not believed: a missing or impossible score would be a wrong decision later.
 */

import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { FeatureRow } from '../index.ts';
import { CommandError } from './command-error.ts';

export type Scores = ArrayLike<number>;

/** What a scorer module exports. */
export interface ScorerModule {
  /** The features it reads, unless the command line names others. */
  readonly features?: readonly string[];
  /**
   * One finite number per row, in the order of the rows. A feature that is absent is not in its
   * row. Called with one chunk after the other, never with none.
   */
  score(rows: readonly FeatureRow[], ids: readonly string[]): Scores | Promise<Scores>;
}

export interface Scorer {
  /** What messages call it. */
  readonly name: string;
  readonly features: readonly string[] | undefined;
  /** @throws CommandError SCORER_FAILED */
  score(rows: readonly FeatureRow[], ids: readonly string[]): Promise<Scores>;
}

/** @throws CommandError INVALID_SCORER */
export async function loadScorer(path: string): Promise<Scorer> {
  let module: object;
  try {
    module = (await import(pathToFileURL(resolve(path)).href)) as object; // a module's namespace
  } catch (error) {
    throw invalid(path, `cannot be loaded: ${messageOf(error)}`, error);
  }
  return checkedScorer(path, module);
}

/** @throws CommandError INVALID_SCORER */
export function checkedScorer(name: string, module: object): Scorer {
  const { features, score }: { features?: unknown; score?: unknown } = module;
  if (typeof score !== 'function') {
    throw invalid(name, 'must export a function score(rows, ids), but exports none');
  }
  if (features !== undefined && !isNameList(features)) {
    throw invalid(name, 'exports features that are not a list of names');
  }
  return {
    name,
    features,
    score: async (rows, ids) => {
      let scores: unknown;
      try {
        scores = await score(rows, ids);
      } catch (error) {
        throw failed(name, `threw on ${chunkOf(ids)}: ${messageOf(error)}`, error);
      }
      return checkScores(name, scores, ids);
    },
  };
}

function checkScores(name: string, scores: unknown, ids: readonly string[]): Scores {
  if (!isNumberList(scores)) {
    throw failed(
      name,
      `gave ${describe(scores)} for ${chunkOf(ids)}; it must give a list of numbers`,
    );
  }
  if (scores.length !== ids.length) {
    throw failed(
      name,
      `gave ${scores.length} scores for ${chunkOf(ids)}; it must give one per row`,
    );
  }
  for (const [row, id] of ids.entries()) {
    const score: unknown = scores[row];
    if (typeof score === 'number' && Number.isFinite(score)) continue;
    throw failed(
      name,
      `gave ${describe(score)} for row ${row} of ${chunkOf(ids)}, id '${id}'; it must give a finite number`,
    );
  }
  return scores;
}

function isNameList(value: unknown): value is readonly string[] {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((name) => typeof name === 'string' && name !== '')
  );
}

/** An array or a typed array; what is in it is looked at one by one. */
function isNumberList(value: unknown): value is Scores {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && 'length' in value);
}

function chunkOf(ids: readonly string[]): string {
  return `the chunk of ${ids.length} rows that begins with id '${ids[0] ?? ''}'`;
}

function describe(value: unknown): string {
  // It may be the value of a feature.
  if (typeof value === 'string' || Number.isFinite(value)) return `a ${typeof value}`;
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function invalid(name: string, problem: string, cause?: unknown): CommandError {
  return new CommandError('INVALID_SCORER', `scorer ${name} ${problem}`, { cause });
}

function failed(name: string, problem: string, cause?: unknown): CommandError {
  return new CommandError('SCORER_FAILED', `scorer ${name} ${problem}`, { cause });
}
