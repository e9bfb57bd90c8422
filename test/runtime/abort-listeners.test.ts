import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { onAbort } from '../../src/runtime/abort-listeners.ts';

test('all who wait are told, by one listener on the signal, and none is left', () => {
  const control = new AbortController();
  const told: number[] = [];
  for (let n = 0; n < 50; n++) onAbort(control.signal, () => told.push(n));
  expect(getEventListeners(control.signal, 'abort')).toHaveLength(1);
  control.abort();
  expect(told).toStrictEqual(Array.from({ length: 50 }, (_, n) => n));
  expect(getEventListeners(control.signal, 'abort')).toHaveLength(0);
});

test('who takes it back is not told; the last one takes the listener away, and it can come again', () => {
  const control = new AbortController();
  const told: string[] = [];
  const offA = onAbort(control.signal, () => told.push('a'));
  const offB = onAbort(control.signal, () => told.push('b'));
  offA();
  offA();
  expect(getEventListeners(control.signal, 'abort')).toHaveLength(1);
  offB();
  expect(getEventListeners(control.signal, 'abort')).toHaveLength(0);
  const offC = onAbort(control.signal, () => told.push('c'));
  offB();
  control.abort();
  offC();
  expect(told).toStrictEqual(['c']);
});

test('one signal knows nothing of another', () => {
  const [one, other] = [new AbortController(), new AbortController()];
  const told: string[] = [];
  onAbort(one.signal, () => told.push('one'));
  onAbort(other.signal, () => told.push('other'));
  other.abort();
  expect(told).toStrictEqual(['other']);
});
