/** What Docker knows of the project in docker-compose.cluster.yml. */

import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { docker } from './engine.ts';

export const PORTS: readonly number[] = [7000, 7001, 7002, 7003, 7004, 7005];
const FILE = fileURLToPath(new URL('../../docker-compose.cluster.yml', import.meta.url));
const LABEL = 'label=com.docker.compose.project=feature-store-cluster';

export interface Leftovers {
  readonly containers: string[];
  readonly networks: string[];
  readonly volumes: string[];
}

/** A node's own account of its place in the cluster. */
export interface NodeFacts {
  readonly port: number;
  readonly id: string;
  readonly role: string;
  /** Of a replica: `up` once its first sync is done. */
  readonly linkStatus: string | undefined;
  /** Slots whose primary answers, in this node's eyes. */
  readonly slotsServed: number;
}

/** Everything that carries the project's label, stopped containers too. */
export async function leftovers(): Promise<Leftovers> {
  const [containers, networks, volumes] = await Promise.all([
    docker('ps', '--all', '--quiet', '--filter', LABEL),
    docker('network', 'ls', '--quiet', '--filter', LABEL),
    docker('volume', 'ls', '--quiet', '--filter', LABEL),
  ]);
  return { containers, networks, volumes };
}

/** `docker kill`: SIGKILL, and no restart. */
export async function kill(service: string): Promise<void> {
  await docker('kill', await containerOf(service));
}

/** Takes the container away, and with it what it had written. */
export async function remove(service: string): Promise<void> {
  await docker('rm', '--force', await containerOf(service));
}

async function containerOf(service: string): Promise<string> {
  const filter = `label=com.docker.compose.service=${service}`;
  const [id] = await docker('ps', '--all', '--quiet', '--filter', LABEL, '--filter', filter);
  if (id === undefined) throw new Error(`no container of the service ${service}`);
  return id;
}

/** Runs `docker compose …` on the file, without the script that wraps it. */
export async function compose(...args: string[]): Promise<string[]> {
  return docker('compose', '--file', FILE, ...args);
}

/** When each container of the project was last started. */
export async function startTimes(): Promise<string[]> {
  const { containers } = await leftovers();
  const lines = await docker(
    'inspect',
    '--format',
    '{{.Name}} {{.State.StartedAt}}',
    ...containers,
  );
  return lines.sort();
}

/** The kinds of mounts in the project's containers; a volume among them would outlive `down`. */
export async function mountTypes(): Promise<string[]> {
  const { containers } = await leftovers();
  const format = '{{range .Mounts}}{{println .Type}}{{end}}';
  return docker('inspect', '--format', format, ...containers);
}

/** What one node says of itself, through its published port; rejects when it does not answer. */
export async function askNode(port: number): Promise<NodeFacts> {
  return withNode(port, async (node) => {
    const id = String(await node.call('CLUSTER', 'MYID'));
    const replication = await node.info('replication');
    const cluster = String(await node.call('CLUSTER', 'INFO'));
    return {
      port,
      id,
      role: /^role:(?<role>\w+)/mu.exec(replication)?.groups?.['role'] ?? 'unknown',
      linkStatus: /^master_link_status:(?<link>\w+)/mu.exec(replication)?.groups?.['link'],
      slotsServed: Number(/^cluster_slots_ok:(?<slots>\d+)/mu.exec(cluster)?.groups?.['slots']),
    };
  });
}

export async function askNodes(): Promise<NodeFacts[]> {
  return Promise.all(PORTS.map((port) => askNode(port)));
}

/** The port of the primary that serves the key: every other node answers MOVED. */
export async function ownerOf(key: string): Promise<number> {
  const ask = async (port: number): Promise<number> => {
    await withNode(port, (node) => node.exists(key));
    return port;
  };
  return Promise.any(PORTS.map((port) => ask(port)));
}

/** Writes a value at the key's primary, and returns when its replica has it too. */
export async function writeSynced(key: string, value: string): Promise<void> {
  const replicas = await withNode(await ownerOf(key), async (node) => {
    await node.set(key, value);
    return node.wait(1, 5000);
  });
  if (replicas !== 1) throw new Error(`${key} is on ${replicas} replicas instead of 1`);
}

export async function readFromOwner(key: string): Promise<string | null> {
  return withNode(await ownerOf(key), (node) => node.get(key));
}

async function withNode<T>(port: number, use: (node: Redis) => Promise<T>): Promise<T> {
  const node = new Redis({
    host: '127.0.0.1',
    port,
    lazyConnect: true,
    connectTimeout: 2000,
    commandTimeout: 6000,
    retryStrategy: () => null,
  });
  node.on('error', () => undefined); // connect() rejects with it
  try {
    await node.connect();
    return await use(node);
  } finally {
    node.disconnect();
  }
}
