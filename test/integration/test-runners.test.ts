/**
 * The built package in processes of their own: in Vitest and Jest with the clock held, and on the
 * oldest Node.
 */

import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { nodeBinary, OLDEST_NODE } from '../../scripts/nodes/node-binary.ts';

const FIXTURES = join(import.meta.dirname, 'runners');
const TIMEOUT_MS = 170_000;
/** In the repository, so that its dependencies are found. */
let folder: string;
let index: string;

beforeAll(async () => {
  folder = await mkdtemp('node_modules/.fstore-');
  await copyFile('package.json', join(folder, 'package.json')); // its type is module
  const dist = join(process.cwd(), folder, 'dist');
  await execa('tsc', ['-p', 'tsconfig.build.json', '--outDir', dist], { preferLocal: true });
  index = join(dist, 'index.js');
}, TIMEOUT_MS);
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Ended {
  readonly exitCode: number | undefined;
  readonly all: string;
}

async function run(
  program: string,
  args: readonly string[],
  nodes: readonly string[],
  flags = '',
): Promise<Ended> {
  const env = { PACKAGE: index, NODES: nodes.join(','), NODE_OPTIONS: flags, FORCE_COLOR: '0' };
  const { all, exitCode } = await execa(program, args, { env, all: true, reject: false });
  if (exitCode !== 0) console.error(all);
  return { exitCode, all };
}

const targets = [
  ['a cluster', 'clusterNodes'],
  ['one server', 'standaloneUrl'],
] as const;
const nodesOf = (key: 'clusterNodes' | 'standaloneUrl'): string[] => [inject(key)].flat();

test.each(targets)('Vitest with the clock held, on %s', { timeout: TIMEOUT_MS }, async (_, key) => {
  const config = join(process.cwd(), folder, 'vitest.config.mjs');
  const settings = { include: ['**/vitest.fixture.mjs'], pool: 'threads', testTimeout: 30_000 };
  await writeFile(config, `export default { test: ${JSON.stringify(settings)} };`);
  const args = ['node_modules/vitest/vitest.mjs', 'run', '--config', config, '--root', FIXTURES];
  expect(await run(process.execPath, args, nodesOf(key))).toMatchObject({ exitCode: 0 });
});

test.each(
  ['jest', 'jest-29'].flatMap((jest) => targets.map((target) => [jest, ...target] as const)),
)('%s with the clock held, on %s', { timeout: TIMEOUT_MS }, async (jest, _, key) => {
  const config = {
    rootDir: FIXTURES,
    testMatch: ['**/jest.fixture.mjs'],
    testTimeout: 30_000,
    transform: {},
  };
  const args = [
    `node_modules/${jest}/bin/jest.js`,
    '--config',
    JSON.stringify(config),
    '--runInBand',
  ];
  const ended = await run(process.execPath, args, nodesOf(key), '--experimental-vm-modules');
  expect(ended).toMatchObject({ exitCode: 0 });
});

const isFetched = process.platform === 'linux' && process.arch === 'x64';

test.runIf(isFetched).each(targets)(
  `Node ${OLDEST_NODE}, on %s`,
  { timeout: TIMEOUT_MS },
  async (_, key) => {
    const node = await nodeBinary(OLDEST_NODE);
    const code = `
    const { FeatureStore } = await import(${JSON.stringify(pathToFileURL(index).href)});
    const { everyCall, ROWS_READ } = await import(${JSON.stringify(pathToFileURL(join(FIXTURES, 'every-call.mjs')).href)});
    const store = await FeatureStore.connect({ nodes: process.env.NODES.split(','), keyPrefix: 'old:' });
    const rowCount = await everyCall(store);
    await store.close();
    console.log(process.version, rowCount === ROWS_READ, Symbol.asyncDispose, 'undefined' in store);`;
    const { all } = await run(node, ['--input-type=module', '--eval', code], nodesOf(key));
    expect(all).toContain(`v${OLDEST_NODE} true undefined false`);
  },
);
