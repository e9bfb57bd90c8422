import {
  defineConfig,
  type TestProjectInlineConfiguration,
  type ViteUserConfig,
} from 'vitest/config';
import { integration, unit } from './vitest.config.ts';

/**
 * Tests that measure what coverage changes. They run without it, as the project `uncovered`. File →
 * reason.
 */
const UNCOVERED: Readonly<Record<string, string>> = {
  'test/integration/loop-holds.test.ts':
    'how long a turn of the event loop lasts: the counters of coverage are part of it',
  'test/integration/specimens.test.ts':
    'what V8 has optimized: coverage keeps functions from being inlined and optimized as usual',
};

/** Its tests without those. */
function covered(project: TestProjectInlineConfiguration): TestProjectInlineConfiguration {
  const exclude = [...(project.test?.exclude ?? []), ...Object.keys(UNCOVERED)];
  return { ...project, test: { ...project.test, exclude } };
}

const uncovered: TestProjectInlineConfiguration = {
  ...integration,
  test: { ...integration.test, name: 'uncovered', include: Object.keys(UNCOVERED) },
};

/**
 * The unit and integration suites under V8's coverage. It does not see what runs in processes of
 * its own, such as the command line in its tests, so the thresholds are those of what is used
 * in-process.
 */
const config: ViteUserConfig = defineConfig({
  test: {
    projects: [covered(unit), covered(integration), uncovered],
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      reporter: ['text', 'text-summary', 'lcov'],
      reportsDirectory: 'coverage',
      // The gate holds where a test has failed, too.
      reportOnFailure: true,
      // A point or two below what was measured.
      thresholds: {
        'src/cluster/**': { lines: 96, branches: 87.5, functions: 94, statements: 94.5 },
        'src/store/**': { lines: 97, branches: 91.5, functions: 97, statements: 96.5 },
      },
    },
  },
});

export default config;
