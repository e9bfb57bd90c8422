/** What `npm run bench:service` keeps, and what is to be reached. */

import type { Machine } from '../measurement.ts';
import { inFraction, inRatio } from '../quantity.ts';
import { medianRatio } from '../statistics.ts';
import type { Drive } from './load-generator.ts';
import type { ServiceTask, ServiceUse } from './service-process.ts';

export interface ServiceRound extends Drive, ServiceUse {}

export interface ServiceCell {
  readonly store: ServiceTask['store'];
  readonly rounds: readonly ServiceRound[];
}

export interface ServiceRun {
  readonly startedAt: string;
  readonly command: string;
  readonly seed: number;
  readonly commit: string;
  readonly machine: Machine;
  readonly userCount: number;
  readonly connections: number;
  readonly idsPerRequest: number;
  readonly secondsPerTurn: number;
  readonly deadlineMs: number;
  readonly services: readonly ServiceCell[];
}

export interface ServiceTarget {
  readonly what: string;
  readonly atLeast: string;
  readonly measured: string;
  readonly reached: boolean;
}

const MIN_RATE_RATIO = 2;
const MAX_P99_RATIO = 0.5;

export const ratePerSecond = ({ requests, elapsedMs }: Drive): number =>
  (requests / elapsedMs) * 1_000;

/** The median of the ratios of the rounds, ours to the other one's. */
export function serviceTargets({ services }: Pick<ServiceRun, 'services'>): ServiceTarget[] {
  const ratioOf = (figure: (round: ServiceRound) => number): number => {
    const of = (name: ServiceTask['store']): number[] =>
      services.find(({ store }) => store === name)?.rounds.map(figure) ?? [];
    return medianRatio(of('cluster-feature-store'), of('ioredis'));
  };
  const rate = ratioOf(ratePerSecond);
  const p99 = ratioOf(({ latencyMs }) => latencyMs.p99);
  return [
    {
      what: 'requests a second',
      atLeast: `≥ ${MIN_RATE_RATIO}×`,
      measured: inRatio(rate),
      reached: rate >= MIN_RATE_RATIO,
    },
    {
      what: 'p99 of a request',
      atLeast: '≤ 1/2',
      measured: inFraction(p99),
      reached: p99 <= MAX_P99_RATIO,
    },
  ];
}
