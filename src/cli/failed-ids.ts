/**
 * Keeps account of the ids that failed: all of them go to a log, the first few are remembered for
 * the summary, and none is held otherwise.
 */

import { unlink } from 'node:fs/promises';
import type { FailedRow } from '../index.ts';
import { printable } from './table.ts';
import { openOutput } from './open-output.ts';
import type { Output } from './output.ts';
import { StreamOutput } from './stream-output.ts';

/** An id that failed, and why. */
export type FailedId = Pick<FailedRow, 'id' | 'error'>;

/** Named in the summary. */
const REMEMBERED_COUNT = 10;

export interface FailedIdLog {
  /** What the summary calls it. */
  readonly name: string;
  /** Whether the reader of the summary has already seen what is in it. */
  readonly seen: boolean;
  /** Of a failed id. */
  format(row: FailedId): string;
  open(): Promise<Output>;
  /** Called at the end when no id failed. */
  end(): Promise<void>;
}

/** JSON lines in a file. */
export function fileLog(
  path: string,
  { whenEmpty }: { whenEmpty: 'write' | 'remove' },
): FailedIdLog {
  return {
    name: path,
    seen: false,
    format: ({ id, error: { code, message, retryable } }) =>
      `${JSON.stringify({ id, code, message, retryable })}\n`,
    open: () => openOutput(path),
    end: async () => {
      // What an earlier run left there would speak of ids that did not fail in this one.
      if (whenEmpty === 'remove') await unlink(path).catch(() => undefined);
      else await (await openOutput(path)).commit();
    },
  };
}

/** On a terminal, takes the progress line away first. */
const CLEAR_LINE = '\r\u001B[K';

/** Lines on standard error. */
export function standardErrorLog(): FailedIdLog {
  const clear = process.stderr.isTTY ? CLEAR_LINE : '';
  return {
    name: 'standard error',
    seen: true,
    format: (row) => `${clear}fstore: ${describeFailedId(row)}\n`,
    open: async () => new StreamOutput(process.stderr),
    end: async () => undefined,
  };
}

export class FailedIds {
  readonly log: FailedIdLog;
  readonly first: FailedId[] = [];
  #count = 0;
  #output: Output | undefined;
  /** Ids fail where they are read and where they are checked: one write after the other. */
  #lastWrite: Promise<void> = Promise.resolve();

  constructor(log: FailedIdLog) {
    this.log = log;
  }

  get count(): number {
    return this.#count;
  }

  async add(rows: readonly FailedId[]): Promise<void> {
    if (rows.length === 0) return;
    this.#count += rows.length;
    this.first.push(...rows.slice(0, REMEMBERED_COUNT - this.first.length));
    const write = this.#append(rows, this.#lastWrite);
    this.#lastWrite = write.catch(() => undefined); // its error goes to the caller of this add
    await write;
  }

  async commit(): Promise<void> {
    await this.#lastWrite;
    if (this.#output) await this.#output.commit();
    else await this.log.end();
  }

  async discard(): Promise<void> {
    await this.#lastWrite;
    await this.#output?.discard();
  }

  async #append(rows: readonly FailedId[], before: Promise<void>): Promise<void> {
    await before;
    this.#output ??= await this.log.open();
    await this.#output.write(rows.map((row) => this.log.format(row)).join(''));
  }
}

/** One line. */
export function describeFailedId({ id, error }: FailedId): string {
  return printable(`id '${id}' failed: ${error.message} [${error.code}]`);
}
