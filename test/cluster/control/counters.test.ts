import { expect, test } from 'vitest';
import { Counters } from '../../../src/cluster/control/counters.ts';

test('pipelines and commands add up per shard', () => {
  const counters = new Counters();
  counters.countPipeline('a:1', 3);
  counters.countPipeline('a:1', 4);
  counters.countPipeline('b:1', 1);
  expect(counters.of('a:1')).toMatchObject({ pipelines: 2, commands: 7 });
  expect(counters.of('b:1')).toMatchObject({ pipelines: 1, commands: 1 });
});

test('latency has a sum and a maximum, and a faster pipeline lowers neither', () => {
  const counters = new Counters();
  counters.countLatency('a:1', 8);
  counters.countLatency('a:1', 2);
  expect(counters.of('a:1')).toMatchObject({ latencyMsTotal: 10, latencyMsMax: 8 });
});

test('a shard that did nothing counts zero of everything', () => {
  expect(new Set(Object.values(new Counters().of('a:1')))).toStrictEqual(new Set([0]));
});

test('a snapshot is a copy: later counts do not reach it, nor its changes the counters', () => {
  const counters = new Counters();
  counters.of('a:1').redirects = 1;
  counters.countRefresh();
  const before = counters.snapshot();
  counters.of('a:1').redirects++;
  counters.countRefresh();
  expect(before.shards['a:1']?.redirects).toBe(1);
  expect(before.refreshes).toBe(1);
  before.shards['a:1'] = { ...counters.of('b:1'), redirects: 99 };
  expect(counters.snapshot().shards['a:1']?.redirects).toBe(2);
  expect(counters.snapshot().refreshes).toBe(2);
});

test('a reset forgets shards and refreshes, and counting goes on from zero', () => {
  const counters = new Counters();
  counters.countPipeline('a:1', 3);
  counters.countRefresh();
  counters.reset();
  expect(counters.snapshot()).toStrictEqual({ shards: {}, refreshes: 0 });
  counters.countPipeline('a:1', 1);
  expect(counters.of('a:1')).toMatchObject({ pipelines: 1, commands: 1 });
});
