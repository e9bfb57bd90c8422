/** The part of docs/benchmarks.md on a service: examples/fraud-service on the store and on ioredis. */

import { inCount, inDuration, inMicroseconds } from '../quantity.ts';
import {
  ratePerSecond,
  serviceTargets,
  type ServiceCell,
  type ServiceRound,
  type ServiceRun,
} from '../service/service-run.ts';
import { median } from '../statistics.ts';
import { table } from './table.ts';

const LABELS = {
  'cluster-feature-store': '**cluster-feature-store**',
  ioredis: 'ioredis autopipelining',
} as const;

export function serviceSection(run: ServiceRun, source: string): string {
  const { connections, idsPerRequest, userCount, secondsPerTurn, deadlineMs, machine } = run;
  const header = ['', 'requests/s', 'p50', 'p99', 'CPU of the service, µs a request', 'defaults'];
  const targets = serviceTargets(run).map(({ what, atLeast, measured, reached }) => [
    what,
    atLeast,
    measured,
    reached ? 'reached' : '**not reached**',
  ]);
  const turns = run.services[0]?.rounds.length ?? 0;
  return `## A service

[examples/fraud-service](../examples/fraud-service), and the same service with its store replaced by an ioredis Cluster with
\`enableAutoPipelining\` and one \`hmget\` per id (\`bench/service/ioredis-store.ts\`). autocannon sends POST /score on ${connections} connections, with ${idsPerRequest}
random ids of ${userCount.toLocaleString('en-US')} users in each request; the services take turns of ${secondsPerTurn} s, ${turns} each, in one run. \`npm run bench:service\`, ${run.startedAt.slice(0, 10)},
commit ${run.commit}, Node ${machine.node}, ${machine.server}; the figures are in [${source}](../${source}). The ${machine.cores} cores of the machine are shared
by the load generator, the service and all six servers, so each figure is what is left for it; the ratios are what counts. The load average was ${machine.loadAverage.toFixed(2)} when it began.

${table(header, run.services.map(figuresOf), 1)}
Medians over the turns. "Defaults" are ids of all turns that were not read within the deadline of ${deadlineMs} ms and were scored by defaults: such
a request counts as answered. Ratios are medians of those of the rounds; a round has a turn of each.

${table(['', 'at least', 'measured', ''], targets, 1)}`;
}

function figuresOf({ store, rounds }: ServiceCell): string[] {
  const middle = (figure: (round: ServiceRound) => number): number => median(rounds.map(figure));
  return [
    LABELS[store],
    inCount(middle(ratePerSecond)),
    inDuration(middle(({ latencyMs }) => latencyMs.p50)),
    inDuration(middle(({ latencyMs }) => latencyMs.p99)),
    inMicroseconds(middle(({ cpuUs, requests }) => cpuUs / requests)),
    rounds.reduce((sum, { defaults }) => sum + defaults, 0).toLocaleString('en-US'),
  ];
}
