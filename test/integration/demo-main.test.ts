import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { expect, inject, onTestFinished, test } from 'vitest';
import { FeatureStore } from '../../src/index.ts';

const MAIN = fileURLToPath(new URL('../../src/demo/main.ts', import.meta.url));
const KEY_PREFIX = 'test:demo-main:';

interface DemoProcess {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  out: string;
  err: string;
}

function start(...flags: string[]): DemoProcess {
  const child = spawn(process.execPath, ['--import', 'tsx', MAIN, ...flags], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = once(child, 'close').then(([code]) => code as number | null);
  const demo = { child, ended, out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => void (demo.out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => void (demo.err += text));
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  return demo;
}

function startOnCluster(...flags: string[]): DemoProcess {
  const nodes = inject('clusterNodes').join(',');
  return start('--nodes', nodes, '--key-prefix', KEY_PREFIX, '--port', '0', ...flags);
}

async function urlOf(demo: DemoProcess): Promise<string> {
  const find = (): string | undefined => /Open (http:\S+)/.exec(demo.out)?.[1];
  await expect.poll(find, { timeout: 20_000 }).toBeDefined();
  return find() ?? '';
}

test.each(['SIGINT', 'SIGTERM'] as const)(
  'starts afresh, loads and serves, and %s ends it',
  async (signal) => {
    await using store = await FeatureStore.connect({
      nodes: inject('clusterNodes'),
      keyPrefix: KEY_PREFIX,
    });
    await store.bulkLoad({ left_over: { a: 1 } });
    const demo = startOnCluster('--seed-users', '30', '--streaming-ttl-seconds', '77');
    const url = await urlOf(demo);
    const state = (await (await fetch(`${url}/state`)).json()) as object;
    expect(state).toMatchObject({
      key_prefix: KEY_PREFIX,
      entity_count: 30,
      streaming_ttl_seconds: 77,
    });
    expect(demo.err).toBe('');
    demo.child.kill(signal);
    await expect(demo.ended).resolves.toBe(0);
    expect(demo.out).toContain('Connected to a cluster of 3 shards');
    expect(demo.out).toMatch(/Deleted \d+ keys/);
    expect(demo.out).toContain('Loaded 30 users');
    expect(demo.out.match(/^ {2}127\.0\.0\.1:\d+ {2}\d+ entities$/gm)).toHaveLength(3);
    expect(demo.out).toMatch(/Stopped\.\n$/);
    await store.reset();
  },
);

test('--no-reset keeps who is there', async () => {
  await using store = await FeatureStore.connect({
    nodes: inject('clusterNodes'),
    keyPrefix: KEY_PREFIX,
  });
  await store.bulkLoad({ kept: { a: 1 } });
  const demo = startOnCluster('--no-reset', '--seed-users', '0');
  await urlOf(demo);
  await expect(store.listEntityIds()).resolves.toEqual(['kept']);
  demo.child.kill('SIGTERM');
  await expect(demo.ended).resolves.toBe(0);
  await store.reset();
});

test('a port that is taken is said to be, and nothing is deleted', async () => {
  await using store = await FeatureStore.connect({
    nodes: inject('clusterNodes'),
    keyPrefix: KEY_PREFIX,
  });
  await store.bulkLoad({ kept: { a: 1 } });
  const taken = createServer();
  taken.listen(0, '127.0.0.1');
  await once(taken, 'listening');
  onTestFinished(() => void taken.close());
  const { port } = taken.address() as AddressInfo;
  const demo = startOnCluster('--port', String(port));
  await expect(demo.ended).resolves.toBe(1);
  expect(demo.err).toBe(
    `Port ${port} of 127.0.0.1 is in use by another program; choose one with --port.\n`,
  );
  await expect(store.listEntityIds()).resolves.toEqual(['kept']);
  await store.reset();
});

test('a cluster that is not there is said to be', async () => {
  const demo = start('--nodes', 'redis://127.0.0.1:1', '--port', '0');
  await expect(demo.ended).resolves.toBe(1);
  expect(demo.err).toContain('127.0.0.1:1');
});

test.each([
  [['--colour'], /unknown option '--colour'/],
  [['extra'], /too many arguments/],
  [['--port', 'http'], /whole number from 0 to 65535/],
  [['--users-per-tick', '0'], /whole number from 1/],
])('%j is refused', async (flags, message) => {
  const demo = start(...flags);
  await expect(demo.ended).resolves.toBe(2);
  expect(demo.err).toMatch(message);
});

test('-h names every flag', async () => {
  const demo = start('-h');
  await expect(demo.ended).resolves.toBe(0);
  for (const flag of [
    '--host',
    '--port',
    '--nodes',
    '--key-prefix',
    '--batch-ttl-seconds',
    '--streaming-ttl-seconds',
    '--users-per-tick',
    '--seed-users',
    '--no-reset',
  ]) {
    expect(demo.out).toContain(flag);
  }
});
