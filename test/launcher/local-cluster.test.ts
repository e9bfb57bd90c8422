import { access } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type LocalCluster, startLocalCluster } from '../../rig/local-cluster/local-cluster.ts';
import { startStandaloneServer } from '../../rig/local-cluster/standalone-server.ts';
import { waitUntil } from '../../rig/local-cluster/wait-until.ts';
import { livingOf } from './cluster-command.ts';

const DEADLINE = { timeoutMs: 20_000 };

describe('a local cluster', () => {
  let cluster: LocalCluster;
  beforeAll(async () => {
    cluster = await startLocalCluster({ portFrom: 17_500 });
  });
  afterAll(() => cluster?.stop());

  test('reports primaries, replicas and the holder of a slot', async () => {
    const primaries = await cluster.primaries();
    expect(primaries).toEqual(cluster.nodes.slice(0, 3));
    expect(await cluster.replicas()).toEqual(cluster.nodes.slice(3));
    expect(await cluster.replicasOf(primaries[1]!.port)).toEqual([cluster.nodes[4]]);
    expect(await cluster.primaryOfSlot(16_383)).toBe(primaries[2]);
  });

  test('a replica takes over from a primary that was killed, which comes back as a replica', async () => {
    const [first, , , heir] = cluster.nodes;
    await cluster.kill(first!.port);
    expect(first!.pid).toBeUndefined();
    const tookOver = async (): Promise<boolean> => (await cluster.primaryOfSlot(0)) === heir;
    await waitUntil(tookOver, { what: 'the replica takes over', ...DEADLINE });
    await cluster.restart(first!.port);
    await cluster.waitHealthy();
    expect(await cluster.replicas()).toContain(first);
  });

  test('a node that was stopped does not answer until it goes on', async () => {
    const [, , node] = cluster.nodes;
    cluster.signal(node!.port, 'SIGSTOP');
    await expect(node!.call('PING')).rejects.toThrow(/timed out|closed/iu);
    cluster.signal(node!.port, 'SIGCONT');
    expect(await node!.call('PING')).toBe('PONG');
    await cluster.waitHealthy();
  });

  test('a node restarts on another port with the same id, and the others follow it there', async () => {
    const [replica] = await cluster.replicas();
    const id = await cluster.idOf(replica!.port);
    await cluster.restart(replica!.port, { port: 17_590 });
    expect(await cluster.idOf(17_590)).toBe(id);
    await cluster.waitHealthy();
  });

  test('takes new nodes, as a primary without slots and as a replica', async () => {
    const primary = await cluster.addNode();
    const replica = await cluster.addNode({ replicaOf: primary.port });
    expect(cluster.nodes).toHaveLength(8);
    expect(await cluster.replicasOf(primary.port)).toEqual([replica]);
  });
});

test('extra config wins, may differ per port, and may ask for a password', async () => {
  await using cluster = await startLocalCluster({
    primaries: 1,
    replicasPerPrimary: 1,
    portFrom: 17_600,
    connection: { password: 'secret' },
    extraConfig: (port) => [
      'requirepass secret',
      'masterauth secret',
      'rename-command HSETEX ""',
      `maxmemory ${port}mb`,
    ],
  });
  const [node] = cluster.nodes;
  await expect(node!.call('HSETEX', 'k', 'FIELDS', 1, 'f', 'v')).rejects.toThrow(
    /unknown command/u,
  );
  const bytes = String(node!.port * 1024 * 1024);
  expect(await node!.use((client) => client.config('GET', 'maxmemory'))).toContain(bytes);
  const stranger = node!.client({ password: '', retryStrategy: () => null });
  await expect(stranger.ping()).rejects.toThrow(/NOAUTH/u);
  stranger.disconnect();
});

test('clusters that start at once from the same port get ports of their own, and stop whole', async () => {
  const shape = { primaries: 1, replicasPerPrimary: 0, portFrom: 17_650 };
  const clusters = await Promise.all([1, 2, 3].map(() => startLocalCluster(shape)));
  expect(new Set(clusters.flatMap(({ urls }) => urls)).size).toBe(3);
  const pids = clusters.flatMap(({ nodes }) => nodes.map(({ pid }) => pid ?? 0));
  await Promise.all(clusters.map((cluster) => cluster.stop()));
  expect(await livingOf(pids)).toEqual([]);
  for (const { dataDir } of clusters) await expect(access(dataDir)).rejects.toThrow(/ENOENT/u);
});

test('a config that the server refuses fails with its own words', async () => {
  const broken = startStandaloneServer({ portFrom: 17_680, extraConfig: ['no-such-option 1'] });
  await expect(broken).rejects.toThrow(/Bad directive|no-such-option/u);
});

test('one server alone is no cluster, restarts in place, and leaves nothing', async () => {
  const server = await startStandaloneServer({ portFrom: 17_690 });
  const { port, dir } = server;
  expect(await server.call('CLUSTER', 'INFO').catch((error: Error) => error.message)).toMatch(
    /cluster support disabled/u,
  );
  await server.kill();
  await server.restart();
  expect([server.port, await server.call('PING')]).toEqual([port, 'PONG']);
  await server[Symbol.asyncDispose]();
  await expect(access(dir)).rejects.toThrow(/ENOENT/u);
});
