/** A command that the servers in memory know. */

import type { Bytes, ServerReply } from './bytes.ts';
import type { Keyspace } from './keyspace.ts';

/** What it does with the words after its name. @throws Refusal; then it has changed nothing */
export type Run = (keyspace: Keyspace, words: readonly Bytes[]) => ServerReply;

export interface Command {
  readonly name: string;
  /** The words with its name: at least this number, or one of these. */
  readonly wordCount: number | readonly number[];
  readonly isWrite: boolean;
  readonly run: Run;
}

export function read(name: string, wordCount: Command['wordCount'], run: Run): Command {
  return { name, wordCount, isWrite: false, run };
}

export function write(name: string, wordCount: Command['wordCount'], run: Run): Command {
  return { name, wordCount, isWrite: true, run };
}

export function fits({ wordCount }: Command, count: number): boolean {
  return typeof wordCount === 'number' ? count >= wordCount : wordCount.includes(count);
}
