import { expect, it } from 'vitest';
import { serviceTargets, type ServiceCell } from '../../bench/service/service-run.ts';

/** A cell of three rounds. */
function cell(store: ServiceCell['store'], requests: number, p99: number): ServiceCell {
  const latencyMs = { count: requests, p50: 1, p95: 1, p99, max: p99 };
  const round = { requests, elapsedMs: 1_000, latencyMs, cpuUs: 1, defaults: 0 };
  return { store, rounds: [round, round, round] };
}

it.each([
  { ours: [2_000, 5], reached: [true, true], measured: ['2.00×', '1/2'] },
  { ours: [1_990, 5.1], reached: [false, false], measured: ['1.99×', '0.51×'] },
] as const)('$ours against 1,000 requests a second at 10 ms', ({ ours, reached, measured }) => {
  const services = [cell('cluster-feature-store', ours[0], ours[1]), cell('ioredis', 1_000, 10)];
  const targets = serviceTargets({ services });
  expect(targets.map((target) => target.reached)).toStrictEqual(reached);
  expect(targets.map((target) => target.measured)).toStrictEqual(measured);
});
