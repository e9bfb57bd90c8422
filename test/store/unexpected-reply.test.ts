import { expect, test } from 'vitest';
import { unexpected } from '../../src/store/unexpected-reply.ts';

test.each([
  [null, 'HSET replied null,'],
  [[1, 'x'], 'HSET replied [1,"text of 1"],'],
  [undefined, 'HSET replied undefined,'],
])('the reply %j is shown in the error, but no text of it', (reply, message) => {
  const error = unexpected('HSET', reply);
  expect(error).toMatchObject({ code: 'UNEXPECTED_REPLY', retryable: false });
  expect(error.message).toContain(message);
});
