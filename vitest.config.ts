import { fileURLToPath } from 'node:url';
import { defineConfig, type ViteUserConfig } from 'vitest/config';

/**
 * How long `expect.poll` waits for what must come. Longer than anything takes, and than the 1.5 s from
 * one poll of the demo's page to the next: a test that waits in vain fails later, and no other does.
 */
const patience = { poll: { timeout: 10_000 } };

/** Suites by what they need: nothing, servers of our own, servers to break, a Docker engine, a browser. */
const config: ViteUserConfig = defineConfig({
  test: {
    projects: [
      {
        // The benchmark names the package as its users do.
        resolve: {
          alias: {
            'cluster-feature-store': fileURLToPath(new URL('src/index.ts', import.meta.url)),
          },
        },
        test: {
          name: 'unit',
          include: ['test/{bench,cluster,store,cli,demo,scripts}/**/*.test.ts', 'test/*.test.ts'],
          isolate: false,
        },
      },
      {
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          expect: patience,
          globalSetup: ['test/servers.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'faults',
          include: ['test/faults/**/*.test.ts'],
          expect: patience,
          testTimeout: 180_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'launcher',
          include: ['test/launcher/**/*.test.ts'],
          expect: patience,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'containers',
          include: ['test/containers/**/*.test.ts'],
          expect: patience,
          testTimeout: 180_000,
          hookTimeout: 180_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'browser',
          include: ['test/browser/**/*.test.ts'],
          expect: patience,
          globalSetup: ['test/servers.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          fileParallelism: false,
        },
      },
    ],
  },
});

export default config;
