import { expect, test } from 'vitest';
import { flatOf, rowOfAll } from '../../src/store/inspect.ts';

test('HGETALL is read as names and values in turn', async () => {
  expect(await rowOfAll('u1', ['a', '1', 'b', '', '__proto__', 'x'])).toStrictEqual(
    Object.fromEntries([
      ['a', '1'],
      ['b', ''],
      ['__proto__', 'x'],
    ]),
  );
  expect(await rowOfAll('u1', [])).toStrictEqual({});
});

test.each([null, 'OK', 7, undefined])('the reply %j is an error, not an absent entity', (reply) => {
  expect(flatOf(reply)).toMatchObject({ code: 'UNEXPECTED_REPLY', retryable: false });
});
