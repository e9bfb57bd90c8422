// The cluster that stays between commands, for the demo and for trying things: `npm run cluster --
// up`.
//
// Its data folder is its state: one folder per node, named for its port, with the server's own pid
// file, and state.json, written last. So an `up` that was interrupted is a folder without
// state.json, and is cleared.
//
//     no state ──────────────────────────▶ clear what is left, start afresh
//     all alive and healthy ─────────────▶ nothing to do
//     some alive ─▶ let replicas take over ─▶ restart the dead ─▶ healthy, or else replaced from
// scratch
//     none alive (the machine restarted) ─▶ start afresh: nothing was on disk
//
// Invariant: one command at a time changes it (a lock beside the folder), and only our own
// processes are ended.
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { findRedisServer } from '../redis-server/find.ts';
import { withFileLock } from '../redis-server/file-lock.ts';
import { problemsOf, viewOf } from './form-cluster.ts';
import { LocalCluster, startLocalCluster } from './local-cluster.ts';
import { itself, type NodeView, SLOT_COUNT } from './node-view.ts';
import type { RedisNode } from './redis-node.ts';
import { waitUntil } from './wait-until.ts';

export interface DevClusterOptions {
  /** @default .data/cluster in this repository */
  readonly dataDir?: string;
  /** The first port. @default 7000 */
  readonly portFrom?: number;
  /** Replicas of each of the three primaries. @default 1 */
  readonly replicasPerPrimary?: number;
  readonly log?: (line: string) => void;
}

/** A node as the `status` command shows it. */
export interface NodeStatus {
  readonly port: number;
  readonly role: 'primary' | 'replica' | 'down';
  readonly pid: number | undefined;
  readonly slots: string;
  readonly link: string;
}

export interface DevClusterStatus {
  readonly nodes: readonly NodeStatus[];
  /** Why it is not healthy; empty when it is. */
  readonly problems: readonly string[];
}

interface State {
  readonly serverPath: string;
  readonly ports: readonly number[];
  /** What was asked for, which other ports may have been taken for. */
  readonly portFrom: number;
  readonly replicasPerPrimary: number;
}

const PRIMARIES = 3;
const SETTLE_TIMEOUT_MS = 3000;
const TAKEOVER_TIMEOUT_MS = 10_000;
const REPAIR_TIMEOUT_MS = 15_000;
const REPOSITORY = resolve(import.meta.dirname, '../..');

/** Makes sure that the development cluster runs and is healthy, and gives its urls. */
export async function ensureDevCluster(options: DevClusterOptions = {}): Promise<string[]> {
  const log = options.log ?? (() => {});
  return locked(options, async (dataDir) => {
    const state = await readState(dataDir);
    if (state !== undefined) {
      const cluster = await open(dataDir, state);
      refuseOther(state, options);
      if (await heal(cluster, log)) return cluster.urls;
    }
    await clear(dataDir, log);
    return startAfresh(dataDir, { ...state, ...options }, log);
  });
}

/** Ends its processes and removes its data; true when there was something to end. */
export async function stopDevCluster(options: DevClusterOptions = {}): Promise<boolean> {
  return locked(options, (dataDir) => clear(dataDir, () => {}));
}

/** What runs now; undefined when there is no cluster. */
export async function devClusterStatus(
  options: DevClusterOptions = {},
): Promise<DevClusterStatus | undefined> {
  const dataDir = dataDirOf(options);
  const state = await readState(dataDir);
  if (state === undefined) return undefined;
  const cluster = await open(dataDir, state);
  const [problems, ...nodes] = await Promise.all([
    problemsOf(cluster.nodes),
    ...cluster.nodes.map((node) => statusOf(node)),
  ]);
  return { nodes, problems };
}

function dataDirOf(options: DevClusterOptions): string {
  return resolve(options.dataDir ?? join(REPOSITORY, '.data', 'cluster'));
}

function locked<T>(options: DevClusterOptions, work: (dataDir: string) => Promise<T>): Promise<T> {
  const dataDir = dataDirOf(options);
  return withFileLock(`${dataDir}.lock`, () => work(dataDir), {
    onWait: (pid) => options.log?.(`process ${pid} is changing this cluster: waiting for it`),
  });
}

async function readState(dataDir: string): Promise<State | undefined> {
  try {
    const state = JSON.parse(await readFile(join(dataDir, 'state.json'), 'utf8')) as State;
    return Array.isArray(state.ports) ? state : undefined;
  } catch {
    return undefined;
  }
}

async function open(dataDir: string, state: State): Promise<LocalCluster> {
  const { serverPath, ports } = state;
  const cluster = LocalCluster.at(ports, { serverPath, dataDir, keepRunning: true });
  await cluster.attach();
  return cluster;
}

/** A cluster that runs is not moved because of a flag: its user may have data in it. */
function refuseOther(state: State, { portFrom, replicasPerPrimary }: DevClusterOptions): void {
  const otherPort = portFrom !== undefined && portFrom !== state.portFrom;
  const otherReplicas =
    replicasPerPrimary !== undefined && replicasPerPrimary !== state.replicasPerPrimary;
  if (!otherPort && !otherReplicas) return;
  throw new Error(
    `a cluster with ${state.replicasPerPrimary} replica(s) per primary is there already, made for ports from ` +
      `${state.portFrom}: use it without --port and --replicas, or end it first with \`down\``,
  );
}

async function startAfresh(
  dataDir: string,
  options: DevClusterOptions,
  log: (line: string) => void,
): Promise<string[]> {
  const { path: serverPath, flavour, version } = await findRedisServer({ log });
  const portFrom = options.portFrom ?? 7000;
  const replicasPerPrimary = options.replicasPerPrimary ?? 1;
  log(`starting ${PRIMARIES * (1 + replicasPerPrimary)} nodes of ${flavour} ${version}`);
  const cluster = await startLocalCluster({
    primaries: PRIMARIES,
    replicasPerPrimary,
    portFrom,
    dataDir,
    serverPath,
    keepRunning: true,
    log,
  });
  const ports = cluster.nodes.map(({ port }) => port);
  const state: State = { serverPath, ports, portFrom, replicasPerPrimary };
  await writeFile(join(dataDir, 'state.json'), `${JSON.stringify(state, null, 2)}\n`);
  log('the cluster is up; it keeps nothing on disk, so its data ends with it');
  return cluster.urls;
}

/** True when the cluster is healthy in the end; false when it is better replaced. */
async function heal(cluster: LocalCluster, log: (line: string) => void): Promise<boolean> {
  const dead = cluster.nodes.filter((node) => node.pid === undefined);
  if (dead.length === cluster.nodes.length) {
    log('the cluster that was here has ended: starting another');
    return false;
  }
  if (dead.length === 0) {
    const problem = await problemThatStays(cluster);
    log(problem === undefined ? 'the cluster is up already' : `something is wrong: ${problem}`);
    if (problem === undefined) return true;
  }
  try {
    await repair(cluster, dead, log);
    log('the cluster is healthy again');
    return true;
  } catch (error) {
    log(`it cannot be repaired: ${messageOf(error)}`);
    log('replacing it from scratch');
    return false;
  }
}

/** A cluster may be in the middle of a failover, so it gets a moment. */
async function problemThatStays(cluster: LocalCluster): Promise<string | undefined> {
  try {
    await cluster.waitHealthy(SETTLE_TIMEOUT_MS);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

async function repair(
  cluster: LocalCluster,
  dead: readonly RedisNode[],
  log: (line: string) => void,
): Promise<void> {
  const { running } = cluster;
  // One that was stopped (SIGSTOP) is alive and silent.
  for (const node of running) node.signal('SIGCONT');
  if (dead.length > 0) {
    const ports = dead.map(({ port }) => port).join(', ');
    log(`no process runs for port ${ports}: starting ${dead.length > 1 ? 'them' : 'it'} again`);
    await awaitTakeover(running);
    await Promise.all(dead.map((node) => node.start()));
  }
  await cluster.waitHealthy(REPAIR_TIMEOUT_MS);
}

/**
 * A primary that comes back before its replica took over comes back empty, and its replica copies
 * that. So where the living nodes can still elect replacements, they get the time to.
 */
async function awaitTakeover(running: readonly RedisNode[]): Promise<void> {
  const ports = new Set(running.map(({ port }) => port));
  const ask = async (): Promise<boolean> => {
    const views = await Promise.all(running.map((node) => viewOf(node)));
    return views.every((view) => takeover(view, ports) !== 'pending');
  };
  const what = 'replicas take over';
  await waitUntil(ask, { what, timeoutMs: TAKEOVER_TIMEOUT_MS }).catch(() => {});
}

/** Whether the living nodes hold every slot, can still come to, or cannot. */
export function takeover(
  view: NodeView,
  alivePorts: ReadonlySet<number>,
): 'done' | 'pending' | 'impossible' {
  const holders = view.known.filter((node) => node.role === 'primary' && node.slotCount > 0);
  const alive = holders.filter((node) => alivePorts.has(node.port));
  if (alive.reduce((sum, node) => sum + node.slotCount, 0) === SLOT_COUNT) return 'done';
  const heirs = view.known.filter((node) => node.role === 'replica' && alivePorts.has(node.port));
  const orphaned = holders.some(
    (node) => !alivePorts.has(node.port) && !heirs.some((heir) => heir.primaryId === node.id),
  );
  return orphaned || alive.length * 2 <= holders.length ? 'impossible' : 'pending';
}

/** Ends what an earlier run left in the data folder, whole or in parts, and removes the folder. */
async function clear(dataDir: string, log: (line: string) => void): Promise<boolean> {
  const names = await readdir(dataDir).catch(() => undefined);
  if (names === undefined) return false;
  const foreign = names.find((name) => !/^(?:\d+|state\.json)$/u.test(name));
  if (foreign !== undefined) {
    throw new Error(`${dataDir} holds ${foreign}, which is no part of a cluster: not touching it`);
  }
  const ports = names.map(Number).filter((port) => Number.isInteger(port) && port > 0);
  const left = LocalCluster.at(ports, { serverPath: '', dataDir, keepRunning: true });
  await left.attach();
  const count = left.running.length;
  if (count > 0) log(`ending ${count} process(es) of the cluster that was here`);
  await left.stop();
  await rm(dataDir, { recursive: true, force: true });
  return count > 0;
}

async function statusOf(node: RedisNode): Promise<NodeStatus> {
  const { port, pid } = node;
  const down: NodeStatus = { port, role: 'down', pid, slots: '', link: '' };
  if (pid === undefined) return down;
  try {
    const view = await viewOf(node);
    const self = itself(view);
    if (self === undefined) return down;
    const primary = view.known.find(({ id }) => id === self.primaryId);
    const link = view.linkStatus === undefined ? '' : `${view.linkStatus} to ${primary?.port}`;
    return { port, role: self.role, pid, slots: self.slotRanges.join(' '), link };
  } catch {
    return { ...down, link: 'no answer' };
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
