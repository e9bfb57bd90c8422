import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { idLines, MAX_LINE_BYTES, type MalformedLine } from '../../src/cli/id-lines.ts';

interface Reading {
  readonly ids: string[];
  readonly malformed: MalformedLine[];
}

async function read(pieces: readonly Uint8Array[]): Promise<Reading> {
  async function* input(): AsyncGenerator<Uint8Array> {
    yield* pieces;
  }
  const malformed: MalformedLine[] = [];
  const ids: string[] = [];
  for await (const some of idLines(input(), (line) => malformed.push(line))) ids.push(...some);
  return { ids, malformed };
}

function bytesOf(...parts: readonly (string | readonly number[])[]): Buffer {
  return Buffer.concat(
    parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from(part))),
  );
}

function cutAt(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b);
  return [...places, bytes.length].map((end, i) => bytes.subarray(places[i - 1] ?? 0, end));
}

it.each([
  ['LF', 'u1\nu2\n', ['u1', 'u2']],
  ['CRLF', 'u1\r\nu2\r\n', ['u1', 'u2']],
  ['no end of the last line', 'u1\nu2', ['u1', 'u2']],
  ['blank and white lines', '\n\r\n \t\r\nu1\n\n  \nu2\n \n', ['u1', 'u2']],
  ['a byte order mark', '\ufeffu1\nu2', ['u1', 'u2']],
  ['a byte order mark alone', '\ufeff', []],
  ['a mark that is not at the start', 'u1\n\ufeffu2', ['u1', '\ufeffu2']],
  ['spaces within and around', ' u 1 \nu2', [' u 1 ', 'u2']],
  ['nothing', '', []],
])('reads ids from lines: %s', async (_, text, ids) => {
  expect(await read([bytesOf(text)])).toStrictEqual({ ids, malformed: [] });
});

it('finds the same ids wherever the input is cut', async () => {
  const id = fc
    .string({ unit: 'binary', minLength: 1 })
    .filter((text) => /^[^\n\r\ufeff]+$/.test(text) && text.trim() !== '');
  const line = fc.tuple(
    fc.oneof(id, fc.constantFrom('', ' ', '\t ')),
    fc.constantFrom('\n', '\r\n'),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.boolean(),
      fc.array(line),
      fc.array(fc.nat()),
      async (mark, lines, cuts) => {
        const text = (mark ? '\ufeff' : '') + lines.flat().join('');
        const expected = lines
          .map(([content]) => content)
          .filter((content) => content.trim() !== '');
        expect(await read(cutAt(Buffer.from(text), cuts))).toStrictEqual({
          ids: expected,
          malformed: [],
        });
      },
    ),
  );
});

it('reports lines that are not UTF-8 by their number, and keeps the rest', async () => {
  const bytes = bytesOf('u1\n\nca', [0xff], 'f\nu2\n', [0xc3], '\nu3');
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat()), async (cuts) => {
      const { ids, malformed } = await read(cutAt(bytes, cuts));
      expect(ids).toStrictEqual(['u1', 'u2', 'u3']);
      expect(malformed).toStrictEqual([
        { lineNumber: 3, text: 'ca\ufffdf', reason: 'it is not UTF-8' },
        { lineNumber: 5, text: '\ufffd', reason: 'it is not UTF-8' },
      ]);
    }),
  );
});

it('does not hold a line that is too long for an id', async () => {
  const long = 'x'.repeat(MAX_LINE_BYTES);
  expect((await read([bytesOf(`${long}\nu2`)])).ids).toStrictEqual([long, 'u2']);
  const pieces = Array.from({ length: 100 }, () => bytesOf(long));
  const { ids, malformed } = await read([bytesOf('u1\n'), ...pieces, bytesOf('\nu3')]);
  expect(ids).toStrictEqual(['u1', 'u3']);
  expect(malformed).toStrictEqual([
    {
      lineNumber: 2,
      text: 'x'.repeat(80),
      reason: `it has ${MAX_LINE_BYTES * 100} bytes; the limit is ${MAX_LINE_BYTES}`,
    },
  ]);
});
