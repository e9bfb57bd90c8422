import { expect, test } from 'vitest';
import { checkCallOptions } from '../../src/store/call-options.ts';
import { refusalOf } from './refusal.ts';

test('a call takes a timeout, a signal and what it says it knows', () => {
  const { signal } = new AbortController();
  const options = { timeoutMs: 5, signal, onProgress: (): void => undefined };
  expect(() => checkCallOptions('load', options, ['onProgress'])).not.toThrow();
  expect(() => checkCallOptions('load', {})).not.toThrow();
  expect(() => checkCallOptions('load', { timeoutMs: undefined })).not.toThrow();
});

test.each([
  [
    { timeout: 5 },
    'load options.timeout is not an option; known are timeoutMs, signal, onProgress',
  ],
  [{ onPipeline: (): void => undefined }, 'load options.onPipeline is not an option'],
  [{ timeoutMs: Number.NaN }, 'load options.timeoutMs must be a number of milliseconds'],
  [{ timeoutMs: '5' }, "load options.timeoutMs must be a number of milliseconds, but is '5'"],
  [{ timeoutMs: null }, 'load options.timeoutMs'],
  [{ signal: 'now' }, "load options.signal must be an AbortSignal, but is 'now'"],
  [{ onProgress: true }, 'load options.onProgress must be a function, but is true'],
])('%j is refused by its path', (options, message) => {
  const error = refusalOf(() => checkCallOptions('load', options, ['onProgress']));
  expect(error.code).toBe('INVALID_OPTION');
  expect(error.message).toContain(message);
});

test('a listener for pipelines is a function', () => {
  const error = refusalOf(() => checkCallOptions('read', { onPipeline: 7 }, ['onPipeline']));
  expect(error.message).toContain('read options.onPipeline must be a function, but is 7');
});
