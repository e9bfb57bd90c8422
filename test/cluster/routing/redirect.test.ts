import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { verdictOf } from '../../../src/cluster/routing/redirect.ts';

const FROM = '10.0.0.1:7000';

test.each([
  ['MOVED 3999 127.0.0.1:6381', 3999, '127.0.0.1:6381'],
  ['MOVED 0 redis-1.example.com:6379', 0, 'redis-1.example.com:6379'],
  ['MOVED 16383 2001:db8::5:6379', 16_383, '2001:db8::5:6379'],
  ['MOVED 866 :7001', 866, '10.0.0.1:7001'],
])('%s: the slot lives there', (message, slot, address) => {
  expect(verdictOf(message, FROM)).toStrictEqual({ kind: 'moved', slot, address });
});

test.each([
  ['ASK 3999 127.0.0.1:6381', '127.0.0.1:6381'],
  ['ASK 3999 ::1:6381', '::1:6381'],
  ['ASK 3999 :7001', '10.0.0.1:7001'],
])('%s: ask there once, and remember no slot', (message, address) => {
  expect(verdictOf(message, FROM)).toStrictEqual({ kind: 'ask', address });
});

test('a redirect without a host means the host that replied, IPv6 too', () => {
  expect(verdictOf('MOVED 1 :7001', '2001:db8::5:7000')).toMatchObject({
    address: '2001:db8::5:7001',
  });
});

test('any slot and node of a redirect is read back', () => {
  const host = fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain());
  const port = fc.integer({ min: 1, max: 65_535 });
  fc.assert(
    fc.property(fc.nat({ max: 16_383 }), host, port, (slot, name, number) => {
      const address = `${name}:${number}`;
      const moved = { kind: 'moved', slot, address };
      expect(verdictOf(`MOVED ${slot} ${address}`, FROM)).toStrictEqual(moved);
      expect(verdictOf(`ASK ${slot} ${address}`, FROM)).toStrictEqual({ kind: 'ask', address });
    }),
  );
});

test.each([
  'MOVED 5 ?:7001', // of a node that does not know its own name
  'ASK 5 ?:7001',
  'TRYAGAIN Multiple keys request during rehashing of slot',
  'LOADING Redis is loading the dataset in memory',
  'CLUSTERDOWN Hash slot not served',
  'CLUSTERDOWN The cluster is down',
  "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
  "READONLY You can't write against a read only replica.",
  'UNKILLABLE Sorry the script already executed write commands against the dataset.',
  'BUSY Redis is busy running a script.',
])('%s: wait, and look again', (message) => {
  const verdict = verdictOf(message, FROM);
  expect(verdict).toMatchObject({
    kind: 'wait',
    error: { code: 'SHARD_UNAVAILABLE', retryable: true },
  });
  const [said, advice] = ('error' in verdict ? verdict.error.message : '').split(`'${message}'. `);
  expect(said).toBe(`${FROM} answers `);
  expect(advice).toMatch(/^\w.{20,}\.$/u);
});

test.each([
  ['NOAUTH Authentication required.', true],
  ['WRONGPASS invalid username-password pair or user is disabled.', false],
  ["NOPERM User u has no permissions to run the 'hget' command", false],
])('%s: whether a new connection would log in: %s', (message, isOut) => {
  expect(verdictOf(message, FROM)).toMatchObject({
    kind: 'fail',
    error: { code: 'ACCESS_DENIED', retryable: false },
    isLoggedOut: isOut,
  });
});

test.each([
  ["READONLY You can't write against a read only replica.", true],
  ['EXECABORT Transaction discarded because of: READONLY You are a replica.', true],
  ["MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", true],
  ['CLUSTERDOWN Hash slot not served', true],
  // A cluster in trouble, of which every node says so, is not connected to anew.
  ['CLUSTERDOWN The cluster is down', false],
  ['LOADING Redis is loading the dataset in memory', false],
])('%s: whether its name may mean another node: %s', (message, isDisplaced) => {
  expect(verdictOf(message, FROM)).toMatchObject({ kind: 'wait', isDisplaced });
});

test.each([
  ['WRONGTYPE Operation against a key holding the wrong kind of value', 'WRONG_TYPE', 'key prefix'],
  ["OOM command not allowed when used memory > 'maxmemory'.", 'OUT_OF_MEMORY', 'maxmemory'],
  ['NOAUTH Authentication required.', 'ACCESS_DENIED', 'redisOptions.password'],
  ['WRONGPASS invalid username-password pair', 'ACCESS_DENIED', 'redisOptions.password'],
  ["NOPERM User x has no permissions to run the 'hset' command", 'ACCESS_DENIED', 'Grant'],
  ["ERR unknown command 'HSETEX'", 'UNSUPPORTED_SERVER', '7.4'],
  ["ERR unknown subcommand 'SHARDS'. Try CLUSTER HELP.", 'UNSUPPORTED_SERVER', '7.4'],
  ['ERR wrong number of arguments', 'COMMAND_REFUSED', 'not retried'],
  ['CROSSSLOT Keys in request do not hash to the same slot', 'COMMAND_REFUSED', 'not retried'],
  ['', 'COMMAND_REFUSED', 'not retried'],
])('%s: the row fails with %s, the words of the server, and advice', (message, code, advice) => {
  const verdict = verdictOf(message, FROM);
  expect(verdict).toMatchObject({ kind: 'fail', error: { code } });
  const said = 'error' in verdict ? verdict.error.message : '';
  expect(said).toContain(`${FROM} refuses: '${message}'`);
  expect(said).toContain(advice);
});

test('what a server repeats of a command, which has the features in it, is in no error', () => {
  const words = "ERR unknown command 'HSETEX', with args beginning with: 'u1' 'EX' '5' 'secret' ";
  for (const message of [words, `EXECABORT Transaction discarded because of: ${words}`]) {
    const verdict = verdictOf(message, FROM);
    expect(verdict).toMatchObject({ kind: 'fail', error: { code: 'UNSUPPORTED_SERVER' } });
    const said = 'error' in verdict ? verdict.error.message : '';
    expect(said).toContain("unknown command 'HSETEX''. ");
    expect(said).not.toContain('secret');
  }
});

test.each([
  'MOVED',
  'MOVED x 127.0.0.1:7000',
  'MOVED 1 127.0.0.1',
  'ASK 1 127.0.0.1:',
  'moved 1 127.0.0.1:7000',
  'NOTMOVED 1 127.0.0.1:7000',
  'ERR LOADING',
  'LOADINGS now',
])('%s is no word to obey, so the row fails', (message) => {
  expect(verdictOf(message, FROM)).toMatchObject({
    kind: 'fail',
    error: { code: 'COMMAND_REFUSED' },
  });
});

test.each([
  [
    "EXECABORT Transaction discarded because of: NOPERM User x has no permissions to run the 'exec' command",
    'ACCESS_DENIED',
  ],
  [
    "EXECABORT Transaction discarded because of: OOM command not allowed when used memory > 'maxmemory'.",
    'OUT_OF_MEMORY',
  ],
  ['EXECABORT Transaction discarded because of previous errors.', 'COMMAND_REFUSED'],
])('%s: the reason is what counts', (message, code) => {
  const verdict = verdictOf(message, FROM);
  expect(verdict).toMatchObject({ kind: 'fail', error: { code } });
  expect(verdict).toMatchObject({ error: { message: expect.stringContaining(message) } });
});

test('EXEC that a loading server refuses is waited for', () => {
  const message =
    'EXECABORT Transaction discarded because of: LOADING Redis is loading the dataset in memory';
  expect(verdictOf(message, FROM)).toMatchObject({ kind: 'wait' });
});
