/**
 * One batch feature of one entity: HSET, and EXPIRE … NX, which gives a TTL to an entity that has
 * none because it is new, and leaves every other key's alone.
 */

import {
  ANY_INTEGER,
  type EncodedRows,
  encodeHead,
  KeyedCommand,
  type KeyTable,
  type UsualReply,
} from '../cluster/batch.ts';
import { checkNewName, encodeValue } from './codec.ts';
import type { Context } from './context.ts';
import type { RowKind } from './row-writer.ts';

/** HSET: how many fields are new. EXPIRE: whether the entity had no TTL. */
const WRITTEN: readonly UsualReply[] = [ANY_INTEGER, ANY_INTEGER];
const written = (): readonly UsualReply[] => WRITTEN;

export interface BatchFeatureWriter extends RowKind {
  /** Writes the row of the last of `keys`. @throws FeatureStoreError INVALID_FEATURE */
  write(id: string, name: string, value: unknown, keys: KeyTable, rows: EncodedRows): number;
}

export function batchFeatureWriter({
  counters,
  options,
}: Pick<Context, 'counters' | 'options'>): BatchFeatureWriter {
  const hset = encodeHead(4, 'HSET');
  const expire = new KeyedCommand('EXPIRE', [options.batchTtlSeconds, 'NX']);
  return {
    write: (id, name, value, keys, rows) => {
      checkNewName(name);
      const { writer } = rows;
      const row = keys.count - 1;
      const encoded = encodeValue(id, name, value);
      writer.encoded(hset);
      writer.key(keys, row);
      writer.bulkString(name);
      writer.bulk(encoded);
      rows.endCommand();
      expire.write(keys, row, writer);
      rows.endCommand();
      return 1;
    },
    usualReplies: written,
    answerOf: () => 'written',
    onWritten: () => {
      counters.batchWritesTotal++;
    },
  };
}
