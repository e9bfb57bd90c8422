import { expect, test } from 'vitest';
import { CommandWriter, encodeCommand } from '../../src/cluster/resp/command-writer.ts';
import { EncodedRows } from '../../src/cluster/resp/encoded-rows.ts';
import { INCOMPLETE, OTHER, ReplyReader, type Reply } from '../../src/cluster/resp/reply-reader.ts';
import { KeyPrefix, KeyTable } from '../../src/cluster/routing/key-table.ts';
import type { FeatureStoreError } from '../../src/errors.ts';
import type { Context } from '../../src/store/context.ts';
import type { Features } from '../../src/store/features.ts';
import type { FieldTtlCommand } from '../../src/cluster/delivery/field-ttl-command.ts';
import type { RowWriter } from '../../src/store/row-writer.ts';
import { zeroCounters } from '../../src/store/stats.ts';
import { outcomeOf, streamingWriter, StreamingWriters } from '../../src/store/streaming-write.ts';
import { decodeCommands } from '../cluster/plain-resp.ts';
import { refusalOf } from './refusal.ts';

const COMMANDS = ['HSETEX', 'HEXPIRE'] as const;

function newWriter(command: FieldTtlCommand, counters = zeroCounters()): RowWriter {
  return streamingWriter({ counters } as Context, command, { ttlSeconds: 60 }); // all that a writer reads
}

/** Where a writer writes the row of u1. */
function newPlace(): { keys: KeyTable; rows: EncodedRows } {
  const keys = new KeyTable(new KeyPrefix('p:'));
  keys.add('u1');
  return { keys, rows: new EncodedRows(new CommandWriter()) };
}

function written(command: FieldTtlCommand, features: Features): EncodedRows {
  const { keys, rows } = newPlace();
  expect(newWriter(command).write('u1', features, keys, rows)).toBe(Object.keys(features).length);
  rows.endRow();
  return rows;
}

function commandsOf(command: FieldTtlCommand, features: Features, asking = false): string[][] {
  const lane = new CommandWriter();
  written(command, features).write(0, lane, asking ? encodeCommand('ASKING') : undefined);
  return decodeCommands(lane.view());
}

test('HSETEX writes fields and their TTL in one command', () => {
  const commands = commandsOf('HSETEX', { a: 1, b: false });
  expect(commands).toStrictEqual([
    ['HSETEX', 'p:u1', 'EX', '60', 'FIELDS', '2', 'a', '1', 'b', 'false'],
  ]);
  expect(written('HSETEX', { a: 1 }).repliesOf(0)).toStrictEqual([1]);
});

test('without HSETEX, a transaction writes fields and their TTL', () => {
  const commands = commandsOf('HEXPIRE', { a: 1, b: false });
  expect(commands).toStrictEqual([
    ['MULTI'],
    ['HSET', 'p:u1', 'a', '1', 'b', 'false'],
    ['HEXPIRE', 'p:u1', '60', 'FIELDS', '2', 'a', 'b'],
    ['EXEC'],
  ]);
  expect(written('HEXPIRE', { a: 1 }).repliesOf(0)).toStrictEqual([4]);
  expect(commandsOf('HEXPIRE', { a: 1, b: false }, true)).toStrictEqual([['ASKING'], ...commands]);
});

test.each(COMMANDS)('with %s, a row without features sends nothing', (command) => {
  expect(commandsOf(command, {})).toStrictEqual([]);
  expect(newWriter(command).check('u1', {})).toBe(0);
});

test.each(COMMANDS)('with %s, bad names and values are refused', (command) => {
  for (const bad of [{ '': 1 }, { a: Number.NaN }]) {
    expect(refusalOf(() => newWriter(command).check('u1', bad)).code).toBe('INVALID_FEATURE');
    const { keys, rows } = newPlace();
    const write = (): unknown => newWriter(command).write('u1', bad, keys, rows);
    expect(refusalOf(write).code).toBe('INVALID_FEATURE');
  }
});

test('each written feature is counted', () => {
  const counters = zeroCounters();
  const counting = newWriter('HSETEX', counters);
  const { keys, rows } = newPlace();
  counting.onWritten(counting.write('u1', { a: 1, b: 2 }, keys, rows));
  counting.onWritten(counting.write('u2', { a: 1 }, keys, rows));
  expect(counters).toStrictEqual({ ...zeroCounters(), streamingWritesTotal: 3 });
});

test('HSETEX that replies 1 set every field', () => {
  expect(outcomeOf('HSETEX', [1], 2)).toBe('written');
  expect(newWriter('HSETEX').answerOf([1], 2)).toBe('written');
});

test.each<readonly Reply[]>([[0], [null], ['OK'], [], [2], ['1']])(
  'HSETEX that replies %j did not',
  (...replies) => {
    const error = outcomeOf('HSETEX', replies, 2);
    expect(error).toMatchObject({ code: 'UNEXPECTED_REPLY' });
    expect((error as FeatureStoreError).message).toContain(
      `HSETEX replied ${replies[0] === '1' ? '"text of 1"' : JSON.stringify(replies[0])}`,
    );
    expect(newWriter('HSETEX').answerOf(replies, 2)).toMatchObject({ code: 'UNEXPECTED_REPLY' });
  },
);

const transaction = (executed: Reply): Reply[] => ['OK', 'QUEUED', 'QUEUED', executed];

test.each<[Reply]>([[[2, [1, 1]]], [[0, [1, 1]]]])(
  'EXEC that replies %j set a TTL on both fields',
  (executed) => {
    expect(outcomeOf('HEXPIRE', transaction(executed), 2)).toBe('written');
    expect(newWriter('HEXPIRE').answerOf(transaction(executed), 2)).toBe('written');
  },
);

test.each<[Reply, string]>([
  [[2, [1, 0]], '[1,0]'], // the condition was not met
  [[2, [2, 1]], '[2,1]'], // the time had passed, the field is gone
  [[2, [1, -2]], '[1,-2]'], // no such field
  [[2, [1]], '[1]'], // fewer codes than fields
  [[2, []], '[]'],
  [[2, [1, 1, 1]], '[1,1,1]'],
  [[2, ['1', '1']], '["text of 1","text of 1"]'],
  [[2, null], '[2,null]'], // no such key
  [[2], '[2]'],
  [null, 'null'], // the transaction was not executed
  ['OK', '"OK"'],
])('EXEC that replies %j did not', (executed, shown) => {
  const error = outcomeOf('HEXPIRE', transaction(executed), 2);
  expect(error).toMatchObject({ code: 'UNEXPECTED_REPLY' });
  expect((error as FeatureStoreError).message).toContain(`HEXPIRE replied ${shown},`);
});

/** What the writer reads from the bytes of a node, and what it leaves. */
function readFrom(command: FieldTtlCommand, bytes: string, featureCount: number): unknown {
  const reader = new ReplyReader();
  reader.push(Buffer.from(bytes));
  const answer = reader.readUsual(newWriter(command).usualReplies(featureCount));
  return [answer, bytes.slice(reader.position)];
}

const EXECUTED = '+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:1\r\n*2\r\n:1\r\n:1\r\n';

test.each([
  ['HSETEX', ':1\r\n'],
  ['HEXPIRE', EXECUTED],
] as const)('the usual reply to %s is read from the bytes, cut anywhere', (command, whole) => {
  expect(readFrom(command, `${whole}:7\r\n`, 2)).toStrictEqual([true, ':7\r\n']);
  for (let end = 0; end < whole.length; end++) {
    const part = whole.slice(0, end);
    expect(readFrom(command, part, 2)).toStrictEqual([INCOMPLETE, part]);
  }
});

test.each([
  ['HSETEX', ':0\r\n'],
  ['HSETEX', ':11\r\n'],
  ['HSETEX', '-ERR no\r\n'],
  ['HSETEX', '>1\r\n+x\r\n:1\r\n'],
  ['HEXPIRE', '-ERR no\r\n'],
  ['HEXPIRE', EXECUTED.replace('QUEUED', 'QUEUES')],
  ['HEXPIRE', EXECUTED.replace(':1\r\n:1', ':1\r\n:2')],
  ['HEXPIRE', EXECUTED.replace('*2\r\n:1\r\n*2', '*2\r\n:-1\r\n*2')],
  ['HEXPIRE', EXECUTED.replace('*2\r\n:1\r\n:1', '*3\r\n:1\r\n:1')],
  ['HEXPIRE', '+OK\r\n+QUEUED\r\n+QUEUED\r\n-EXECABORT\r\n'],
] as const)('what %s replies as %j is left to the slow way', (command, bytes) => {
  expect(readFrom(command, bytes, 2)).toStrictEqual([OTHER, bytes]);
});

test('the writers of a store are kept by command and TTL, and are few', () => {
  const writers = new StreamingWriters({ counters: zeroCounters() } as Context);
  const kept = writers.of('HSETEX', { ttlSeconds: 60 });
  expect(writers.of('HSETEX', { ttlSeconds: 60 })).toBe(kept);
  expect(writers.of('HSETEX', { ttlSeconds: 61 })).not.toBe(kept);
  expect(writers.of('HEXPIRE', { ttlSeconds: 60 })).not.toBe(kept);
  for (let ttlSeconds = 1; ttlSeconds < 1_000; ttlSeconds++) writers.of('HSETEX', { ttlSeconds });
  expect(writers.of('HSETEX', { ttlSeconds: 60 })).not.toBe(kept);
});

test.each(COMMANDS)(
  'with %s, rows of any number of features have words of their own',
  (command) => {
    for (const count of [1, 2, 1, 64, 65, 66, 65, 1_000, 2]) {
      const features = Object.fromEntries(Array.from({ length: count }, (_, i) => [`f${i}`, i]));
      const [first = [], second = []] = commandsOf(command, features).filter(([name]) => {
        return name !== 'MULTI' && name !== 'EXEC';
      });
      const pairs = Object.entries(features).flatMap(([name, value]) => [name, String(value)]);
      const fields = ['FIELDS', String(count)];
      expect(first).toStrictEqual(
        command === 'HSETEX'
          ? ['HSETEX', 'p:u1', 'EX', '60', ...fields, ...pairs]
          : ['HSET', 'p:u1', ...pairs],
      );
      if (command === 'HSETEX') continue;
      expect(second).toStrictEqual(['HEXPIRE', 'p:u1', '60', ...fields, ...Object.keys(features)]);
    }
  },
);
