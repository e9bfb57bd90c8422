import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { CommandWriter } from '../../../src/cluster/resp/command-writer.ts';
import { KeyedCommand } from '../../../src/cluster/resp/keyed-command.ts';
import { encodeCommand as encodePlainly } from '../plain-resp.ts';
import { anyText } from '../unicode.ts';

const anyCapacity = fc.constantFrom(0, 1, 7, 64, 1_000, 5_000);
const anyPrefix = fc.oneof(anyText, fc.constantFrom('', 'fs:user:', 'x'.repeat(5_000), 'é:'));
const plainId = fc.oneof(
  fc.string({ unit: 'binary-ascii', maxLength: 100 }),
  fc.constantFrom('', 'u1', '\r\n', '\0', 'x'.repeat(63), 'x'.repeat(64), 'x'.repeat(65)),
  fc.constant('x'.repeat(4_096)),
);

function bytesOf(prefix: string): Uint8Array {
  return Uint8Array.from(Buffer.from(prefix));
}

test('a command is written as word by word, for ids of any lengths, prefixes by turns, from any capacity', () => {
  const words = fc.array(anyText, { maxLength: 12 });
  const ids = fc.array(plainId, { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(
      anyText,
      words,
      anyPrefix,
      anyPrefix,
      ids,
      anyCapacity,
      (name, behind, one, other, rows, capacity) => {
        const command = new KeyedCommand(name, behind);
        const prefixes = [one, other].map((text) => ({ text, bytes: bytesOf(text) }));
        const writer = new CommandWriter(capacity);
        const wanted: Uint8Array[] = [];
        for (const id of rows) {
          for (const prefix of prefixes) {
            command.writeBehind(writer, prefix.bytes, id);
            command.write(writer, prefix.text + id);
            const plain = encodePlainly([name, prefix.text + id, ...behind]);
            wanted.push(plain, plain);
          }
        }
        expect(writer.view().equals(Buffer.concat(wanted))).toBe(true);
      },
    ),
    { numRuns: 1_000 },
  );
});

test('an id leaves nothing of itself behind for the next of its length', () => {
  const command = new KeyedCommand('HMGET', ['a']);
  const prefix = bytesOf('p:');
  const ids = ['aaa', 'zzz', 'aaa', '', 'b', 'aaa'];
  const writer = new CommandWriter();
  for (const id of ids) command.writeBehind(writer, prefix, id);
  const wanted = ids.map((id) => encodePlainly(['HMGET', `p:${id}`, 'a']));
  expect(writer.view().equals(Buffer.concat(wanted))).toBe(true);
});

test('the bytes behind the key are counted', () => {
  expect(new KeyedCommand('HMGET', ['ab', 'é']).tailBytes).toBe(
    '$2\r\nab\r\n$2\r\né\r\n'.length + 1,
  );
});
