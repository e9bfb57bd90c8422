import { expect, test } from 'vitest';
import { CommandWriter } from '../../src/cluster/resp/command-writer.ts';
import { slotOf } from '../../src/cluster/slot.ts';
import { RowBuffer, type EncodedRow, type RowKind } from '../../src/store/row-write.ts';
import { decodeCommands } from '../cluster/plain-resp.ts';

const kind: RowKind = {
  commandsPerRow: 2,
  answerOf: () => true,
  writeSecond: (key, writer) => writer.command(['EXPIRE', key, 60]),
  onWritten: () => undefined,
};

function encode(buffer: RowBuffer, key: string, value: string): EncodedRow | undefined {
  return buffer.encode(kind, key, (writer) => {
    writer.command(['HSET', key, 'f', value]);
    return 1;
  });
}

function sentBy(row: EncodedRow | undefined, asking = false): string[][] {
  const lane = new CommandWriter();
  row?.encode(0, lane, asking);
  return decodeCommands(lane.view());
}

const commandsOf = (key: string, value: string): string[][] => [
  ['HSET', key, 'f', value],
  ['EXPIRE', key, '60'],
];

test('rows that share a buffer stay apart, however long they are', () => {
  const buffer = new RowBuffer();
  const values = Array.from({ length: 500 }, (_, i) => 'x'.repeat(i % 100 === 99 ? 50_000 : i));
  const rows = values.map((value, i) => encode(buffer, `k${i}`, value));
  for (const [i, row] of rows.entries()) {
    expect(sentBy(row)).toStrictEqual(commandsOf(`k${i}`, values[i] ?? ''));
    expect(row).toMatchObject({ rowCount: 1, commandsPerRow: 2, transaction: false });
    expect(row?.slotOf()).toBe(slotOf(`k${i}`));
    expect(row?.bytesOf()).toBeGreaterThan(values[i]?.length ?? 0);
  }
});

test('ASKING goes before each command', () => {
  const sent = sentBy(encode(new RowBuffer(), 'k', 'v'), true);
  const [first, second] = commandsOf('k', 'v');
  expect(sent).toStrictEqual([['ASKING'], first, ['ASKING'], second]);
});

test('a row that is refused, or writes nothing, leaves the others as they are', () => {
  const buffer = new RowBuffer();
  const before = encode(buffer, 'before', '1');
  const refuse = (): unknown =>
    buffer.encode(kind, 'bad', (writer) => {
      writer.command(['HSET', 'bad']);
      throw new Error('refused');
    });
  expect(refuse).toThrow('refused');
  expect(buffer.encode(kind, 'none', () => 0)).toBeUndefined();
  const after = encode(buffer, 'after', '2');
  expect(sentBy(before)).toStrictEqual(commandsOf('before', '1'));
  expect(sentBy(after)).toStrictEqual(commandsOf('after', '2'));
});

test('a row that is made while another one is written is no part of it', () => {
  const buffer = new RowBuffer();
  let inner: EncodedRow | undefined;
  const outer = buffer.encode(kind, 'outer', (writer) => {
    writer.arrayHeader(4);
    inner = encode(buffer, 'inner', 'i');
    for (const word of ['HSET', 'outer', 'f', 'o']) writer.bulkString(word);
    return 1;
  });
  const later = encode(buffer, 'later', 'l');
  expect(sentBy(outer)).toStrictEqual(commandsOf('outer', 'o'));
  expect(sentBy(inner)).toStrictEqual(commandsOf('inner', 'i'));
  expect(sentBy(later)).toStrictEqual(commandsOf('later', 'l'));
});
