// A Redis Cluster of real processes on this machine, for tests, benchmarks and the demo. Nothing
// outlives the process that started it unless `keepRunning` says so.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { findRedisServer } from '../redis-server/find.ts';
import { follow, formCluster, viewOf, waitHealthy } from './form-cluster.ts';
import { itself } from './node-view.ts';
import { findPortRun } from './port-run.ts';
import { type Connection, PortTakenError, RedisNode } from './redis-node.ts';
import { Reaper } from './reaper.ts';
import { clusterConfig } from './server-config.ts';
import { waitUntil } from './wait-until.ts';

/** Lines of redis.conf that come after our own, so win over them; the same for all, or per port. */
export type ExtraConfig = readonly string[] | ((port: number) => readonly string[]);

export interface LocalClusterOptions {
  /** @default 3 */
  readonly primaries?: number;
  /** @default 1 */
  readonly replicasPerPrimary?: number;
  /**
   * The first port, or where the search for enough free ones in a row begins. Below 22,768 the bus
   * ports (+10000) are out of the range that Linux gives to outgoing connections, which could hold
   * one when a node restarts.
   * @default 7000
   */
  readonly portFrom?: number;
  /** Holds one folder per node; removed on stop. @default a new folder for temporary files */
  readonly dataDir?: string;
  /** @default what findRedisServer finds */
  readonly serverPath?: string;
  readonly extraConfig?: ExtraConfig;
  /** How to log in, when extraConfig asks for it: tls, username, password. */
  readonly connection?: Connection;
  /** How long a node is silent before it counts as failed. @default 2000 */
  readonly nodeTimeoutMs?: number;
  /** Whether one dead shard makes every shard refuse commands. @default false */
  readonly requireFullCoverage?: boolean;
  /** The processes outlive this one. @default false */
  readonly keepRunning?: boolean;
  /** How long making the cluster may take. @default 30000 */
  readonly timeoutMs?: number;
  readonly log?: (line: string) => void;
}

const PORT_TRIES = 8;
let dirCount = 0;

/** Starts the processes, makes them a cluster, and returns when every node sees it healthy. */
export async function startLocalCluster(options: LocalClusterOptions = {}): Promise<LocalCluster> {
  const primaries = options.primaries ?? 3;
  const count = primaries * (1 + (options.replicasPerPrimary ?? 1));
  const serverPath = options.serverPath ?? (await findRedisServer(logOf(options))).path;
  const dataDir = options.dataDir ?? temporaryDir('cluster');
  const whole = { ...options, serverPath, dataDir };
  const cluster = await onFreePorts(options, count, async (first) => {
    const ports = Array.from({ length: count }, (_, index) => first + index);
    const started = LocalCluster.at(ports, whole);
    await started.start();
    return started;
  });
  try {
    await formCluster(cluster.nodes, primaries, options.timeoutMs ?? 30_000);
  } catch (error) {
    await cluster.stop();
    throw error;
  }
  return cluster;
}

/** Runs `start` on a run of free ports, and again on another when somebody was faster. */
export async function onFreePorts<T>(
  options: { readonly portFrom?: number; readonly log?: (line: string) => void },
  count: number,
  start: (first: number) => Promise<T>,
): Promise<T> {
  const from = options.portFrom ?? 7000;
  let next = from;
  for (let tries = 1; ; tries += 1) {
    const first = await findPortRun(next, count);
    if (first !== from) options.log?.(`port ${from} is not free for ${count}: using ${first}`);
    try {
      return await start(first);
    } catch (error) {
      if (!(error instanceof PortTakenError) || tries === PORT_TRIES) throw error;
      // Two that start at once step aside by different lengths.
      next = first + count * Math.ceil(Math.random() * PORT_TRIES);
    }
  }
}

/** A folder of this process's own, gone when it ends. */
export function temporaryDir(name: string): string {
  dirCount += 1;
  return join(Reaper.get().folder, `${name}-${dirCount}`);
}

export class LocalCluster implements AsyncDisposable {
  readonly dataDir: string;
  readonly #nodes: RedisNode[];
  readonly #options: NodeSource;

  /** The nodes of a cluster at these ports, not started yet. */
  static at(ports: readonly number[], options: NodeSource): LocalCluster {
    return new LocalCluster(ports, options);
  }

  private constructor(ports: readonly number[], options: NodeSource) {
    this.#options = options;
    this.dataDir = options.dataDir;
    this.#nodes = ports.map((port) => this.#make(port));
  }

  get nodes(): readonly RedisNode[] {
    return this.#nodes;
  }

  get urls(): string[] {
    return this.#nodes.map((node) => node.url);
  }

  /** The node on this port, running or not. */
  node(port: number): RedisNode {
    const found = this.#nodes.find((node) => node.port === port);
    if (found === undefined) throw new Error(`this cluster has no node on port ${port}`);
    return found;
  }

  /** Running nodes that are primaries at this moment, by their own word. */
  async primaries(): Promise<RedisNode[]> {
    return this.#withRole('primary');
  }

  /** Running nodes that are replicas at this moment, by their own word. */
  async replicas(): Promise<RedisNode[]> {
    return this.#withRole('replica');
  }

  /** The replicas of the primary on this port. */
  async replicasOf(port: number): Promise<RedisNode[]> {
    const id = await this.idOf(port);
    const views = await this.#views();
    return views.filter(({ self }) => self?.primaryId === id).map(({ node }) => node);
  }

  /** The primary that holds the slot, by its own word. */
  async primaryOfSlot(slot: number): Promise<RedisNode> {
    for (const { node, self } of await this.#views()) {
      if (self?.role === 'primary' && holds(self.slotRanges, slot)) return node;
    }
    throw new Error(`no running primary holds slot ${slot}`);
  }

  /** The cluster id of the node on this port. */
  async idOf(port: number): Promise<string> {
    return String(await this.node(port).call('CLUSTER', 'MYID'));
  }

  async start(): Promise<void> {
    const results = await Promise.allSettled(this.#nodes.map((node) => node.start()));
    const failure = results.find((result) => result.status === 'rejected');
    if (failure === undefined) return;
    await this.stop();
    throw failure.reason;
  }

  /** Takes over the processes that an earlier run left in the data folder. */
  async attach(): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node.attach()));
  }

  get running(): RedisNode[] {
    return this.#nodes.filter((node) => node.pid !== undefined);
  }

  async waitHealthy(timeoutMs = 30_000): Promise<void> {
    await waitHealthy(this.running, timeoutMs);
  }

  /** Ends the node on this port and waits for its end. */
  async kill(port: number, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.node(port).kill(signal);
  }

  /** Sends a signal, such as SIGSTOP or SIGCONT, to the node on this port. */
  signal(port: number, signal: NodeJS.Signals): void {
    this.node(port).signal(signal);
  }

  async restart(
    port: number,
    change: { readonly port?: number; readonly extraConfig?: readonly string[] } = {},
  ): Promise<RedisNode> {
    const node = this.node(port);
    await node.restart(change);
    return node;
  }

  /** A new primary without slots, or a replica; known to every node when this returns. */
  async addNode(options: { readonly replicaOf?: number } = {}): Promise<RedisNode> {
    const last = Math.max(...this.#nodes.map(({ port }) => port));
    const [contact] = this.running;
    if (contact === undefined) throw new Error('no node of this cluster runs');
    const node = await onFreePorts({ portFrom: last + 1 }, 1, async (port) => {
      const made = this.#make(port);
      await made.start();
      return made;
    });
    this.#nodes.push(node);
    await node.call('CLUSTER', 'MEET', contact.host, contact.port);
    const id = await this.idOf(node.port);
    const { running } = this;
    await waitUntil(
      async () => {
        const lists = await Promise.all(running.map((other) => viewOf(other)));
        return lists.every(({ known }) =>
          known.some((one) => one.id === id && !one.flags.includes('handshake')),
        );
      },
      { what: `every node knows the new one on port ${node.port}`, timeoutMs: 15_000 },
    );
    if (options.replicaOf !== undefined) await follow(node, await this.idOf(options.replicaOf));
    await waitHealthy(running, 15_000);
    return node;
  }

  /** Ends every process and removes the data. Fine to call again. */
  async stop(): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node.stop()));
    await rm(this.dataDir, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #make(port: number): RedisNode {
    const { serverPath, dataDir, extraConfig, connection, keepRunning } = this.#options;
    const lines = clusterConfig({
      nodeTimeoutMs: this.#options.nodeTimeoutMs ?? 2000,
      requireFullCoverage: this.#options.requireFullCoverage ?? false,
    });
    return new RedisNode({
      serverPath,
      port,
      dir: join(dataDir, String(port)),
      config: (now) => [...lines, ...extraLines(extraConfig, now)],
      ...(connection === undefined ? {} : { connection }),
      ...(keepRunning === undefined ? {} : { keepRunning }),
    });
  }

  async #withRole(role: 'primary' | 'replica'): Promise<RedisNode[]> {
    return (await this.#views()).filter(({ self }) => self?.role === role).map(({ node }) => node);
  }

  async #views(): Promise<{ node: RedisNode; self: ReturnType<typeof itself> }[]> {
    const answers = await Promise.allSettled(
      this.running.map(async (node) => ({ node, self: itself(await viewOf(node)) })),
    );
    return answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
  }
}

/** What every node of a cluster is made with. */
export type NodeSource = LocalClusterOptions & {
  readonly serverPath: string;
  readonly dataDir: string;
};

export function extraLines(extra: ExtraConfig | undefined, port: number): readonly string[] {
  return typeof extra === 'function' ? extra(port) : (extra ?? []);
}

function holds(ranges: readonly string[], slot: number): boolean {
  return ranges.some((range) => {
    const [first = '0', last = first] = range.split('-');
    return slot >= Number(first) && slot <= Number(last);
  });
}

function logOf(options: { readonly log?: (line: string) => void }): {
  log?: (line: string) => void;
} {
  return options.log === undefined ? {} : { log: options.log };
}
