/**
 * A project of a user's, which has the package and what the examples need besides among its
 * node_modules. Examples run in it as they are, but for the addresses of the servers.
 */

import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { execa, type ResultPromise } from 'execa';
import { onTestFinished } from 'vitest';
import type { LocalCluster } from '../../rig/local-cluster/local-cluster.ts';
import type { RedisNode } from '../../rig/local-cluster/redis-node.ts';
import { FeatureStore, type Features } from '../../src/index.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const TSX = import.meta.resolve('tsx');
/** What examples import besides the package. */
const OTHER_PACKAGES = ['ioredis', 'pino'] as const;

export interface ProcessOptions {
  readonly reject: false;
  readonly cwd: string;
  readonly env: Record<string, string>;
  readonly timeout: number;
}

export type RunningExample = ResultPromise<ProcessOptions>;

export interface RunSettings {
  /** Text of the example → what it is to be here. Each must be there. */
  readonly replace: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  readonly env?: Record<string, string>;
}

export class ExampleProject implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), 'examples-'));
  #count = 0;

  constructor() {
    const modules = join(this.#folder, 'node_modules');
    const ours = join(modules, 'cluster-feature-store');
    mkdirSync(ours, { recursive: true });
    const entries = { '.': 'src/index.ts', './testing': 'src/testing/index.ts' };
    for (const [entry, path] of Object.entries(entries)) {
      const source = pathToFileURL(join(root, path)).href;
      const file = join(ours, `${entry}/index.js`);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, `export * from ${JSON.stringify(source)};\n`);
    }
    const exported = { '.': './index.js', './testing': './testing/index.js' };
    writeFileSync(
      join(ours, 'package.json'),
      JSON.stringify({ type: 'module', exports: exported }),
    );
    for (const name of OTHER_PACKAGES) {
      symlinkSync(join(root, 'node_modules', name), join(modules, name), 'dir');
    }
    writeFileSync(join(this.#folder, 'package.json'), '{ "type": "module" }');
  }

  /** A path of a file that goes with the project. */
  newPath(name: string): string {
    return join(this.#folder, `${this.#count++}-${name}`);
  }

  /** As `npx tsx examples/<name> <args>` would. */
  run(name: string, { replace, args = [], env = {} }: RunSettings): RunningExample {
    let code = readFileSync(join(root, 'examples', name), 'utf8');
    for (const [text, here] of Object.entries(replace)) {
      if (!code.includes(text)) throw new Error(`examples/${name} has no ${text}`);
      code = code.replace(text, () => here);
    }
    const file = this.newPath(name);
    writeFileSync(file, code);
    const options: ProcessOptions = { reject: false, cwd: this.#folder, env, timeout: 50_000 };
    return execa(process.execPath, ['--import', TSX, file, ...args], options);
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Lines that an example prints, as they come. */
export class Lines {
  readonly seen: string[] = [];
  readonly #running: RunningExample;
  #more: PromiseWithResolve = withResolve();
  #isOver = false;

  constructor(running: RunningExample, stream: 'stdout' | 'stderr' = 'stdout') {
    this.#running = running;
    const lines = createInterface({ input: running[stream] });
    lines.on('line', (line) => this.#go(() => this.seen.push(line)));
    lines.once('close', () => this.#go(() => (this.#isOver = true)));
    onTestFinished(() => void running.kill('SIGKILL'));
  }

  /** The first line that matches, once it is there. */
  async find(matches: (line: string) => boolean): Promise<string> {
    for (;;) {
      const line = this.seen.find(matches);
      if (line !== undefined) return line;
      if (this.#isOver) break;
      await this.#more.promise;
    }
    const { stdout, stderr } = await this.#running;
    throw new Error(`it ended without that line:\n${stdout}\n${stderr}`);
  }

  #go(change: () => unknown): void {
    change();
    this.#more.resolve();
    this.#more = withResolve();
  }
}

interface PromiseWithResolve {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
}

function withResolve(): PromiseWithResolve {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
}

export const IDS: readonly string[] = Array.from({ length: 30 }, (_, n) => `u${n}`);
let prefixCount = 0;

/** A store with a prefix of its own, and what makes an example use the same one. */
export async function storeOn(
  urls: readonly string[],
): Promise<{ store: FeatureStore; replace: Record<string, string> }> {
  const keyPrefix = `example${prefixCount++}:`;
  const store = await FeatureStore.connect({ nodes: urls, keyPrefix });
  onTestFinished(async () => {
    await store.reset();
    await store.close();
  });
  const nodes = `nodes: ${JSON.stringify(urls)}, keyPrefix: '${keyPrefix}'`;
  return { store, replace: { [`nodes: ['redis://127.0.0.1:7000']`]: nodes } };
}

/** The node that has the id, and those of IDS that it has. */
export function shardOf(
  { nodes }: LocalCluster,
  store: FeatureStore,
  id: string,
): { node: RedisNode; ids: string[] } {
  const address = store.shardFor(id);
  const node = nodes.find(({ host, port }) => `${host}:${port}` === address);
  if (!node) throw new Error(`${id} is on no node`);
  return { node, ids: IDS.filter((one) => store.shardFor(one) === address) };
}

export const rowsOf = (ids: readonly string[], features: Features): [string, Features][] =>
  ids.map((id) => [id, features]);

/** Puts a key of another type where the entity was: no read of it succeeds. */
export async function breakEntity(
  cluster: LocalCluster,
  store: FeatureStore,
  id: string,
): Promise<void> {
  const { node } = shardOf(cluster, store, id);
  await node.call('DEL', store.keyFor(id));
  await node.call('SET', store.keyFor(id), 'a string');
}
