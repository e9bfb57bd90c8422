/** Every test file is run, and by one suite: a new folder under test/ needs no listing. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { createVitest } from 'vitest/node';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Gives the names of the suites that run a file. */
async function suites(config = 'vitest.config.ts'): Promise<(file: string) => string[]> {
  const vitest = await createVitest('test', { root, config, watch: false });
  onTestFinished(() => vitest.close());
  return (file) =>
    vitest.projects
      .filter((project) => project.matchesTestGlob(join(root, file)))
      .map(({ name }) => name);
}

const files = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' }).filter(
  (file) => file.endsWith('.test.ts'),
);

it('each test file that is there is run by one suite', async () => {
  const suitesOf = await suites();
  expect(files.length).toBeGreaterThan(100);
  const odd = files
    .map((file) => [file, suitesOf(join('test', file))] as const)
    .filter(([, names]) => names.length !== 1);
  expect(odd).toStrictEqual([]);
});

it.each([
  ['test/new.test.ts', 'unit'],
  ['test/new/new.test.ts', 'unit'],
  ['test/new/deeper/new.test.ts', 'unit'],
  ['test/store/integration/new.test.ts', 'unit'],
  ['test/integration/new/new.test.ts', 'integration'],
  ['test/faults/new/new.test.ts', 'faults'],
  ['test/browser/new.test.ts', 'browser'],
])('a new %s would be run by the suite %s', async (file, suite) => {
  const suitesOf = await suites();
  expect(suitesOf(file)).toStrictEqual([suite]);
});

it('with coverage each unit and integration test is run once: covered, or by the suite uncovered', async () => {
  const suitesOf = await suites();
  const coveredSuitesOf = await suites('vitest.coverage.config.ts');
  const odd = files
    .map((name) => join('test', name))
    .filter((file) => {
      const isInOne = ['unit', 'integration'].includes(suitesOf(file)[0] ?? '');
      return coveredSuitesOf(file).length !== (isInOne ? 1 : 0);
    });
  expect(odd).toStrictEqual([]);
  expect(coveredSuitesOf('test/integration/specimens.test.ts')).toStrictEqual(['uncovered']);
});

it("coverage is of vitest's own version", () => {
  const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    devDependencies: Record<string, string>;
  };
  expect(devDependencies['@vitest/coverage-v8']).toBe(devDependencies['vitest']);
});
