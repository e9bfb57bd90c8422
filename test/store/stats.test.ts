import { expect, test } from 'vitest';
import { zeroCounters } from '../../src/store/stats.ts';

test('counters begin at zero, each set for itself', () => {
  const counters = zeroCounters();
  expect(new Set(Object.values(counters))).toStrictEqual(new Set([0]));
  counters.readsTotal++;
  expect(zeroCounters().readsTotal).toBe(0);
});
