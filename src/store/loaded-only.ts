/**
 * Reads that take an entity without batch features for an absent one.
 *
 *   PTTL key ─▶ no TTL: streaming features alone, or nothing ─▶ {}
 *   HMGET key name … ─▶ the row
 *
 * A load gives the key a TTL, and nothing else does. PTTL comes first: an entity that is loaded
 * between the two is read as absent, never without its batch features.
 */

import {
  KeyedCommand,
  type Commands,
  type CommandWriter,
  type KeyedRows,
  type KeyTable,
  type Reply,
} from '../cluster/batch.ts';
import type { FeatureStoreError } from '../errors.ts';
import type { FeatureBytes, FeatureRow } from './features.ts';
import { FeatureReplies } from './read-shape.ts';

const PTTL = new KeyedCommand('PTTL');
const ONE_EACH: readonly number[] = [1, 1];

/** PTTL in front of each row's command. */
export class LoadedRows implements Commands {
  readonly #rows: KeyedRows;
  readonly #keys: KeyTable;

  constructor(rows: KeyedRows, keys: KeyTable) {
    this.#rows = rows;
    this.#keys = keys;
  }

  write(row: number, writer: CommandWriter, before: Uint8Array | undefined): number {
    if (before !== undefined) writer.encoded(before);
    PTTL.write(this.#keys, row, writer);
    return 1 + this.#rows.write(row, writer, before);
  }

  repliesOf(): readonly number[] {
    return ONE_EACH;
  }

  /** PTTL takes about as much as the key does. */
  bytesOf(row: number): number {
    return 2 * this.#rows.bytesOf(row);
  }
}

/** Whether a reply to PTTL or TTL is that of a key with a TTL. */
export function isLoaded(ttl: unknown): boolean {
  return typeof ttl === 'number' && ttl >= 0;
}

export class LoadedReplies extends FeatureReplies {
  override readonly usual = undefined;

  override answerOf(
    [ttl, ...values]: readonly Reply[],
    row: number,
  ): FeatureRow | FeatureBytes | FeatureStoreError {
    return isLoaded(ttl) ? super.answerOf(values, row) : {};
  }
}
