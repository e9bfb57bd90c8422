import { expect, test } from 'vitest';
import { CommandWriter } from '../../src/cluster/resp/command-writer.ts';
import { INCOMPLETE, ReplyReader } from '../../src/cluster/resp/reply-reader.ts';
import { slotOf } from '../../src/cluster/slot.ts';
import { ReadShape, ReadShapes } from '../../src/store/read-shape.ts';
import { decodeCommands } from '../cluster/plain-resp.ts';
import { refusalOf } from './refusal.ts';

function commandsOf(shape: ReadShape, keys: readonly string[], asking: boolean): string[][] {
  const writer = new CommandWriter();
  const batch = shape.batch(keys);
  for (let row = 0; row < batch.rowCount; row++) batch.encode(row, writer, asking);
  return decodeCommands(writer.view());
}

test('each row is an HMGET of its key, behind ASKING if need be', () => {
  const shape = new ReadShape(['a', 'é']);
  expect(commandsOf(shape, ['p:1', 'p:2'], false)).toStrictEqual([
    ['HMGET', 'p:1', 'a', 'é'],
    ['HMGET', 'p:2', 'a', 'é'],
  ]);
  expect(commandsOf(shape, ['p:1', 'p:2'], true)).toStrictEqual([
    ['ASKING'],
    ['HMGET', 'p:1', 'a', 'é'],
    ['ASKING'],
    ['HMGET', 'p:2', 'a', 'é'],
  ]);
});

test('a batch knows the slots of its keys', () => {
  const batch = new ReadShape(['a']).batch(['p:1', 'p:{x}:2']);
  expect([batch.rowCount, batch.commandsPerRow]).toStrictEqual([2, 1]);
  expect([0, 1].map((row) => batch.slotOf(row))).toStrictEqual([slotOf('p:1'), slotOf('x')]);
});

test('a row is read from the bytes, and from the reply, to the same', () => {
  const batch = new ReadShape(['a', 'b', 'c']).batch(['p:1']);
  const reader = new ReplyReader();
  reader.push(Buffer.from('*3\r\n$1\r\n7\r\n$-1\r\n$0\r\n\r\n'));
  expect(batch.readAnswer?.(reader)).toStrictEqual({ a: '7', c: '' });
  expect(batch.answerOf([['7', null, '']], 0)).toStrictEqual({
    a: '7',
    c: '',
  });
  expect(batch.readAnswer?.(reader)).toBe(INCOMPLETE);
});

test.each([null, 'OK', 7, [['1']], [['1', '2', '3', '4']]])('%j is no answer to HMGET', (reply) => {
  const batch = new ReadShape(['a', 'b', 'c']).batch(['p:1']);
  expect(batch.answerOf([reply], 0)).toMatchObject({ code: 'UNEXPECTED_REPLY' });
});

test('names are checked', () => {
  for (const names of [['f', ''], ['\uD800'], 'f', undefined]) {
    const asked = (): unknown => new ReadShapes().of(names as string[]);
    expect(refusalOf(asked).code).toBe('INVALID_FEATURE');
  }
});

test('the same array of names gives the same shape, unless it was changed', () => {
  const shapes = new ReadShapes();
  const names = ['a', 'b'];
  const shape = shapes.of(names);
  expect(shapes.of(names)).toBe(shape);
  expect(shapes.of(['a', 'b'])).not.toBe(shape);
  names[1] = 'c';
  const changed = shapes.of(names);
  expect(changed.names).toStrictEqual(['a', 'c']);
  expect(shape.names).toStrictEqual(['a', 'b']);
  expect(commandsOf(changed, ['k'], false)).toStrictEqual([['HMGET', 'k', 'a', 'c']]);
  names.push('');
  expect(refusalOf(() => shapes.of(names)).code).toBe('INVALID_FEATURE');
});
