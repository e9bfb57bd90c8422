import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  ASKING,
  CommandWriter,
  encodeCommand,
  encodeWords,
} from '../../../src/cluster/resp/command-writer.ts';
import { decodeCommands, encodeCommand as encodePlainly } from '../plain-resp.ts';
import { anyText } from '../unicode.ts';

const SHORT = 64; // where the writer changes its way

/** ASCII of about the length where the way changes, with a stranger at any position, or none. */
const aboutShort: fc.Arbitrary<string> = fc
  .tuple(
    fc.integer({ min: SHORT - 3, max: SHORT + 3 }),
    fc.nat({ max: SHORT + 3 }),
    fc.constantFrom('', '\u007f', '\u0080', 'é', '\u07ff', '\u0800', '€', '😀', '\r\n', '\0'),
  )
  .map(([length, at, stranger]) => {
    const text = 'x'.repeat(length);
    return text.slice(0, at) + stranger + text.slice(at + stranger.length);
  });

const anyWord: fc.Arbitrary<string | number> = fc.oneof(
  anyText,
  aboutShort,
  fc.string({ unit: 'binary-ascii', minLength: SHORT - 2, maxLength: 200 }),
  fc.constantFrom('', '\r\n', '$5\r\nhello\r\n', '*1\r\n', '\uFEFF', '�', 'x'.repeat(70_000)),
  fc.integer(),
  fc.double({ noNaN: true }),
  fc.constantFrom(-0, 1e21, Number.MAX_SAFE_INTEGER, Number.POSITIVE_INFINITY),
);

const anyCommand = fc.array(anyWord, { minLength: 1, maxLength: 12 });
const anyCapacity = fc.oneof(fc.nat({ max: 40 }), fc.constantFrom(64, 1_024, 65_536));

test('any commands are written as the plain way writes them, from any capacity', () => {
  fc.assert(
    fc.property(fc.array(anyCommand, { maxLength: 6 }), anyCapacity, (commands, capacity) => {
      const writer = new CommandWriter(capacity);
      for (const words of commands) writer.command(words);
      const plain = Buffer.concat(commands.map(encodePlainly));
      expect(writer.length).toBe(plain.length);
      expect(writer.view().equals(plain)).toBe(true);
    }),
    { numRuns: 1_000 },
  );
});

test('what was written reads back', () => {
  fc.assert(
    fc.property(fc.array(anyCommand, { maxLength: 6 }), (commands) => {
      const writer = new CommandWriter();
      for (const words of commands) writer.command(words);
      expect(decodeCommands(writer.view())).toStrictEqual(
        commands.map((words) => words.map(String)),
      );
    }),
  );
});

test('a stranger at any position of a word of any length is written whole', () => {
  const writer = new CommandWriter(0);
  const words: string[] = [];
  for (const stranger of ['\u0080', 'é', '€', '😀']) {
    for (let length = 0; length <= SHORT + 2; length++) {
      for (let at = 0; at <= length; at++) {
        words.push('a'.repeat(at) + stranger + 'b'.repeat(length - at));
      }
    }
  }
  writer.command(words);
  expect(decodeCommands(writer.view())).toStrictEqual([words]);
});

test.each([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 99, 100, 101, 999, 1_000, 9_999, 123_456])(
  'the header of %i words is right, and a string of %i bytes too',
  (count) => {
    const writer = new CommandWriter(0);
    writer.arrayHeader(count);
    expect(writer.view().toString()).toBe(`*${count}\r\n`);
    writer.truncate(0);
    writer.bulkString('x'.repeat(count));
    expect(writer.view().toString()).toBe(`$${count}\r\n${'x'.repeat(count)}\r\n`);
  },
);

test('the longest header fits at any capacity', () => {
  for (const count of [2 ** 31 - 1, 4_294_967_295, 9_999_999_999]) {
    for (let capacity = 0; capacity < 32; capacity++) {
      const writer = new CommandWriter(capacity);
      writer.arrayHeader(count);
      expect(writer.view().toString()).toBe(`*${count}\r\n`);
    }
  }
});

test('half a surrogate pair, which is refused before, still leaves the frame whole', () => {
  const writer = new CommandWriter();
  writer.command(['\uD800', 'a\uDFFFb', 'y'.repeat(70) + '\uD800']);
  expect(decodeCommands(writer.view())).toStrictEqual([['�', 'a�b', `${'y'.repeat(70)}�`]]);
});

type Step =
  | readonly ['command', readonly (string | number)[]]
  | readonly ['truncate', number]
  | readonly ['copy', number, number]
  | readonly ['encoded', string]
  | readonly ['take' | 'takeText', number];

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(fc.constant('command' as const), anyCommand),
  fc.tuple(fc.constant('truncate' as const), fc.nat({ max: 300 })),
  fc.tuple(fc.constant('copy' as const), fc.nat({ max: 300 }), fc.nat({ max: 300 })),
  fc.tuple(fc.constant('encoded' as const), anyText),
  fc.tuple(fc.constantFrom('take' as const, 'takeText' as const), fc.constant(0)),
);

test('whatever is written, cut back, copied and taken, the bytes are those of a plain list', () => {
  const source = new CommandWriter(3);
  source.command(['SOURCE', 'é'.repeat(100), 'x'.repeat(80)]);
  const sourceBytes = Buffer.from(source.view());
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 25 }), anyCapacity, (steps, capacity) => {
      const writer = new CommandWriter(capacity);
      let model = Buffer.alloc(0);
      const taken: [Buffer, Buffer][] = [];
      for (const step of steps) {
        if (step[0] === 'command') {
          writer.command(step[1]);
          model = Buffer.concat([model, encodePlainly(step[1])]);
        } else if (step[0] === 'truncate') {
          const length = Math.min(step[1], model.length);
          writer.truncate(length);
          model = model.subarray(0, length);
        } else if (step[0] === 'copy') {
          const [begin, end] = [Math.min(step[1], step[2]), Math.max(step[1], step[2])];
          writer.copy(source, Math.min(begin, source.length), Math.min(end, source.length));
          model = Buffer.concat([model, sourceBytes.subarray(begin, end)]);
        } else if (step[0] === 'encoded') {
          writer.encoded(encodeWords(step[1]));
          model = Buffer.concat([model, encodePlainly([step[1]]).subarray('*1\r\n'.length)]);
        } else {
          const bytes =
            step[0] === 'take' ? writer.take() : Buffer.from(writer.takeText(), 'latin1');
          taken.push([bytes, model]);
          model = Buffer.alloc(0);
        }
        expect(writer.length).toBe(model.length);
        expect(writer.view().equals(model)).toBe(true);
      }
      // What was taken is not touched by what is written later.
      for (const [bytes, wanted] of taken) expect(bytes.equals(wanted)).toBe(true);
    }),
    { numRuns: 500 },
  );
});

test('writing goes on after much was taken', () => {
  const writer = new CommandWriter();
  for (const size of [3_000_000, 10, 0, 2_000_000, 1]) {
    const words = ['SET', 'k', 'x'.repeat(size)];
    writer.command(words);
    expect(writer.take().equals(encodePlainly(words))).toBe(true);
    expect(writer.length).toBe(0);
    expect(writer.takeText()).toBe('');
    expect(writer.take()).toHaveLength(0);
  }
});

test('what is encoded once is a copy of its own', () => {
  const command = encodeCommand('CLUSTER', 'SLOTS', 7);
  const words = encodeWords('a', 'é');
  expect(Buffer.from(command).equals(encodePlainly(['CLUSTER', 'SLOTS', 7]))).toBe(true);
  expect(Buffer.from(words).toString()).toBe('$1\r\na\r\n$2\r\né\r\n');
  expect(command.buffer.byteLength).toBe(command.length);
  expect(decodeCommands(ASKING)).toStrictEqual([['ASKING']]);
});
