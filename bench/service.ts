// npm run bench:service: examples/fraud-service against the same service on ioredis's autopipelining,
// on a six-node cluster of this machine, driven by autocannon in turns.
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { FeatureStore } from 'cluster-feature-store';
import { FEATURES } from '../examples/fraud-service/scoring.ts';
import { startLocalCluster } from '../rig/local-cluster/local-cluster.ts';
import { findRedisServer } from '../rig/redis-server/find.ts';
import { seededRandom, type Random } from '../src/synthetic/seeded-random.ts';
import { batchFeatures, idOf, streamFeatures, type EntityRow } from './data-set.ts';
import { commitOf, describeMachine } from './machine.ts';
import { inCount, inDuration, inMicroseconds } from './quantity.ts';
import { root } from './root.ts';
import { CONNECTIONS, drive, IDS_PER_REQUEST, idsFor } from './service/load-generator.ts';
import { ServiceProcess, type ServiceTask } from './service/service-process.ts';
import {
  ratePerSecond,
  serviceTargets,
  type ServiceRound,
  type ServiceRun,
} from './service/service-run.ts';

const USAGE = `npm run bench:service -- [flags]
  --rounds <number>   turns of each service (8)
  --seconds <number>  of a turn (4)
  --seed <number>     of the users and the ids (42)
  --no-save           print only; else bench/results/service.json is written, and
                      npx tsx bench/report.ts puts it into docs/benchmarks.md`;
const USERS = 20_000;
const KEY_PREFIX = 'fs:user:';
const CLUSTER_PORT = 15_200;
/** Of main.ts. */
const DEADLINE_MS = 50;
/** Longer than the run. */
const TTL_SECONDS = 86_400;
const WARM_UP_SECONDS = 3;
const CHECKED_REQUESTS = 100;
const STORES = ['cluster-feature-store', 'ioredis'] as const;

const log = (line: string): void => void process.stdout.write(`${line}\n`);

interface Flags {
  readonly rounds: number;
  readonly seconds: number;
  readonly seed: number;
  readonly save: boolean;
}

const flags = parseFlags();
if (flags === undefined) log(USAGE);
else await main(flags);

function parseFlags(): Flags | undefined {
  const { values } = parseArgs({
    allowNegative: true,
    options: {
      rounds: { type: 'string', default: '8' },
      seconds: { type: 'string', default: '4' },
      seed: { type: 'string', default: '42' },
      save: { type: 'boolean', default: true },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const { save, help } = values;
  const rounds = Number(values.rounds);
  const seconds = Number(values.seconds);
  const seed = Number(values.seed);
  const isPossible = rounds >= 1 && seconds >= 1 && Number.isInteger(seed);
  return isPossible && !help ? { rounds, seconds, seed, save } : undefined;
}

async function main({ rounds, seconds, seed, save }: Flags): Promise<void> {
  const server = await findRedisServer({ log });
  const machine = describeMachine(`${server.flavour} ${server.version}`);
  const startedAt = new Date().toISOString();
  await using cluster = await startLocalCluster({ portFrom: CLUSTER_PORT, log });
  await load(cluster.urls, seed);
  const task = { nodes: cluster.urls, keyPrefix: KEY_PREFIX, deadlineMs: DEADLINE_MS };
  using ours = await ServiceProcess.start({ ...task, store: STORES[0] });
  using theirs = await ServiceProcess.start({ ...task, store: STORES[1] });
  const random = seededRandom(seed);
  const contenders = [
    { store: STORES[0], service: ours, rounds: new Array<ServiceRound>() },
    { store: STORES[1], service: theirs, rounds: new Array<ServiceRound>() },
  ];
  for (const { service } of contenders) {
    await drive({ url: service.url, random, userCount: USERS, seconds: WARM_UP_SECONDS });
  }
  await compare(ours, theirs, random);
  for (let round = 0; round < rounds; round++) {
    const turns = round % 2 === 0 ? contenders : contenders.toReversed();
    for (const { store, service, rounds: done } of turns) {
      const measured = await takeTurn(service, random, seconds);
      log(lineOf(store, measured));
      done.push(measured);
    }
  }
  const run: ServiceRun = {
    startedAt,
    command: ['npm run bench:service', ...process.argv.slice(2)].join(' '),
    seed,
    commit: commitOf(root),
    machine,
    userCount: USERS,
    connections: CONNECTIONS,
    idsPerRequest: IDS_PER_REQUEST,
    secondsPerTurn: seconds,
    deadlineMs: DEADLINE_MS,
    services: contenders.map(({ store, rounds: done }) => ({ store, rounds: done })),
  };
  for (const { what, atLeast, measured, reached } of serviceTargets(run)) {
    log(`${what}: ${measured}, to reach ${atLeast}: ${reached ? 'reached' : 'NOT REACHED'}`);
  }
  if (!save) return;
  const file = new URL('bench/results/service.json', root);
  await writeFile(file, `${JSON.stringify(run, undefined, 1)}\n`);
  log('Kept as bench/results/service.json.');
}

async function load(nodes: readonly string[], seed: number): Promise<void> {
  await using store = await FeatureStore.connect({ nodes, keyPrefix: KEY_PREFIX });
  const batch = await store.bulkLoad(rowsOf(seed, batchFeatures), { ttlSeconds: TTL_SECONDS });
  const stream = await store.updateStreamingBatch(rowsOf(seed, streamFeatures), {
    ttlSeconds: TTL_SECONDS,
  });
  for (const { error } of [...batch.failed, ...stream.failed]) throw error;
  const [row = {}] = await store.batchGetFeatures([idOf(0)], FEATURES);
  if (Object.keys(row).length !== FEATURES.length) throw new Error('users lack what is read');
}

function* rowsOf(
  seed: number,
  features: (seed: number, index: number) => EntityRow[1],
): Generator<EntityRow> {
  for (let index = 0; index < USERS; index++) yield [idOf(index), features(seed, index)];
}

/** Where both answer by features, in time, they must answer the same. */
async function compare(
  ours: ServiceProcess,
  theirs: ServiceProcess,
  random: Random,
): Promise<void> {
  let same = 0;
  for (let request = 0; request < CHECKED_REQUESTS; request++) {
    const body = JSON.stringify({ ids: idsFor(random, USERS) });
    const one = await scoresOf(ours, body);
    const other = await scoresOf(theirs, body);
    if (one === other) same++;
    else if (!`${one}${other}`.includes('default')) {
      throw new Error(`the services differ: ${one} and ${other}`);
    }
  }
  if (same < CHECKED_REQUESTS / 2) throw new Error(`only ${same} answers were complete`);
}

async function scoresOf({ url }: ServiceProcess, body: string): Promise<string> {
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(`${url}/score`, { method: 'POST', headers, body });
  return answer.text();
}

async function takeTurn(
  service: ServiceProcess,
  random: Random,
  seconds: number,
): Promise<ServiceRound> {
  const before = await service.use();
  const driven = await drive({ url: service.url, random, userCount: USERS, seconds });
  const after = await service.use();
  return {
    ...driven,
    cpuUs: after.cpuUs - before.cpuUs,
    defaults: after.defaults - before.defaults,
  };
}

function lineOf(store: ServiceTask['store'], round: ServiceRound): string {
  const { p50, p99 } = round.latencyMs;
  const cpu = inMicroseconds(round.cpuUs / round.requests);
  return [
    store.padEnd(22),
    `${inCount(ratePerSecond(round))} requests/s`,
    `p50 ${inDuration(p50)}, p99 ${inDuration(p99)}`,
    `${cpu} µs of its CPU a request`,
    `${round.defaults} scores by default`,
  ].join('  ');
}
