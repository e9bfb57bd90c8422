import { fileURLToPath } from 'node:url';
import {
  defineConfig,
  type TestProjectInlineConfiguration,
  type ViteUserConfig,
} from 'vitest/config';

/** Another copy of ioredis than the pinned one: `IOREDIS=ioredis-copy npm test`. */
const ioredis = process.env['IOREDIS'] ?? 'ioredis';
/** Folders of test/ that are suites of their own. The tests of every other one need no servers. */
const SUITES = ['integration', 'faults', 'launcher', 'containers', 'browser'] as const;

export const unit: TestProjectInlineConfiguration = {
  // The benchmark names the package as its users do.
  resolve: {
    alias: [
      { find: /^ioredis$/, replacement: ioredis },
      {
        find: /^cluster-feature-store$/,
        replacement: fileURLToPath(new URL('src/index.ts', import.meta.url)),
      },
      {
        find: /^cluster-feature-store\/testing$/,
        replacement: fileURLToPath(new URL('src/testing/index.ts', import.meta.url)),
      },
    ],
  },
  test: {
    name: 'unit',
    include: ['test/**/*.test.ts'],
    exclude: SUITES.map((suite) => `test/${suite}/**`),
    isolate: false,
    testTimeout: 180_000,
  },
};

export const integration: TestProjectInlineConfiguration = {
  resolve: { alias: [{ find: /^ioredis$/, replacement: ioredis }] },
  test: {
    name: 'integration',
    include: ['test/integration/**/*.test.ts'],
    globalSetup: ['test/servers.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
};

/** Suites by what they need: nothing, servers of our own, servers to break, a Docker engine, a browser. */
const config: ViteUserConfig = defineConfig({
  test: {
    projects: [
      unit,
      integration,
      {
        resolve: { alias: [{ find: /^ioredis$/, replacement: ioredis }] },
        test: {
          name: 'faults',
          include: ['test/faults/**/*.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'launcher',
          include: ['test/launcher/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'containers',
          include: ['test/containers/**/*.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'browser',
          include: ['test/browser/**/*.test.ts'],
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
