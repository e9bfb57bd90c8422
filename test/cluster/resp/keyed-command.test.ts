import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { CommandWriter } from '../../../src/cluster/resp/command-writer.ts';
import { KeyedCommand } from '../../../src/cluster/resp/keyed-command.ts';
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

function bytesOf(prefix: string): Uint8Array {
  return Uint8Array.from(Buffer.from(prefix));
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
      (name, behind, one, other, rows, capacity) => {
        const command = new KeyedCommand(name, behind);
        const prefixes = [one, other].map((text) => ({ text, bytes: bytesOf(text) }));
        const writer = new CommandWriter(capacity);
        const wanted: Uint8Array[] = [];
        const bytes = bytesOf(rows.join(''));
        let begin = 0;
        for (const rest of rows) {
          const end = begin + Buffer.byteLength(rest);
          for (const prefix of prefixes) {
            command.write(writer, prefix.bytes, bytes, begin, end);
            wanted.push(encodePlainly([name, prefix.text + rest, ...behind]));
          }
          begin = end;
        }
        expect(writer.view().equals(Buffer.concat(wanted))).toBe(true);
      },
    ),
    { numRuns: 1_000 },
  );
});

test('a key leaves nothing of itself behind for the next of its length', () => {
  const command = new KeyedCommand('HMGET', ['a']);
  const prefix = bytesOf('p:');
  const ids = ['aaa', 'zzz', 'aaa', '', 'b', 'aaa'];
  const writer = new CommandWriter();
  for (const id of ids) command.write(writer, prefix, bytesOf(id), 0, id.length);
  const wanted = ids.map((id) => encodePlainly(['HMGET', `p:${id}`, 'a']));
  expect(writer.view().equals(Buffer.concat(wanted))).toBe(true);
});

test('the bytes behind the key are counted', () => {
  expect(new KeyedCommand('HMGET', ['ab', 'é']).tailBytes).toBe(
    '$2\r\nab\r\n$2\r\né\r\n'.length + 1,
  );
});
