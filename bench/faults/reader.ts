/**
 * What a client has to do to be put through the faults: read a batch the way its own users do, and
 * say of each id what came of it. A client that fails a whole call has failed each of its ids; one
 * that reports errors row by row is asked for rows one by one.
 */

import type { Node } from '../rival.ts';

/**
 * Values in the order of the names, null for a field that is not there; or why there is no answer.
 */
export type Answer = { readonly values: readonly (string | null)[] } | { readonly error: Error };

export interface ReaderOptions {
  readonly nodes: readonly Node[];
  readonly keyPrefix: string;
  /** The deadline of a call, given to the client in the way it has for that. */
  readonly timeoutMs: number;
}

export interface Reader {
  readonly name: string;
  /** How it reads a batch, in a line. */
  readonly method: string;
  /** Its options besides the nodes; all others are its defaults. */
  readonly settings: string;
  open(options: ReaderOptions): Promise<OpenReader>;
}

export interface OpenReader {
  read(ids: readonly string[], names: readonly string[]): Promise<readonly Answer[]>;
  close(): Promise<void>;
}

/** Of `Promise.allSettled` over one command per id. */
export function answerOf(result: PromiseSettledResult<readonly (string | null)[]>): Answer {
  return result.status === 'fulfilled'
    ? { values: result.value }
    : { error: errorOf(result.reason) };
}

export function errorOf(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
