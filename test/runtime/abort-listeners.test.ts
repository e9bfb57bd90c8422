import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { onAbort } from '../../src/runtime/abort-listeners.ts';

test('all listeners are called, by one listener on the signal, and none is left', () => {
  const control = new AbortController();
  const heard: number[] = [];
  for (let n = 0; n < 50; n++) onAbort(control.signal, () => heard.push(n));
  expect(getEventListeners(control.signal, 'abort')).toHaveLength(1);
  control.abort();
  expect(heard).toStrictEqual(Array.from({ length: 50 }, (_, n) => n));
  expect(getEventListeners(control.signal, 'abort')).toHaveLength(0);
});

test('one that was taken back is not called; the last one takes the listener away, and it can come again', () => {
  const control = new AbortController();
  const heard: string[] = [];
  const offA = onAbort(control.signal, () => heard.push('a'));
  const offB = onAbort(control.signal, () => heard.push('b'));
  offA();
  offA();
  expect(getEventListeners(control.signal, 'abort')).toHaveLength(1);
  offB();
  expect(getEventListeners(control.signal, 'abort')).toHaveLength(0);
  const offC = onAbort(control.signal, () => heard.push('c'));
  offB();
  control.abort();
  offC();
  expect(heard).toStrictEqual(['c']);
});

test('one signal knows nothing of another', () => {
  const [one, other] = [new AbortController(), new AbortController()];
  const heard: string[] = [];
  onAbort(one.signal, () => heard.push('one'));
  onAbort(other.signal, () => heard.push('other'));
  other.abort();
  expect(heard).toStrictEqual(['other']);
});
