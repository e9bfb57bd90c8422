import { expect, test } from 'vitest';
import { CommandWriter, encodeCommand } from '../../src/cluster/resp/command-writer.ts';
import { slotOf } from '../../src/cluster/routing/slot.ts';
import { KeyLayout } from '../../src/store/key-layout.ts';
import { RowBuffer, type EncodedRow, type WriteRow } from '../../src/store/row-write.ts';
import type { RowKind } from '../../src/store/row-writer.ts';
import { decodeCommands } from '../cluster/plain-resp.ts';

const kind: RowKind = {
  usualReplies: () => [],
  answerOf: () => 'written',
  onWritten: () => undefined,
};

const newBuffer = (): RowBuffer => new RowBuffer(new KeyLayout('p:', { vip: ['member'] }));

/** HSET and EXPIRE. */
const write =
  (value: string): WriteRow =>
  (keys, rows) => {
    rows.add(keys, 0, ['HSET', 'f', value]);
    rows.add(keys, 0, ['EXPIRE', 60]);
    return 1;
  };

function encode(buffer: RowBuffer, id: string, value: string): EncodedRow | undefined {
  return buffer.encode(kind, id, write(value));
}

function sentBy(row: EncodedRow | undefined, asking = false): string[][] {
  const lane = new CommandWriter();
  row?.batch.commands.write(0, lane, asking ? encodeCommand('ASKING') : undefined);
  return decodeCommands(lane.view());
}

const commandsOf = (key: string, value: string): string[][] => [
  ['HSET', `p:${key}`, 'f', value],
  ['EXPIRE', `p:${key}`, '60'],
];

test('rows that share a buffer stay apart, however long they are', () => {
  const buffer = newBuffer();
  const values = Array.from({ length: 500 }, (_, i) => 'x'.repeat(i % 100 === 99 ? 50_000 : i));
  const rows = values.map((value, i) => encode(buffer, `k${i}`, value));
  for (const [i, row] of rows.entries()) {
    expect(sentBy(row)).toStrictEqual(commandsOf(`k${i}`, values[i] ?? ''));
    expect(row?.batch.keys).toMatchObject({ count: 1, slot: slotOf(`p:k${i}`) });
    expect(row?.batch.commands.repliesOf(0)).toStrictEqual([1, 1]);
    expect(row?.batch.commands.bytesOf(0)).toBeGreaterThan(values[i]?.length ?? 0);
  }
});

test('ASKING goes before each command', () => {
  const sent = sentBy(encode(newBuffer(), 'k', 'v'), true);
  const [first, second] = commandsOf('k', 'v');
  expect(sent).toStrictEqual([['ASKING'], first, ['ASKING'], second]);
});

test('a row that is refused, or writes nothing, leaves the others as they are', () => {
  const buffer = newBuffer();
  const before = encode(buffer, 'before', '1');
  const refuse = (): unknown =>
    buffer.encode(kind, 'bad', (keys, rows) => {
      rows.add(keys, 0, ['HSET']);
      throw new Error('refused');
    });
  expect(refuse).toThrow('refused');
  expect(buffer.encode(kind, 'none', () => 0)).toBeUndefined();
  const after = encode(buffer, 'after', '2');
  expect(sentBy(before)).toStrictEqual(commandsOf('before', '1'));
  expect(sentBy(after)).toStrictEqual(commandsOf('after', '2'));
});

test('a row that is made while another one is written is no part of it', () => {
  const buffer = newBuffer();
  let inner: EncodedRow | undefined;
  const outer = buffer.encode(kind, 'outer', (keys, rows) => {
    rows.writer.arrayHeader(4);
    rows.writer.bulkString('HSET');
    inner = encode(buffer, 'inner', 'i');
    rows.writer.key(keys, 0);
    for (const word of ['f', 'o']) rows.writer.bulkString(word);
    rows.endCommand();
    rows.add(keys, 0, ['EXPIRE', 60]);
    return 1;
  });
  const later = encode(buffer, 'later', 'l');
  expect(sentBy(outer)).toStrictEqual(commandsOf('outer', 'o'));
  expect(sentBy(inner)).toStrictEqual(commandsOf('inner', 'i'));
  expect(sentBy(later)).toStrictEqual(commandsOf('later', 'l'));
});

test('a member of a VIP group has the slot of its group, and the row after it its own', () => {
  const buffer = newBuffer();
  const slots = ['u1', 'member', 'u1'].map((id) => encode(buffer, id, 'v')?.batch.keys.slot);
  expect(slots).toStrictEqual([slotOf('p:u1'), slotOf('vip'), slotOf('p:u1')]);
});
