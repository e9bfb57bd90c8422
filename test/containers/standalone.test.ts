/**
 * The store's contract on one Redis in a container of its own. Testcontainers wants its reaper's
 * image too: where it cannot be pulled, set TESTCONTAINERS_RYUK_DISABLED=true.
 */

import { GenericContainer, Wait } from 'testcontainers';
import type { StartedTestContainer } from 'testcontainers';
import { afterAll, beforeAll } from 'vitest';
import { onServers } from '../integration/contract-target.ts';
import { storeContract } from '../integration/store-contract.ts';
import { REDIS_IMAGE, requireEngine } from './engine.ts';

const START_TIMEOUT_MS = 120_000; // the image may have to be pulled
const REDIS_PORT = 6379;

let container: StartedTestContainer | undefined;

beforeAll(async () => {
  await requireEngine();
  container = await new GenericContainer(REDIS_IMAGE)
    .withExposedPorts(REDIS_PORT)
    // A plain build of Redis refuses what comes from outside; the official image does not.
    .withCommand(['redis-server', '--protected-mode', 'no', '--save', ''])
    .withWaitStrategy(Wait.forLogMessage(/Ready to accept connections/u))
    .start();
}, START_TIMEOUT_MS);

afterAll(async () => {
  await container?.stop();
});

storeContract(
  onServers('a standalone server in a container', () => {
    if (container === undefined) throw new Error('the container has not started');
    return { nodes: [`redis://${container.getHost()}:${container.getMappedPort(REDIS_PORT)}`] };
  }),
);
