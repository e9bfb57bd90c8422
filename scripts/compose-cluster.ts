// The six nodes of docker-compose.cluster.yml, for `npm run cluster -- up --compose`.
//
//     an engine answers ─▶ ports are ours or free ─▶ up --wait ─▶ asked from the host ─▶ whole
//                                                        └── no ──▶ up --wait --force-recreate,
// once
//
// Health checks speak for the inside of the namespace. Whether the published ports lead there, only
// the host can tell, so `up` is believed when all six nodes have answered here. Recreating loses
// what the cluster held; it is the last resort, and said aloud.
import { fileURLToPath } from 'node:url';
import { downAll, execCompose, logs, upAll } from 'docker-compose';
import type { IDockerComposeOptions } from 'docker-compose';
import { Redis } from 'ioredis';
import {
  clusterProblems,
  type NodeView,
  parseClusterNodes,
  parseInfo,
} from '../rig/local-cluster/node-view.ts';
import { isPortFree } from '../rig/local-cluster/port-run.ts';
import { waitUntil } from '../rig/local-cluster/wait-until.ts';

export interface ComposeOptions {
  /** Receives each line of progress. */
  readonly log: (line: string) => void;
}

/** One service, as `docker compose ps` has it. */
interface Service {
  readonly name: string;
  /** `running`, `exited`, … */
  readonly state: string;
  /** `healthy`, `starting`, `unhealthy`, or empty. */
  readonly health: string;
}

const COMPOSE_FILE = fileURLToPath(new URL('../docker-compose.cluster.yml', import.meta.url));
const PORTS = [7000, 7001, 7002, 7003, 7004, 7005];
/** The service that publishes the ports. */
const PORT_OWNER = 'net';
/** A first `up` takes about 5 s, once the image is there; pulling does not count. */
const HEALTHY_TIMEOUT_S = 60;
/** Nodes forget that another one had failed up to twice cluster-node-timeout after it is back. */
const WHOLE_TIMEOUT_MS = 20_000;
const ANSWER_TIMEOUT_MS = 2000;

/**
 * Starts or mends the cluster; returns its URLs when all slots are covered and every replica is
 * synced.
 */
export async function composeUp({ log }: ComposeOptions): Promise<string[]> {
  const startedAt = Date.now();
  const services = await listServices();
  await refuseForeignPorts(services);
  try {
    refuseLostNodes(services);
    await upUntilWhole([]);
  } catch (error) {
    log(`compose: ${messageOf(error)}`);
    log('compose: recreating every container, once; what the cluster held is lost');
    await recreate();
  }
  log(`compose: whole after ${((Date.now() - startedAt) / 1000).toFixed(1)} s`);
  return PORTS.map((port) => `redis://127.0.0.1:${port}`);
}

/** Removes the containers and their network; fine when there are none. */
export async function composeDown({ log }: ComposeOptions): Promise<void> {
  await listServices();
  await run('down', () => downAll(options(['--volumes', '--remove-orphans', '--timeout', '5'])));
  log('compose: down, nothing left');
}

/** Logs each service and what is wrong with the cluster; true when it is whole. */
export async function composeStatus({ log }: ComposeOptions): Promise<boolean> {
  const services = await listServices();
  if (services.length === 0) {
    log('compose: no cluster');
    return false;
  }
  for (const { name, state, health } of services) {
    log(`compose: ${name} ${state}${health === '' ? '' : `, ${health}`}`);
  }
  const problems = await problemsFromHost();
  for (const problem of problems) log(`compose: ${problem}`);
  if (problems.length === 0) log('compose: whole: 16384 slots covered, every replica synced');
  return problems.length === 0;
}

async function upUntilWhole(flags: readonly string[]): Promise<void> {
  const wait = ['--wait', '--wait-timeout', String(HEALTHY_TIMEOUT_S)];
  await run('up --wait', () => upAll(options([...wait, ...flags])));
  let problems: string[] = [];
  await waitUntil(
    async () => {
      problems = await problemsFromHost();
      return problems.length === 0;
    },
    {
      what: 'the cluster is whole when asked from the host',
      timeoutMs: WHOLE_TIMEOUT_MS,
      intervalMs: 100,
      why: () => problems.join('; '),
    },
  );
}

async function recreate(): Promise<void> {
  try {
    await upUntilWhole(['--force-recreate']);
  } catch (error) {
    const told = await logs('cluster', options(['--tail', '20', '--no-log-prefix'])).catch(
      () => undefined,
    );
    const tail = told?.out.trim() ?? '';
    throw new Error(
      `compose: no cluster, even after recreating every container: ${messageOf(error)}` +
        (tail === '' ? '' : `\nThe last lines of the service that makes it:\n${tail}`),
      { cause: error },
    );
  }
}

/** All of the project's services, stopped ones too. Throws when no engine answers. */
async function listServices(): Promise<Service[]> {
  const ps = () => execCompose('ps', ['--all', '--format', 'json'], options([]));
  try {
    const { out } = await run('ps', ps);
    const lines = out.split('\n').filter((line) => line.trim() !== '');
    return lines.map((line) => parseService(line));
  } catch (error) {
    throw new Error(
      `compose: no Docker engine with Compose 2.23.1 or later answers (${messageOf(error)}). ` +
        'Start Docker, or run the nodes as processes: npm run cluster -- up',
      { cause: error },
    );
  }
}

function parseService(line: string): Service {
  const entry: Record<string, unknown> = JSON.parse(line);
  const text = (key: string): string => {
    const value = entry[key];
    return typeof value === 'string' ? value : '';
  };
  return { name: text('Service'), state: text('State'), health: text('Health') };
}

async function refuseForeignPorts(services: readonly Service[]): Promise<void> {
  if (services.some(({ name, state }) => name === PORT_OWNER && state === 'running')) return;
  const free = await Promise.all(PORTS.map((port) => isPortFree(port)));
  const taken = PORTS.filter((_, index) => free[index] === false);
  if (taken.length === 0) return;
  throw new Error(
    `compose: 127.0.0.1:${taken.join(', :')} ${taken.length === 1 ? 'is' : 'are'} in use by another program. ` +
      'If that is the cluster of processes, end it first: npm run cluster -- down',
  );
}

/**
 * A new container of one node knows no cluster, and would empty the replica that still follows its
 * address.
 */
function refuseLostNodes(services: readonly Service[]): void {
  if (services.length === 0) return;
  const lost = PORTS.filter((port) => !services.some(({ name }) => name === `redis-${port}`));
  if (lost.length > 0) {
    throw new Error(
      `the containers of the nodes at ${lost.join(', ')} are gone, with what they held`,
    );
  }
}

async function problemsFromHost(): Promise<string[]> {
  const answers = await Promise.allSettled(PORTS.map((port) => viewFromHost(port)));
  const views: NodeView[] = [];
  const silent: string[] = [];
  for (const [index, answer] of answers.entries()) {
    if (answer.status === 'fulfilled') views.push(answer.value);
    else silent.push(`${PORTS[index]}: does not answer`);
  }
  return [...silent, ...clusterProblems(views, PORTS.length)];
}

async function viewFromHost(port: number): Promise<NodeView> {
  const client = new Redis({
    host: '127.0.0.1',
    port,
    lazyConnect: true,
    connectTimeout: ANSWER_TIMEOUT_MS,
    commandTimeout: ANSWER_TIMEOUT_MS,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  client.on('error', () => undefined); // connect() rejects with it
  try {
    await client.connect();
    const [info, known, replication] = await Promise.all([
      client.call('CLUSTER', 'INFO'),
      client.call('CLUSTER', 'NODES'),
      client.call('INFO', 'replication'),
    ]);
    return {
      port,
      state: parseInfo(String(info)).get('cluster_state') ?? 'unknown',
      known: parseClusterNodes(String(known)),
      linkStatus: parseInfo(String(replication)).get('master_link_status'),
    };
  } finally {
    client.disconnect();
  }
}

function options(commandOptions: string[]): IDockerComposeOptions {
  return { config: COMPOSE_FILE, commandOptions };
}

/**
 * The package rejects with a plain object when the command fails: makes an error of its last line.
 */
async function run<T>(what: string, command: () => Promise<T>): Promise<T> {
  try {
    return await command();
  } catch (cause) {
    throw new Error(`docker compose ${what}: ${failureOf(cause)}`, { cause });
  }
}

function failureOf(cause: unknown): string {
  if (cause instanceof Error) return cause.message;
  const printed =
    typeof cause === 'object' && cause !== null && 'err' in cause ? String(cause.err) : '';
  return printed.trim().split('\n').at(-1)?.trim() || 'failed without a word';
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
