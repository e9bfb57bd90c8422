import { describe, expect, test } from 'vitest';
import { latenciesOf, median, medianRatio, quantile } from '../../bench/statistics.ts';

describe('statistics', () => {
  test('a quantile is a value that was there, and the smallest that enough do not exceed', () => {
    const hundred = Array.from({ length: 100 }, (_, at) => at + 1);
    expect(quantile(hundred, 0.5)).toBe(50);
    expect(quantile(hundred, 0.99)).toBe(99);
    expect(quantile([7], 0.01)).toBe(7);
    expect(quantile([], 0.5)).toBeNaN();
  });

  test('the median is between the middle two of an even number', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(median([])).toBeNaN();
  });

  test('latencies may come in any order', () => {
    expect(latenciesOf([10, 2, 9])).toStrictEqual({ count: 3, p50: 9, p95: 10, p99: 10, max: 10 });
  });

  test('a ratio is made within each round, so that a slow round does not show in it', () => {
    expect(medianRatio([10, 20, 1_000], [5, 10, 500])).toBe(2);
  });
});
