import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { CommandWriter } from '../../../src/cluster/resp/command-writer.ts';
import { KeyedCommand, KeyedRows } from '../../../src/cluster/resp/keyed-command.ts';
import { KeyPrefix, KeyTable } from '../../../src/cluster/routing/key-table.ts';
import { encodeCommand as encodePlainly } from '../plain-resp.ts';
import { anyText } from '../unicode.ts';

const anyCapacity = fc.constantFrom(0, 1, 7, 64, 1_000, 5_000);
const anyPrefix = fc.oneof(anyText, fc.constantFrom('', 'fs:user:', 'x'.repeat(5_000), 'é:'));
const anyRest = fc.oneof(
  fc.string({ unit: 'binary-ascii', maxLength: 100 }),
  anyText,
  fc.constantFrom('', 'u1', '\r\n', '\0', 'x'.repeat(63), 'x'.repeat(64), 'x'.repeat(65)),
  fc.constant('x'.repeat(4_096)),
);

function tableOf(prefix: KeyPrefix, rests: readonly string[]): KeyTable {
  const keys = new KeyTable(prefix);
  for (const rest of rests) keys.add(rest);
  return keys;
}

test('a command is written as word by word, for keys of any lengths, prefixes by turns, from any capacity', () => {
  const words = fc.array(anyText, { maxLength: 12 });
  const rests = fc.array(anyRest, { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(
      anyText,
      words,
      anyPrefix,
      anyPrefix,
      rests,
      anyCapacity,
      (name, after, one, other, rows, capacity) => {
        const command = new KeyedCommand(name, after);
        const tables = [one, other].map((text) => tableOf(new KeyPrefix(text), rows));
        const writer = new CommandWriter(capacity);
        const wanted: Uint8Array[] = [];
        for (const [row, rest] of rows.entries()) {
          for (const keys of tables) {
            command.write(keys, row, writer);
            wanted.push(encodePlainly([name, keys.prefix.text + rest, ...after]));
          }
        }
        expect(writer.view().equals(Buffer.concat(wanted))).toBe(true);
      },
    ),
    { numRuns: 1_000 },
  );
});

test('a key leaves nothing of itself after for the next of its length', () => {
  const command = new KeyedCommand('HMGET', ['a']);
  const ids = ['aaa', 'zzz', 'aaa', '', 'b', 'aaa'];
  const keys = tableOf(new KeyPrefix('p:'), ids);
  const writer = new CommandWriter();
  for (const row of ids.keys()) command.write(keys, row, writer);
  const wanted = ids.map((id) => encodePlainly(['HMGET', `p:${id}`, 'a']));
  expect(writer.view().equals(Buffer.concat(wanted))).toBe(true);
});

test('the rows of a table have a command and a reply each, with another command in front if asked', () => {
  const ids = ['u1', 'é', 'x'.repeat(500)];
  const keys = tableOf(new KeyPrefix('é:'), ids);
  const rows = new KeyedRows(new KeyedCommand('HMGET', ['a', 'é']), keys);
  const before = encodePlainly(['ASKING']);
  for (const [row, id] of ids.entries()) {
    const command = encodePlainly(['HMGET', `é:${id}`, 'a', 'é']);
    const [plain, asking] = [new CommandWriter(), new CommandWriter()];
    expect([rows.write(row, plain, undefined), rows.write(row, asking, before)]).toStrictEqual([
      1, 1,
    ]);
    expect(plain.view().equals(command)).toBe(true);
    expect(asking.view().equals(Buffer.concat([before, command]))).toBe(true);
    expect(rows.repliesOf()).toStrictEqual([1]);
    expect(Math.abs(plain.length - rows.bytesOf(row))).toBeLessThan(40);
  }
});
