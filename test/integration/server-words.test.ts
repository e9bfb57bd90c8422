/** What a server says before it closes a connection is what the caller reads, with what to do. */

import { connect, createServer } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { LocalCluster, temporaryDir } from '../../rig/local-cluster/local-cluster.ts';
import { findPortRun } from '../../rig/local-cluster/port-run.ts';
import { startStandaloneServer } from '../../rig/local-cluster/standalone-server.ts';
import { findRedisServer } from '../../rig/redis-server/find.ts';
import { FeatureStore, type FeatureStoreOptions } from '../../src/index.ts';

async function serverUrl(portFrom: number, extraConfig: readonly string[]): Promise<string> {
  const server = await startStandaloneServer({ portFrom, extraConfig });
  onTestFinished(() => server[Symbol.asyncDispose]());
  return server.url;
}

async function messageOf(options: FeatureStoreOptions): Promise<string> {
  const connecting = FeatureStore.connect({ connectTimeoutMs: 500, ...options });
  const error: unknown = await connecting.then((store) => store.close()).catch((e: unknown) => e);
  return String(error);
}

/** A cluster of one node that owns every slot. */
async function oneNode(portFrom: number, extraConfig: readonly string[]): Promise<LocalCluster> {
  const { path: serverPath } = await findRedisServer();
  const port = await findPortRun(portFrom, 1);
  const dataDir = temporaryDir('words');
  const cluster = LocalCluster.at([port], { serverPath, dataDir, extraConfig });
  onTestFinished(() => cluster[Symbol.asyncDispose]());
  await cluster.start();
  await cluster.nodes[0]?.call('CLUSTER', 'ADDSLOTSRANGE', 0, 16_383);
  return cluster;
}

/** Takes every connection that the server has left. */
async function fill(url: string): Promise<void> {
  const { hostname, port } = new URL(url);
  for (let reply = ''; !reply.startsWith('-ERR max');) {
    const socket = connect(Number(port), hostname);
    socket.on('error', () => undefined);
    onTestFinished(() => void socket.destroy());
    socket.write('PING\r\n');
    reply = await new Promise((resolve) => {
      socket.once('data', (chunk) => resolve(String(chunk)));
      socket.once('close', () => resolve(''));
    });
  }
}

it('at maxclients, while connecting', async () => {
  const url = await serverUrl(23_400, ['maxclients 3']);
  await fill(url);
  for (let times = 0; times < 5; times++) {
    const message = await messageOf({ nodes: [url] });
    expect(message).toMatch(/max number of clients reached.*raise maxclients/);
  }
});

it('at maxclients, on the connection of a read', async () => {
  const url = await serverUrl(23_410, ['maxclients 3']);
  const store = await FeatureStore.connect({ nodes: [url] });
  onTestFinished(() => store.close());
  await fill(url);
  await expect(store.getFeatures('u1', ['n'], { timeoutMs: 300 })).rejects.toThrow(
    /max number of clients reached.*raise maxclients/,
  );
});

it('where TLS is spoken to a port without, and the other way round', async () => {
  const url = await serverUrl(23_420, []);
  const message = await messageOf({
    nodes: [url.replace('redis:', 'rediss:')],
    connectTimeoutMs: 1_500,
  });
  expect(message).toMatch(/redis:\/\/|no answer within/);
  const tls = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end(Buffer.from('15030300020246', 'hex')));
  });
  await new Promise<void>((resolve) => tls.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void tls.close());
  const address = tls.address();
  const port = typeof address === 'object' ? address?.port : 0;
  expect(await messageOf({ nodes: [`127.0.0.1:${port}`] })).toContain('use rediss://');
});

it('words that come before the greeting is read', async () => {
  const words =
    '-DENIED Redis is running in protected mode because protected mode is enabled. More.\r\n';
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.end(words);
    socket.destroySoon();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const address = server.address();
  const nodes = [`127.0.0.1:${typeof address === 'object' ? address?.port : 0}`];
  const message = await messageOf({ nodes });
  expect(message).toMatch(/DENIED Redis is running in protected mode.*give the server a password/);
});

it('a cluster that knows its nodes by no host name is used by their addresses', async () => {
  const cluster = await oneNode(23_430, ['cluster-preferred-endpoint-type hostname']);
  const store = await FeatureStore.connect({ nodes: cluster.urls });
  onTestFinished(() => store.close());
  await store.bulkLoad({ u1: { n: 1 } });
  expect(await store.getFeatures('u1', ['n'])).toStrictEqual({ n: '1' });
});

it('so is one that has no endpoints at all', async () => {
  const cluster = await oneNode(23_440, ['cluster-preferred-endpoint-type unknown-endpoint']);
  const store = await FeatureStore.connect({ nodes: cluster.urls });
  onTestFinished(() => store.close());
  await store.bulkLoad({ u1: { n: 1 } });
  expect(await store.getFeatures('u1', ['n'])).toStrictEqual({ n: '1' });
});

it('a node that announces no address at all says what to set', async () => {
  const settings = ['cluster-preferred-endpoint-type hostname', 'cluster-announce-ip ""'];
  const cluster = await oneNode(23_450, settings);
  const message = await messageOf({ nodes: cluster.urls });
  expect(message).toMatch(/announces \?:\d+.*cluster-announce-ip/);
});
