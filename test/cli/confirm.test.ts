import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { confirm } from '../../src/cli/confirm.ts';

it.each([
  ['yes\n', true],
  [' YES \r\n', true],
  ['y\n', false],
  ['\n', false],
  ['no\nyes\n', false],
  ['', false],
])('takes %j for %s', async (typed, confirmed) => {
  const output = new PassThrough();
  const input = new PassThrough();
  const answer = confirm('Delete everything?', input, output);
  input.end(typed);
  expect(await answer).toBe(confirmed);
  expect(String(output.read())).toBe('Delete everything? Type yes to go on: ');
});
