/** The demo from end to end: connects, starts afresh, loads users, streams, and listens. */

import type { AddressInfo } from 'node:net';
import { connectAloud } from '../cli/with-store.ts';
import type { FeatureStore, FeatureStoreOptions } from '../index.ts';
import { EntityCensus } from './entity-census.ts';
import { createDemoServer } from './server.ts';
import { StreamingWorker } from './streaming-worker.ts';
import { synthesizeUsers } from '../synthetic/synthetic-users.ts';

export interface DemoOptions {
  readonly store: FeatureStoreOptions;
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  readonly usersPerTick: number;
  readonly seedUsers: number;
  /** Whether entities under the prefix are deleted first. */
  readonly reset: boolean;
  /** Gets what is happening, a line each. */
  readonly print: (line: string) => void;
  /** Gets what went wrong, a line each. */
  readonly log: (line: string) => void;
  /** Gives up on starting. */
  readonly signal?: AbortSignal;
}

/** How long requests that are under way may take when the demo ends. */
const CLOSE_GRACE_MS = 2_000;
/** From there on, until their connections are cut. */
const LAST_REPLIES_MS = 200;

/** @throws FeatureStoreError no cluster, or none that answers; Error the port is taken */
export async function startDemo(options: DemoOptions): Promise<Demo> {
  const { signal = new AbortController().signal } = options;
  const store = await connectAloud(options.store, signal);
  const census = new EntityCensus(store);
  const worker = new StreamingWorker({
    store,
    listIds: async () => (await census.read(0)).ids,
    usersPerTick: options.usersPerTick,
    log: options.log,
  });
  const { host, log } = options;
  const server = await createDemoServer({ store, worker, census, hostName: host, log });
  const demo = new Demo(store, worker, server);
  try {
    // First, so that a port that is taken is found before anything is deleted.
    await server.listen({ host, port: options.port });
    await prepare(store, options);
    census.invalidate();
    worker.start();
  } catch (error) {
    await demo.close();
    throw isPortTaken(error) ? new Error(portTaken(options), { cause: error }) : error;
  }
  options.print(
    `Streaming worker: ${options.usersPerTick} users a second, ` +
      `each feature for ${store.streamingTtlSeconds} s.`,
  );
  options.print(`Open ${demo.url}`);
  return demo;
}

export class Demo implements AsyncDisposable {
  readonly store: FeatureStore;
  readonly worker: StreamingWorker;
  readonly #server: Awaited<ReturnType<typeof createDemoServer>>;
  #closing: Promise<void> | undefined;

  constructor(
    store: FeatureStore,
    worker: StreamingWorker,
    server: Awaited<ReturnType<typeof createDemoServer>>,
  ) {
    this.store = store;
    this.worker = worker;
    this.#server = server;
  }

  /** Where a browser finds it, on this machine. */
  get url(): string {
    const { address, family, port } = this.#server.server.address() as AddressInfo; // it listens on TCP
    const anywhere = address === '0.0.0.0' || address === '::';
    const name = anywhere ? 'localhost' : family === 'IPv6' ? `[${address}]` : address;
    return `http://${name}:${port}`;
  }

  /** Lets requests end, but not for ever; then closes what it opened. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.worker.stop();
    // What the store has under way rejects when it closes, and with it the request.
    const impatience = setTimeout(() => void this.store.close(), CLOSE_GRACE_MS);
    // A connection that says nothing, or never ends a request, is not idle: it would be waited for.
    const cut = setTimeout(
      () => this.#server.server.closeAllConnections(),
      CLOSE_GRACE_MS + LAST_REPLIES_MS,
    );
    await this.#server.close();
    clearTimeout(impatience);
    clearTimeout(cut);
    await this.store.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

async function prepare(store: FeatureStore, options: DemoOptions): Promise<void> {
  const { print, signal = new AbortController().signal } = options;
  const { mode, shards } = await store.topology();
  const addresses = shards.map(({ address }) => address).join(', ');
  print(
    mode === 'cluster'
      ? `Connected to a cluster of ${shards.length} shards: ${addresses}.`
      : `Connected to one server, ${addresses}.`,
  );
  if (options.reset) {
    const deleted = await store.reset({ signal });
    print(`Deleted ${deleted} keys under ${store.keyPrefix}* (--no-reset keeps them).`);
  }
  const users = synthesizeUsers({ count: options.seedUsers });
  const { loaded, failed, elapsedMs } = await store.bulkLoad(users, { signal });
  print(
    `Loaded ${loaded} users for ${store.batchTtlSeconds} s each, in ${elapsedMs.toFixed(1)} ms.`,
  );
  if (failed[0]) throw failed[0].error;
  for (const [shard, entityCount] of Object.entries(await store.countEntitiesByShard({ signal }))) {
    print(`  ${shard}  ${entityCount} entities`);
  }
}

function isPortTaken(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
}

function portTaken({ host, port }: DemoOptions): string {
  return `Port ${port} of ${host} is in use by another program; choose one with --port.`;
}
