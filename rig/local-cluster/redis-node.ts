// One redis-server process and what can happen to it.
//
// Invariant: signals go only to a process that is ours. One that this run spawned is; one found by
// its pid file is ours when it works in this node's folder, or answers on this node's port with
// this node's config file.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import type { RedisOptions } from 'ioredis';
import { parseInfo } from './node-view.ts';
import { isAlive, worksIn } from './process-identity.ts';
import { Reaper } from './reaper.ts';
import { nodeConfig } from './server-config.ts';
import { GiveUp, waitUntil } from './wait-until.ts';

const READY_TIMEOUT_MS = 15_000;
const ANSWER_TIMEOUT_MS = 2000;
const TERM_TIMEOUT_MS = 3000;
const KILL_TIMEOUT_MS = 5000;

/** ioredis options of a connection to a node. */
export type Connection = Omit<RedisOptions, 'replyMapping'>;

export interface RedisNodeOptions {
  readonly serverPath: string;
  readonly port: number;
  /** Where it is reached; `config` has it listen there. @default '127.0.0.1' */
  readonly host?: string;
  /** The node's own folder: config, log, pid file, nodes.conf. */
  readonly dir: string;
  /** Lines of redis.conf for this node at this port; later lines win. */
  readonly config: (port: number) => readonly string[];
  /** How to log in: tls, username, password. */
  readonly connection?: Connection;
  /** Lets the process outlive this one. @default false */
  readonly keepRunning?: boolean;
}

/** A port that somebody else holds: start again on another one. */
export class PortTakenError extends Error {
  override readonly name = 'PortTakenError';
}

export class RedisNode implements AsyncDisposable {
  readonly dir: string;
  readonly #options: RedisNodeOptions;
  #host: string;
  #port: number;
  #extraConfig: readonly string[] = [];
  #child: ChildProcess | undefined;
  #pid: number | undefined;

  constructor(options: RedisNodeOptions) {
    this.#options = options;
    this.dir = options.dir;
    this.#host = options.host ?? '127.0.0.1';
    this.#port = options.port;
  }

  get host(): string {
    return this.#host;
  }

  get port(): number {
    return this.#port;
  }

  /** Undefined when it does not run. */
  get pid(): number | undefined {
    return this.#pid;
  }

  get url(): string {
    return `redis://${this.host}:${this.#port}`;
  }

  get configFile(): string {
    return join(this.dir, 'redis.conf');
  }

  async start(): Promise<void> {
    if (this.#pid !== undefined) throw new Error(`the server on port ${this.#port} runs already`);
    await mkdir(this.dir, { recursive: true });
    await rm(join(this.dir, 'redis.pid'), { force: true });
    const lines = [...this.#options.config(this.#port), ...this.#extraConfig];
    await writeFile(this.configFile, nodeConfig(this.#port, this.dir, lines));
    const child = this.#spawn();
    try {
      this.#pid = await this.#ready(child);
    } catch (error) {
      child.kill('SIGKILL');
      await ended(child);
      throw error;
    }
    if (this.#options.keepRunning !== true) Reaper.get().watch(this.#pid);
  }

  /** Takes over a process that an earlier run left, when its pid file names one that is ours. */
  async attach(): Promise<boolean> {
    const text = await readFile(join(this.dir, 'redis.pid'), 'utf8').catch(() => '');
    const pid = Number.parseInt(text, 10);
    if (!Number.isInteger(pid) || pid <= 1 || !(await isAlive(pid))) return false;
    const ours =
      (await worksIn(pid, this.dir)) ?? (await this.#serverPid().catch(() => undefined)) === pid;
    if (ours) this.#pid = pid;
    return ours;
  }

  /** Ends the process, kindly at first. Fine when it does not run. */
  async stop(): Promise<void> {
    if (this.#pid === undefined) return;
    this.#send('SIGTERM');
    this.#send('SIGCONT');
    const end = { what: `the server on port ${this.#port} ends`, timeoutMs: TERM_TIMEOUT_MS };
    const kind = await waitUntil(() => this.#hasEnded(), end).catch(() => false);
    if (!kind) await this.kill('SIGKILL');
  }

  /** Sends a signal that ends the process, and waits for its end. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.signal(signal);
    const what = `the server on port ${this.#port} ends after ${signal}`;
    await waitUntil(() => this.#hasEnded(), { what, timeoutMs: KILL_TIMEOUT_MS });
  }

  /** Sends a signal such as SIGSTOP or SIGCONT and returns at once. */
  signal(signal: NodeJS.Signals): void {
    if (this.#pid === undefined) throw new Error(`no server runs on port ${this.#port}`);
    this.#send(signal);
  }

  /** Stops it if it runs, and starts it in the same folder, so with the same cluster id. */
  async restart(
    change: {
      readonly host?: string;
      readonly port?: number;
      readonly extraConfig?: readonly string[];
    } = {},
  ): Promise<void> {
    await this.stop();
    this.#host = change.host ?? this.#host;
    this.#port = change.port ?? this.#port;
    this.#extraConfig = change.extraConfig ?? this.#extraConfig;
    await this.start();
  }

  /** A connection of the caller's own, who closes it. It reconnects, as ioredis does. */
  client(options: Connection = {}): Redis {
    const where: Connection = { host: this.host, port: this.#port };
    const client = new Redis({ ...where, ...this.#options.connection, ...options });
    // Without a listener ioredis prints every lost connection; callers still get their rejections.
    client.on('error', () => {});
    return client;
  }

  /**
   * One command on a connection made for it; rejects rather than waits when the server does not
   * answer.
   */
  async call(command: string, ...args: (string | number)[]): Promise<unknown> {
    return this.use((client) => client.call(command, args));
  }

  /** Commands on one connection made for them. */
  async use<T>(work: (client: Redis) => Promise<T>): Promise<T> {
    const client = this.client({
      lazyConnect: true,
      enableReadyCheck: false,
      enableOfflineQueue: false,
      retryStrategy: () => null,
      maxRetriesPerRequest: 0,
      connectTimeout: ANSWER_TIMEOUT_MS,
      commandTimeout: ANSWER_TIMEOUT_MS,
    });
    try {
      await client.connect();
      return await work(client);
    } finally {
      client.disconnect();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #spawn(): ChildProcess {
    const log = openSync(join(this.dir, 'redis.log'), 'w');
    const keepRunning = this.#options.keepRunning === true;
    // Detached also when it does not outlive us: the terminal's Ctrl-C is ours, and the reaper ends
    // it.
    const child = spawn(this.#options.serverPath, [this.configFile], {
      cwd: this.dir,
      stdio: ['ignore', log, log],
      detached: true,
    });
    closeSync(log);
    child.unref();
    child.on('error', () => {});
    const { pid } = child;
    if (pid !== undefined && !keepRunning) Reaper.get().watch(pid);
    child.once('exit', () => {
      if (pid !== undefined && !keepRunning) Reaper.get().forget(pid);
      if (this.#child === child) this.#ended();
    });
    this.#child = child;
    return child;
  }

  async #ready(child: ChildProcess): Promise<number> {
    return waitUntil(
      async () => {
        if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) {
          throw new GiveUp(await this.#startError(child));
        }
        return this.#serverPid();
      },
      { what: `the server on port ${this.#port} answers`, timeoutMs: READY_TIMEOUT_MS },
    );
  }

  /**
   * The pid that the server on this port reports, if it is the one with this node's config file.
   */
  async #serverPid(): Promise<number | undefined> {
    const info = parseInfo(String(await this.call('INFO', 'server')));
    return info.get('config_file') === this.configFile ? Number(info.get('process_id')) : undefined;
  }

  async #startError(child: ChildProcess): Promise<Error> {
    const log = await readFile(join(this.dir, 'redis.log'), 'utf8').catch(() => '');
    const tail = log.trim().split('\n').slice(-4).join('\n  ');
    const ending =
      child.pid === undefined
        ? 'could not be started'
        : `ended (${child.signalCode ?? child.exitCode})`;
    const message = `${this.#options.serverPath} on port ${this.#port} ${ending}:\n  ${tail}`;
    return /address already in use|failed listening/iu.test(log)
      ? new PortTakenError(message)
      : new Error(message);
  }

  #send(signal: NodeJS.Signals): void {
    if (this.#pid === undefined) return;
    try {
      process.kill(this.#pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }

  async #hasEnded(): Promise<boolean> {
    if (this.#pid === undefined) return true;
    if (await isAlive(this.#pid)) return false;
    if (this.#child !== undefined) await ended(this.#child);
    this.#ended();
    return true;
  }

  #ended(): void {
    if (this.#pid !== undefined && this.#options.keepRunning !== true) {
      Reaper.get().forget(this.#pid);
    }
    this.#pid = undefined;
    this.#child = undefined;
  }
}

function ended(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) {
    return Promise.resolve();
  }
  return new Promise((resolve) => {
    child.ref();
    child.once('exit', () => {
      resolve();
    });
  });
}
