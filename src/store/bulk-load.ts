/**
 * Batch features: HSET and EXPIRE per entity, one pipeline per shard. The key TTL makes the entity
 * disappear, rather than go stale, when the next cycle does not come.
 *
 *   HSET key f v …, EXPIRE key ttl                       what is usual: two commands
 *   MULTI, HSET, HDEL key f …, EXPIRE, EXEC              where features are deleted, too
 *   EVALSHA                                              where the entity is replaced: scripts.ts
 *
 * HSET clears the field TTL of what it writes (redis 8.0, t_hash.c), so a load that names a
 * streaming feature makes it permanent: load batch features only.
 */

import {
  ANY_INTEGER,
  encodeHead,
  encodeWords,
  KeyedCommand,
  type EncodedRows,
  type KeyTable,
  type Reply,
  type UsualReply,
} from '../cluster/batch.ts';
import { FeatureStoreError } from '../errors.ts';
import { checkCallOptions } from './call-options.ts';
import { FeatureEncoder, type TakenFeatures } from './codec.ts';
import type { Context } from './context.ts';
import type { FeatureRows, Features } from './features.ts';
import type { LoadResult } from './load-tally.ts';
import { refuse, show } from './option-checks.ts';
import { LOAD_OPTIONS, loadRows, type LoadOptions } from './row-load.ts';
import type { RowOutcome, RowWriter } from './row-writer.ts';
import { REPLACE } from './scripts.ts';
import { EXEC, MULTI, writeHdel } from './transaction.ts';
import { unexpected } from './unexpected-reply.ts';

/** What `bulkLoad` takes. */
export interface BulkLoadOptions extends LoadOptions {
  /**
   * What becomes of batch features that a row does not name: `'merge'` leaves them, `'replace'`
   * deletes them in the same step as the row is written. Streaming features and their TTLs stay.
   * @default `'merge'`
   */
  readonly mode?: 'merge' | 'replace';
  /**
   * With `mode: 'replace'`: the features that a row stands for, all others stay. A row names none
   * but these.
   * @default every batch feature of the entity
   */
  readonly features?: readonly string[];
}

/** @throws FeatureStoreError, PartialLoadError */
export async function bulkLoad(
  context: Context,
  rows: FeatureRows,
  options: BulkLoadOptions,
): Promise<LoadResult> {
  checkCallOptions('bulkLoad', options, [...LOAD_OPTIONS, 'mode', 'features']);
  const { ttlSeconds = context.options.batchTtlSeconds, mode = 'merge', features } = options;
  if (features !== undefined && mode !== 'replace') {
    refuse("bulkLoad options.features goes with mode 'replace': they are what is replaced.");
  }
  const terms = { ttlSeconds, isReplacing: mode === 'replace', replaced: features };
  return loadRows(context, rows, { writer: bulkWriter(context, terms) }, options);
}

/** What all rows of a load share. */
export interface LoadTerms {
  readonly ttlSeconds: number;
  /** Whether an entity holds exactly its row afterwards. */
  readonly isReplacing?: boolean;
  /** The features that a row stands for; all of them where they are not given. */
  readonly replaced?: readonly string[] | undefined;
}

/** HSET: how many fields are new. EXPIRE: that it has set the TTL. */
const WRITTEN: readonly UsualReply[] = [ANY_INTEGER, Buffer.from(':1\r\n')];
const written = (): readonly UsualReply[] => WRITTEN;
const REPLACED: readonly UsualReply[] = [Buffer.from(':1\r\n')];
const replaced = (): readonly UsualReply[] => REPLACED;

export function bulkWriter(context: Context, terms: LoadTerms): RowWriter {
  const encoder = new FeatureEncoder();
  const take = takerOf(encoder, terms);
  const isScripted = terms.isReplacing === true && terms.replaced === undefined;
  const writeRow = isScripted ? scripted(encoder, terms) : merging(encoder, terms);
  return {
    script: isScripted ? REPLACE.text : undefined,
    check: (id, features, eventTimeMs) => {
      refuseEventTime(id, eventTimeMs);
      const featureCount = encoder.check(id, features);
      take(id, features);
      return featureCount;
    },
    write: (id, features, keys, rows, eventTimeMs) => {
      refuseEventTime(id, eventTimeMs);
      const taken = take(id, features);
      writeRow(id, taken, keys, rows);
      return taken.names.length + taken.deleted.length;
    },
    usualReplies: isScripted ? replaced : written,
    answerOf: isScripted ? outcomeOfScript : outcomeOf,
    onWritten: () => {
      context.counters.batchWritesTotal++;
    },
  };
}

type WriteRow = (id: string, taken: TakenFeatures, keys: KeyTable, rows: EncodedRows) => void;

function merging(encoder: FeatureEncoder, { ttlSeconds }: LoadTerms): WriteRow {
  const hset = encodeWords('HSET');
  const expire = new KeyedCommand('EXPIRE', [ttlSeconds]);
  const writeHset: WriteRow = (id, taken, keys, { writer }) => {
    writer.arrayHeader(2 + 2 * taken.names.length);
    writer.encoded(hset);
    writer.key(keys, keys.count - 1);
    encoder.writePairs(id, taken, writer);
  };
  return (id, taken, keys, rows) => {
    const { writer } = rows;
    const { names, deleted } = taken;
    if (deleted.length === 0) {
      writeHset(id, taken, keys, rows);
      rows.endCommand();
      expire.write(keys, keys.count - 1, writer);
      rows.endCommand();
      return;
    }
    writer.encoded(MULTI);
    if (names.length > 0) writeHset(id, taken, keys, rows);
    writeHdel(encoder, id, deleted, keys, writer);
    expire.write(keys, keys.count - 1, writer);
    writer.encoded(EXEC);
    rows.endCommand(names.length > 0 ? 5 : 4);
  };
}

function scripted(encoder: FeatureEncoder, { ttlSeconds }: LoadTerms): WriteRow {
  const head = encodeWords(REPLACE.sha, 1);
  return (id, taken, keys, rows) => {
    const { writer } = rows;
    const { names, deleted } = taken;
    writer.encoded(encodeHead(6 + 2 * names.length + deleted.length, 'EVALSHA'));
    writer.encoded(head);
    writer.key(keys, keys.count - 1);
    writer.encoded(encodeWords(ttlSeconds, 2 * names.length));
    encoder.writePairs(id, taken, writer);
    encoder.writeNames(id, deleted, writer);
    rows.endCommand();
  };
}

function outcomeOfScript([reply]: readonly Reply[]): RowOutcome | FeatureStoreError {
  return reply === 1 ? 'written' : unexpected('EVALSHA', reply);
}

/** HSET and EXPIRE; or the reply to EXEC, in which EXPIRE is the last. */
function outcomeOf(replies: readonly Reply[]): RowOutcome | FeatureStoreError {
  const [first, second] = replies;
  if (replies.length <= 2) {
    if (!Number.isInteger(first)) return unexpected('HSET', first);
    // 0: the key was gone again, say by a DEL in between; then nothing is without a TTL either.
    return second === 1 ? 'written' : unexpected('EXPIRE', second);
  }
  const executed: unknown = replies.at(-1);
  if (!Array.isArray(executed)) return unexpected('EXEC', executed);
  // Where nothing was set, no key need be left to have a TTL.
  const isWhole = executed.length === 2 || executed.at(-1) === 1;
  return isWhole ? 'written' : unexpected('EXPIRE', executed.at(-1));
}

/** Takes a row apart: with the features that it does not name, where it stands for them. */
function takerOf(
  encoder: FeatureEncoder,
  { isReplacing = false, replaced: all }: LoadTerms,
): (id: string, features: Features) => TakenFeatures {
  if (!isReplacing || all === undefined) {
    return (id, features) => {
      const taken = encoder.take(id, features);
      const hasAny = taken.names.length > 0 || (taken.deleted.length > 0 && !isReplacing);
      return hasAny ? taken : refuseEmpty(id, isReplacing);
    };
  }
  const known = new Set(all);
  return (id, features) => {
    const { names, values, deleted } = encoder.take(id, features);
    const given = new Set(names);
    for (const name of [...names, ...deleted]) if (!known.has(name)) refuseUnknown(id, name);
    return { names, values, deleted: all.filter((name) => !given.has(name)) };
  };
}

function refuseEmpty(id: string, isReplacing: boolean): never {
  const remedy = isReplacing ? ' To delete an entity, call deleteEntity.' : '';
  const problem = `Entity ${show(id)} has no features; a hash without fields does not exist.`;
  throw new FeatureStoreError('INVALID_FEATURE', problem + remedy);
}

function refuseUnknown(id: string, name: string): never {
  throw new FeatureStoreError(
    'INVALID_FEATURE',
    `Entity ${show(id)}: Feature ${show(name)} is not among options.features, which the row ` +
      'stands for. Add it there, or leave it out.',
  );
}

function refuseEventTime(id: string, eventTimeMs: unknown): void {
  if (eventTimeMs === undefined) return;
  throw new FeatureStoreError(
    'INVALID_OPTION',
    `Entity ${show(id)}: eventTimeMs is for streaming rows. Of an id that comes twice in a load ` +
      'the later row wins.',
  );
}
