/**
 * The servers that integration tests share: a six-node cluster and a standalone server, started
 * once per run and ended with it. Each test file has a key prefix of its own. A test that kills a
 * node or moves slots starts a cluster of its own.
 */

import type { TestProject } from 'vitest/node';
import { startLocalCluster } from '../rig/local-cluster/local-cluster.ts';
import { startStandaloneServer } from '../rig/local-cluster/standalone-server.ts';

declare module 'vitest' {
  interface ProvidedContext {
    clusterNodes: string[];
    standaloneUrl: string;
  }
}

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const cluster = await startLocalCluster({ portFrom: 21_000 });
  const standalone = await startStandaloneServer({ portFrom: 21_100 });
  project.provide('clusterNodes', [...cluster.urls]);
  project.provide('standaloneUrl', standalone.url);
  return async () => {
    await cluster[Symbol.asyncDispose]();
    await standalone[Symbol.asyncDispose]();
  };
}
