import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { CommandWriter, encodeCommand } from '../../../src/cluster/resp/command-writer.ts';
import { EncodedRows } from '../../../src/cluster/resp/encoded-rows.ts';
import { KeyPrefix, KeyTable } from '../../../src/cluster/routing/key-table.ts';
import { decodeCommands } from '../plain-resp.ts';

/** What a row is made of: commands, and transactions of several. */
const anyRow = fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 5 });
const ASKING = encodeCommand('ASKING');

/** `ECHO row command part`, as many times as the command has parts. */
function wordsOf(row: number, command: number, partCount: number): string[][] {
  return Array.from({ length: partCount }, (_, part) => ['ECHO', `${row} ${command} ${part}`]);
}

test('rows of any commands are written as they were, with another command before each if asked', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(anyRow, fc.boolean()), { maxLength: 10 }),
      fc.nat({ max: 3 }),
      (given, expectedCount) => {
        const writer = new CommandWriter();
        writer.command(['SOMEBODY', 'ELSE']);
        const rows = new EncodedRows(writer, expectedCount);
        const kept: number[][] = [];
        for (const [partCounts, isCancelled] of given) {
          for (const [command, partCount] of partCounts.entries()) {
            for (const words of wordsOf(kept.length, command, partCount)) writer.command(words);
            rows.endCommand(partCount);
          }
          if (isCancelled) {
            rows.cancelRow();
          } else {
            rows.endRow();
            kept.push(partCounts);
          }
        }
        expect(rows.count).toBe(kept.length);
        for (const [row, partCounts] of kept.entries()) {
          const [plain, asking] = [new CommandWriter(), new CommandWriter()];
          const replyCount = partCounts.reduce((sum, count) => sum + count, 0);
          expect(rows.write(row, plain, undefined)).toBe(replyCount);
          expect(rows.write(row, asking, ASKING)).toBe(replyCount);
          const commands = partCounts.map((count, command) => wordsOf(row, command, count));
          expect(decodeCommands(plain.view())).toStrictEqual(commands.flat());
          expect(decodeCommands(asking.view())).toStrictEqual(
            commands.flatMap((words) => [['ASKING'], ...words]),
          );
          expect(rows.repliesOf(row)).toStrictEqual(partCounts);
          expect(rows.bytesOf(row)).toBe(plain.length);
        }
      },
    ),
    { numRuns: 500 },
  );
});

test('a command has the key of its row', () => {
  const keys = new KeyTable(new KeyPrefix('p:'));
  keys.add('a');
  keys.add('é');
  const rows = new EncodedRows(new CommandWriter());
  rows.add(keys, 1, ['HSET', 'f', 7]);
  rows.add(keys, 0, ['DEL']);
  rows.endRow();
  expect(decodeCommands(rows.writer.view())).toStrictEqual([
    ['HSET', 'p:é', 'f', '7'],
    ['DEL', 'p:a'],
  ]);
});
