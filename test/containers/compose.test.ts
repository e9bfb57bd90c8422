/** The life of the compose cluster, in order: each test goes on where the one before ended. */

import { createServer } from 'node:net';
import { once } from 'node:events';
import { Cluster } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { composeDown, composeStatus, composeUp } from '../../scripts/compose-cluster.ts';
import { onServers } from '../integration/contract-target.ts';
import { storeContract } from '../integration/store-contract.ts';
import * as project from './compose-project.ts';
import { requireEngine } from './engine.ts';

const WHOLE = { slotsServed: 16_384 };
const NOTHING = { containers: [], networks: [], volumes: [] };
const FAILOVER_TIMEOUT_MS = 20_000;
const TEST_TIMEOUT_MS = 180_000;

describe('docker-compose.cluster.yml', { timeout: TEST_TIMEOUT_MS }, () => {
  let said: string[] = [];
  const log = (line: string): void => {
    said.push(line);
  };
  /** `up`, without its last resort: that one would lose the data and hide the fault. */
  const upInPlace = async (): Promise<string[]> => {
    said = [];
    const urls = await composeUp({ log });
    expect(said).toStrictEqual([expect.stringMatching(/^compose: whole after/u)]);
    return urls;
  };
  let ours = false;

  beforeAll(async () => {
    await requireEngine();
    const there = await project.leftovers();
    if (there.containers.length > 0) {
      throw new Error(
        'a compose cluster exists already, and these tests would remove it: docker compose -f docker-compose.cluster.yml down',
      );
    }
    ours = true;
  }, TEST_TIMEOUT_MS);

  afterAll(async () => {
    if (ours) await composeDown({ log });
  }, TEST_TIMEOUT_MS);

  it('refuses ports that another program holds, and names the way out', async () => {
    const other = createServer().listen(7003, '127.0.0.1');
    await once(other, 'listening');
    onTestFinished(() => {
      other.close();
    });
    await expect(composeUp({ log })).rejects.toThrow(
      /127\.0\.0\.1:7003 is in use .* npm run cluster -- down/u,
    );
    expect(await project.leftovers()).toStrictEqual(NOTHING);
  });

  it('is whole the moment `up` returns: all slots served, every replica synced', async () => {
    const urls = await upInPlace();
    const nodes = await project.askNodes();
    expect(urls).toStrictEqual(project.PORTS.map((port) => `redis://127.0.0.1:${port}`));
    expect(nodes.filter(({ role }) => role === 'master')).toHaveLength(3);
    expect(nodes.filter(({ role }) => role === 'slave')).toHaveLength(3);
    for (const node of nodes) {
      expect(node).toMatchObject(WHOLE);
      expect(node.linkStatus).toBe(node.role === 'slave' ? 'up' : undefined);
    }
    expect(await composeStatus({ log })).toBe(true);
  });

  it('mounts no volume that a plain `down` would leave behind', async () => {
    expect(await project.mountTypes()).not.toContain('volume');
  });

  it('changes nothing when `up` is said again', async () => {
    const before = await project.startTimes();
    await upInPlace();
    expect(await project.startTimes()).toStrictEqual(before);
  });

  it('replaces a killed primary, keeps what was synced, and takes it back as a replica', async () => {
    const client = new Cluster([{ host: '127.0.0.1', port: 7000 }], {
      slotsRefreshInterval: 500,
      redisOptions: { commandTimeout: 2000 },
    });
    client.on('error', () => undefined); // of the connection to the node that is killed
    onTestFinished(() => {
      client.disconnect();
    });
    await project.writeSynced('before', 'the kill');
    const killed = await project.askNode(await project.ownerOf('before'));
    await project.kill(`redis-${killed.port}`);

    await expect
      .poll(() => project.ownerOf('before'), { timeout: FAILOVER_TIMEOUT_MS, interval: 100 })
      .not.toBe(killed.port);
    const promoted = await project.ownerOf('before');
    await expect.poll(() => project.askNode(promoted), { timeout: 5000 }).toMatchObject(WHOLE);
    await expect.poll(() => client.get('before'), { timeout: 10_000 }).toBe('the kill');
    expect(await composeStatus({ log })).toBe(false);

    await upInPlace();
    const { id, port } = killed;
    const asReplica = { ...WHOLE, id, role: 'slave', linkStatus: 'up' };
    expect(await project.askNode(port)).toMatchObject(asReplica);
    expect(await project.ownerOf('before')).toBe(promoted);
  });

  it.each([
    ['a primary, before it is replaced', async () => `redis-${await project.ownerOf('kept')}`],
    ['the service that makes the cluster', async () => 'cluster'],
    ['the service that owns the network', async () => 'net'],
  ])('is whole, with its data, when `up` follows the kill of %s', async (_, victim) => {
    await project.writeSynced('kept', 'still here');
    await project.kill(await victim());
    await upInPlace();
    expect(await project.readFromOwner('kept')).toBe('still here');
    for (const node of await project.askNodes()) expect(node).toMatchObject(WHOLE);
  });

  it('keeps its data over `stop`', async () => {
    await project.writeSynced('kept', 'over the stop');
    await project.compose('stop');
    await upInPlace();
    expect(await project.readFromOwner('kept')).toBe('over the stop');
  });

  storeContract(onServers('the compose cluster', () => ({ nodes: ['redis://127.0.0.1:7000'] })));

  // The command line and the demo are run against this cluster here, while it is whole.

  it('makes everything new, and says so, when the container of a node is gone', async () => {
    await project.remove('redis-7002');
    said = [];
    await composeUp({ log });
    expect(said.join('\n')).toMatch(
      /recreating every container, once; what the cluster held is lost/u,
    );
    for (const node of await project.askNodes()) expect(node).toMatchObject(WHOLE);
  });

  it('leaves nothing after `down`, and comes up empty after it', async () => {
    const firstIds = (await project.askNodes()).map(({ id }) => id);
    await project.writeSynced('before', 'the end');
    await composeDown({ log });
    expect(await project.leftovers()).toStrictEqual(NOTHING);

    await upInPlace();
    const nodes = await project.askNodes();
    expect(firstIds).not.toContain(nodes[0]?.id);
    expect(await project.readFromOwner('before')).toBeNull();
  });

  it('leaves nothing after a plain `docker compose down` either', async () => {
    await project.compose('down');
    expect(await project.leftovers()).toStrictEqual(NOTHING);
    await composeDown({ log });
    expect(await composeStatus({ log })).toBe(false);
  });
});
