import { afterAll, beforeAll, expect, it } from 'vitest';
import { startLocalCluster, type LocalCluster } from '../../rig/local-cluster/local-cluster.ts';
import {
  startStandaloneServer,
  type StandaloneServer,
} from '../../rig/local-cluster/standalone-server.ts';
import { onServers } from './contract-target.ts';
import { storeContract } from './store-contract.ts';
import { writeContract } from './write-contract.ts';

/** Servers as Redis 7.4 is: HEXPIRE, but no HSETEX. */
const extraConfig = ['rename-command HSETEX ""'];
let cluster: LocalCluster;
let server: StandaloneServer;

beforeAll(async () => {
  cluster = await startLocalCluster({ portFrom: 21_200, replicasPerPrimary: 0, extraConfig });
  server = await startStandaloneServer({ portFrom: 21_300, extraConfig });
});
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

it('runs on servers that do not know HSETEX', async () => {
  await expect(server.call('HSETEX', 'k', 'EX', 1, 'FIELDS', 1, 'f', 'v')).rejects.toThrow(
    /unknown command/,
  );
});

storeContract(onServers('a cluster without HSETEX', () => ({ nodes: cluster.urls })));
storeContract(onServers('a standalone server without HSETEX', () => ({ nodes: server.urls })));
writeContract(onServers('a cluster without HSETEX', () => ({ nodes: cluster.urls })));
