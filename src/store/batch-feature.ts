/**
 * One batch feature of one entity: HSET, and EXPIRE … NX, which gives a TTL to an entity that has
 * none because it is new, and leaves every other key's alone.
 */

import { encodeWords, type CommandWriter } from '../cluster/resp/command-writer.ts';
import { INCOMPLETE } from '../cluster/resp/reply-reader.ts';
import { checkNames, encodeValue } from './codec.ts';
import type { Context } from './context.ts';
import type { RowKind } from './row-write.ts';

export interface BatchFeatureWriter extends RowKind {
  /** @throws FeatureStoreError INVALID_FEATURE */
  write(id: string, key: string, name: string, value: unknown, writer: CommandWriter): number;
}

export function batchFeatureWriter({
  counters,
  options,
}: Pick<Context, 'counters' | 'options'>): BatchFeatureWriter {
  const hset = encodeWords('HSET');
  const expire = encodeWords('EXPIRE');
  const ttl = encodeWords(options.batchTtlSeconds, 'NX');
  return {
    commandsPerRow: 2,
    write: (id, key, name, value, writer) => {
      checkNames([name]);
      const encoded = encodeValue(id, name, value);
      writer.arrayHeader(4);
      writer.encoded(hset);
      writer.bulkString(key);
      writer.bulkString(name);
      writer.bulk(encoded);
      return 1;
    },
    writeSecond: (key, writer) => {
      writer.arrayHeader(4);
      writer.encoded(expire);
      writer.bulkString(key);
      writer.encoded(ttl);
    },
    readAnswer: (reader) => {
      const mark = reader.mark;
      const added = reader.readInteger();
      const expires = typeof added === 'number' ? reader.readInteger() : added;
      if (typeof expires === 'number') return true;
      reader.rewind(mark);
      return expires === INCOMPLETE ? INCOMPLETE : undefined;
    },
    answerOf: () => true,
    onWritten: () => {
      counters.batchWritesTotal++;
    },
  };
}
