/** What servers in memory reply besides what they are compared with real ones for. */

import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { CommandWriter } from '../../src/cluster/batch.ts';
import { ServerError } from '../../src/cluster/resp/reply.ts';
import { readReply, textOf } from '../../src/testing/server/bytes.ts';
import { globPattern } from '../../src/testing/server/glob.ts';
import { aimOf, MemoryServer } from '../../src/testing/server/memory-server.ts';
import { commandsIn } from '../../src/testing/server/request.ts';
import { ScriptTwins, shaOf } from '../../src/testing/server/script-twins.ts';
import { globMatches } from '../store/glob.ts';

const clock = { nowMs: 1_234_567 };
const SCRIPT = "return redis.call('HSET', KEYS[1], ARGV[1], 1)";
const twins = new ScriptTwins().add(SCRIPT, (redis, [key = ''], [name = '']) =>
  redis.call(['HSET', key, name, 1]),
);
const bytes = (words: readonly string[]): Buffer[] => words.map((word) => Buffer.from(word));

function ask(unknown: readonly string[] = []): (...words: string[]) => unknown {
  const session = new MemoryServer({ clock, twins, replicaCount: 2, unknown }).session();
  return (...words) => readReply(session.send(bytes(words)));
}
const error = (message: string): unknown => new ServerError(message);

test('commands without a key', () => {
  const send = ask();
  expect(send('PING')).toBe('PONG');
  expect(send('WAIT', '1', '10')).toBe(2);
  expect(send('TIME')).toStrictEqual(['1234', '567000']);
  expect(send('DISCARD')).toStrictEqual(error('ERR DISCARD without MULTI'));
});

test('a transaction can be discarded, and does not nest', () => {
  const send = ask();
  expect(send('MULTI')).toBe('OK');
  expect(send('MULTI')).toStrictEqual(error('ERR MULTI calls can not be nested'));
  expect(send('SET', 'k', 'x')).toBe('QUEUED');
  expect(send('DISCARD')).toBe('OK');
  expect(send('GET', 'k')).toBeNull();
});

test('a command that the server is too old for is unknown', () => {
  const words = ['HSETEX', 'k', 'EX', '9', 'FIELDS', '1', 'f', 'v'];
  expect(ask()(...words)).toBe(1);
  expect(ask(['HSETEX'])(...words)).toMatchObject({
    message: expect.stringMatching(/^ERR unknown command 'HSETEX', with args beginning with: 'k'/),
  });
});

describe('scripts', () => {
  const sha = shaOf(Buffer.from(SCRIPT));

  it('run as their twins, by text and by SHA1', () => {
    const send = ask();
    expect(send('SCRIPT', 'LOAD', SCRIPT)).toBe(sha);
    expect(send('SCRIPT', 'EXISTS', sha, 'abc')).toStrictEqual([1, 0]);
    expect(send('EVALSHA', sha, '1', 'k', 'a')).toBe(1);
    expect(send('EVAL', SCRIPT, '1', 'k', 'b')).toBe(1);
    expect(send('HGETALL', 'k')).toStrictEqual(['a', '1', 'b', '1']);
  });

  it('end with the error that a command of theirs meets', () => {
    const send = ask();
    send('SET', 'k', 'x');
    expect(send('EVALSHA', sha, '1', 'k', 'a')).toMatchObject({
      message: expect.stringMatching(/^WRONGTYPE/),
    });
    expect(send('EVALSHA', 'abc', '0')).toMatchObject({
      message: expect.stringMatching(/^NOSCRIPT/),
    });
    expect(send('EVAL', 'return 1', '0')).toMatchObject({
      message: expect.stringMatching(/know no such script/),
    });
    expect(send('EVAL', SCRIPT, '2', 'k')).toMatchObject({
      message: expect.stringMatching(/Number of keys/),
    });
    expect(send('SCRIPT', 'KILL')).toMatchObject({
      message: expect.stringMatching(/unknown subcommand/),
    });
  });

  it('are about their first key, and may write', () => {
    const aim = aimOf(bytes(['EVALSHA', sha, '1', 'k', 'a']));
    expect([textOf(aim.key ?? NONE), aim.isWrite]).toStrictEqual(['k', true]);
    expect(aimOf(bytes(['EVALSHA_RO', sha, '1', 'k'])).isWrite).toBe(false);
    expect(aimOf(bytes(['EXEC']))).toStrictEqual({ key: undefined, isWrite: false });
  });
});

const NONE = new Uint8Array();

test('reads the words of any commands that a writer has written', () => {
  const command = fc.array(fc.uint8Array({ maxLength: 200 }), { minLength: 1, maxLength: 120 });
  fc.assert(
    fc.property(fc.array(command), (commands) => {
      const writer = new CommandWriter();
      for (const words of commands) writer.command(words);
      const read = commandsIn(writer.view()).map((words) => words.map((word) => [...word]));
      expect(read).toStrictEqual(commands.map((words) => words.map((word) => [...word])));
    }),
  );
});

test('MATCH of SCAN matches what it should', () => {
  const piece = fc.constantFrom(
    'a',
    'b',
    'ab',
    '*',
    '?',
    '[ab]',
    '[^a]',
    '[a-c]',
    '\\*',
    '.',
    '(',
    '$',
  );
  const text = fc.array(fc.constantFrom('a', 'b', 'c', '*', '.', '(', '$', '\n'), { maxLength: 6 });
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 5 }), text, (pieces, characters) => {
      const [glob, given] = [pieces.join(''), characters.join('')];
      expect(globPattern(glob).test(given)).toBe(globMatches(glob, given));
    }),
    { numRuns: 2_000 },
  );
});
