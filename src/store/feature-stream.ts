/**
 * Reads the features of any number of ids in bounded memory: chunk by chunk, in order. While the
 * consumer works on one chunk the next one is read, and no more than that.
 */

import type { FailedRow } from './partial-errors.ts';
import { checkIterable, checkReadOptions, readBatch, rowsOrThrow } from './batch-read.ts';
import type { ReadShape } from './read-shape.ts';
import type { ReadOptions } from './call-options.ts';
import type { Context } from './context.ts';
import type { FeatureRow, RowOf, ValuesAs } from './features.ts';
import { checkInteger } from './option-checks.ts';
import { windowsOf, type Source, type Window } from './windows.ts';
import { DEFAULT_CHUNK_SIZE, IDS_PULLED_PER_TURN, MAX_CHUNK_SIZE } from './limits.ts';

/**
 * What `streamFeatures` takes.
 * @example
 * ```ts
 * for await (const { ids, rows } of store.streamFeatures(source, names, { chunkSize: 1_000 })) {
 *   rows.forEach((row, i) => console.log(ids[i], row));
 * }
 * ```
 */
export interface StreamOptions<As extends ValuesAs = 'text'> extends ReadOptions<As> {
  /**
   * How many ids a chunk has, 1 to 1,000,000; the last one may have fewer.
   * @default `10_000`
   */
  readonly chunkSize?: number;
}

/** The features of some ids of a stream, in the order of the stream. */
export interface FeatureChunk<Row = FeatureRow> {
  /** The ids of the chunk, as the source gave them. */
  readonly ids: readonly string[];
  /** `rows[i]` for `ids[i]`; undefined where the id failed, `{}` where the entity is absent. */
  readonly rows: readonly (Row | undefined)[];
  /** The ids that failed, each with its error; empty unless `onFailure` is `'return'`. */
  readonly failed: readonly FailedRow[];
}

export function streamFeatures<Name extends string, As extends ValuesAs>(
  context: Context,
  ids: Source<string>,
  names: readonly Name[],
  options: StreamOptions<As>,
): AsyncGenerator<FeatureChunk<RowOf<As, Name>>> {
  const shape = context.readShapes.of(names);
  checkReadOptions('streamFeatures', options, ['onFailure', 'chunkSize']);
  const chunkSize = checkInteger(
    'streamFeatures options.chunkSize',
    options.chunkSize === undefined ? DEFAULT_CHUNK_SIZE : options.chunkSize,
    { min: 1, max: MAX_CHUNK_SIZE },
  );
  checkIterable(ids);
  return chunks<Name, As>(context, ids, shape, chunkSize, options);
}

async function* chunks<Name extends string, As extends ValuesAs>(
  context: Context,
  ids: Source<string>,
  shape: ReadShape,
  chunkSize: number,
  options: StreamOptions<As>,
): AsyncGenerator<FeatureChunk<RowOf<As, Name>>> {
  const read = async (window: IdWindow): Promise<FeatureChunk<RowOf<As, Name>>> => {
    const result = await readBatch<Name, As>(context, { ids: window.ids, shape }, options);
    if (options.onFailure !== 'return') await rowsOrThrow(result);
    return { ids: window.ids, ...result };
  };
  let ahead: Promise<FeatureChunk<RowOf<As, Name>>> | undefined;
  const cutting = {
    newWindow: (): IdWindow => new IdWindow(chunkSize),
    signal: options.signal,
    itemsPerTurn: IDS_PULLED_PER_TURN,
  };
  for await (const window of windowsOf(ids, cutting)) {
    const next = read(window);
    next.catch(() => undefined); // awaited when its turn comes, unless the consumer stops before
    if (ahead) yield await ahead;
    ahead = next;
  }
  if (ahead) yield await ahead;
}

class IdWindow implements Window<string> {
  readonly ids: string[] = [];
  readonly #size: number;

  constructor(size: number) {
    this.#size = size;
  }

  add(id: string): boolean {
    this.ids.push(id);
    return true;
  }

  get full(): boolean {
    return this.ids.length >= this.#size;
  }

  get empty(): boolean {
    return this.ids.length === 0;
  }
}
