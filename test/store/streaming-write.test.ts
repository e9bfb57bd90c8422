import { expect, test } from 'vitest';
import { CommandWriter } from '../../src/cluster/resp/command-writer.ts';
import type { Reply } from '../../src/cluster/resp/reply-reader.ts';
import type { Context } from '../../src/store/context.ts';
import type { Features } from '../../src/store/features.ts';
import type { FieldTtlCommand } from '../../src/store/field-ttl-support.ts';
import type { RowWriter } from '../../src/store/row-load.ts';
import { zeroCounters } from '../../src/store/stats.ts';
import { checkStreamingReplies, streamingWriter } from '../../src/store/streaming-write.ts';
import { decodeCommands } from '../cluster/plain-resp.ts';
import { refusalOf } from './refusal.ts';

const COMMANDS = ['HSETEX', 'HEXPIRE'] as const;

function newWriter(command: FieldTtlCommand, counters = zeroCounters()): RowWriter {
  return streamingWriter({ counters } as Context, command, 60); // all that a writer reads
}

function commandsOf(command: FieldTtlCommand, features: Features): string[][] {
  const rows = newWriter(command);
  const writer = new CommandWriter();
  expect(rows.write('u1', 'p:u1', features, writer)).toBe(Object.keys(features).length);
  expect(rows.writeSecond).toBeUndefined();
  return decodeCommands(writer.view());
}

test('HSETEX writes fields and their TTL in one command', () => {
  const commands = commandsOf('HSETEX', { a: 1, b: false });
  expect(commands).toStrictEqual([
    ['HSETEX', 'p:u1', 'EX', '60', 'FIELDS', '2', 'a', '1', 'b', 'false'],
  ]);
  expect(newWriter('HSETEX')).toMatchObject({ commandsPerRow: 1, transaction: false });
});

test('without HSETEX, a transaction writes fields and their TTL', () => {
  const commands = commandsOf('HEXPIRE', { a: 1, b: false });
  expect(commands).toStrictEqual([
    ['MULTI'],
    ['HSET', 'p:u1', 'a', '1', 'b', 'false'],
    ['HEXPIRE', 'p:u1', '60', 'FIELDS', '2', 'a', 'b'],
    ['EXEC'],
  ]);
  expect(newWriter('HEXPIRE')).toMatchObject({ commandsPerRow: 4, transaction: true });
});

test.each(COMMANDS)('with %s, a row without features sends nothing', (command) => {
  expect(commandsOf(command, {})).toStrictEqual([]);
  expect(newWriter(command).check('u1', {})).toBeUndefined();
});

test.each(COMMANDS)('with %s, bad names and values are refused', (command) => {
  for (const bad of [{ '': 1 }, { a: Number.NaN }]) {
    expect(refusalOf(() => newWriter(command).check('u1', bad)).code).toBe('INVALID_FEATURE');
    const write = (): unknown => newWriter(command).write('u1', 'p:u1', bad, new CommandWriter());
    expect(refusalOf(write).code).toBe('INVALID_FEATURE');
  }
});

test('each written feature is counted', () => {
  const counters = zeroCounters();
  const counting = newWriter('HSETEX', counters);
  const writer = new CommandWriter();
  counting.onWritten(counting.write('u1', 'p:u1', { a: 1, b: 2 }, writer));
  counting.onWritten(counting.write('u2', 'p:u2', { a: 1 }, writer));
  expect(counters).toStrictEqual({ ...zeroCounters(), streamingWritesTotal: 3 });
});

test('HSETEX that replies 1 set every field', () => {
  expect(checkStreamingReplies('HSETEX', [1], 2)).toBeUndefined();
  expect(newWriter('HSETEX').answerOf([1], 2)).toBe(true);
});

test.each<readonly Reply[]>([[0], [null], ['OK'], [], [2], ['1']])(
  'HSETEX that replies %j did not',
  (...replies) => {
    const error = checkStreamingReplies('HSETEX', replies, 2);
    expect(error?.code).toBe('UNEXPECTED_REPLY');
    expect(error?.message).toContain(`HSETEX replied ${JSON.stringify(replies[0])}`);
    expect(newWriter('HSETEX').answerOf(replies, 2)).toMatchObject({ code: 'UNEXPECTED_REPLY' });
  },
);

const transaction = (executed: Reply): Reply[] => ['OK', 'QUEUED', 'QUEUED', executed];

test.each<[Reply]>([[[2, [1, 1]]], [[0, [1, 1]]]])(
  'EXEC that replies %j set a TTL on both fields',
  (executed) => {
    expect(checkStreamingReplies('HEXPIRE', transaction(executed), 2)).toBeUndefined();
    expect(newWriter('HEXPIRE').answerOf(transaction(executed), 2)).toBe(true);
  },
);

test.each<[Reply, string]>([
  [[2, [1, 0]], '[1,0]'], // the condition was not met
  [[2, [2, 1]], '[2,1]'], // the time had passed, the field is gone
  [[2, [1, -2]], '[1,-2]'], // no such field
  [[2, [1]], '[1]'], // fewer codes than fields
  [[2, []], '[]'],
  [[2, [1, 1, 1]], '[1,1,1]'],
  [[2, ['1', '1']], '["1","1"]'],
  [[2, null], '[2,null]'], // no such key
  [[2], '[2]'],
  [null, 'null'], // the transaction was not executed
  ['OK', '"OK"'],
])('EXEC that replies %j did not', (executed, shown) => {
  const error = checkStreamingReplies('HEXPIRE', transaction(executed), 2);
  expect(error?.code).toBe('UNEXPECTED_REPLY');
  expect(error?.message).toContain(`HEXPIRE replied ${shown},`);
});
