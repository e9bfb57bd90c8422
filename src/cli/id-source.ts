/**
 * The ids that a command works through: those of a file, of standard input, or all that are stored.
 */

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { FeatureStoreError, type FeatureStore } from '../index.ts';
import type { FailedId } from './failed-ids.ts';
import { systemError } from './command-error.ts';
import { idLines, type MalformedLine } from './id-lines.ts';
import { STANDARD_STREAM } from './open-output.ts';

export interface IdSource {
  /** Valid ids, one by one: read once. */
  readonly ids: AsyncIterable<string>;
  /** Bytes, where it is a file. */
  readonly total: number | undefined;
  /** Bytes that were taken so far. */
  readonly position: () => number;
  /** Lets go of the input, also while it is waited for. */
  readonly close: () => void;
}

type OnRefused = (rows: readonly FailedId[]) => Promise<void>;

const READ_BYTES = 262_144;

/** Every entity of the store. */
export function storedIds(store: FeatureStore, signal: AbortSignal): IdSource {
  return {
    ids: store.scanEntityIds({ signal }),
    total: undefined,
    position: () => 0,
    close: () => undefined,
  };
}

/** Those of a file or of standard input; lines that are no ids are handed to `onRefused`. */
export async function listedIds(
  path: string,
  store: FeatureStore,
  onRefused: OnRefused,
): Promise<IdSource> {
  const what = path === STANDARD_STREAM ? 'standard input' : path;
  const total = path === STANDARD_STREAM ? undefined : await fileSize(path);
  const input =
    path === STANDARD_STREAM
      ? process.stdin
      : createReadStream(path, { highWaterMark: READ_BYTES });
  let readBytes = 0;
  async function* counted(): AsyncGenerator<Uint8Array> {
    try {
      for await (const bytes of input as AsyncIterable<Uint8Array>) {
        readBytes += bytes.length;
        yield bytes;
      }
    } catch (error) {
      throw systemError(`cannot read ${what}`, error);
    }
  }
  return {
    ids: validIds(counted(), store, onRefused),
    total,
    position: () => readBytes,
    close: () => input.destroy(),
  };
}

async function* validIds(
  input: AsyncIterable<Uint8Array>,
  store: FeatureStore,
  onRefused: OnRefused,
): AsyncGenerator<string> {
  let refused: FailedId[] = [];
  const lines = idLines(input, (line) => refused.push(asFailedId(line)));
  for await (const ids of lines) {
    for (const id of ids) {
      const error = problemOf(id, store);
      if (error) refused.push({ id, error });
      else yield id;
    }
    if (refused.length === 0) continue;
    await onRefused(refused);
    refused = [];
  }
  await onRefused(refused);
}

/** Found out before the id is among others, whose read it would stop. */
function problemOf(id: string, store: FeatureStore): FeatureStoreError | undefined {
  try {
    store.keyFor(id);
    return undefined;
  } catch (error) {
    if (error instanceof FeatureStoreError) return error;
    throw error;
  }
}

function asFailedId({ lineNumber, text, reason }: MalformedLine): FailedId {
  const error = new FeatureStoreError('INVALID_ID', `Line ${lineNumber} is no id: ${reason}.`);
  return { id: text, error };
}

async function fileSize(path: string): Promise<number | undefined> {
  try {
    const stats = await stat(path);
    return stats.isFile() ? stats.size : undefined;
  } catch (error) {
    throw systemError(`cannot read ${path}`, error);
  }
}
