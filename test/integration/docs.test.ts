/**
 * The docs are run: their code executes, its output is what they say, and what they name exists.
 */

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { defaultOptions, ERROR_CODES } from '../../src/index.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const pages = ['.', 'docs']
  .flatMap((folder) => readdirSync(join(root, folder)).map((name) => join(folder, name)))
  .filter((path) => path.endsWith('.md'));
const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
/** A path from the root, in text and in commands alike. */
const PATH =
  /(?<![\w./:-])(?:src|docs|scripts|test|bench|examples|rig|\.ci|\.github)\/(?:[\w./-]*\w)?/g;

it('README.md is under 250 lines and shows code by line 25', () => {
  const lines = read('README.md').split('\n');
  expect(lines.length).toBeLessThan(250);
  expect(lines.findIndex((line) => line.startsWith('```ts'))).toBeLessThan(25);
});

it('README.md shows examples/quickstart.ts, and it prints what its comments say', async () => {
  const example = read('examples/quickstart.ts');
  expect(read('README.md')).toContain(`\`\`\`ts\n${example}\`\`\``);
  const code = example
    .replace("'cluster-feature-store'", JSON.stringify(join(root, 'src/index.ts')))
    .replace('redis://127.0.0.1:7000', inject('clusterNodes')[0] ?? '')
    .replace('  vipGroups', "  keyPrefix: 'quickstart:',\n  vipGroups");
  const folder = mkdtempSync(join(tmpdir(), 'quickstart-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'quickstart.mts');
  writeFileSync(file, code);
  // As it stands it is JavaScript that the oldest Node understands.
  const plain = join(folder, 'plain.mjs');
  writeFileSync(plain, example);
  await execa('node', ['--check', plain]);
  const tsx = import.meta.resolve('tsx');
  const { stdout } = await execa('node', ['--import', tsx, file]);
  const promised = [...example.matchAll(/^\/\/ ([{[].*)$/gm)].map(([, line]) => line);
  expect(promised).toHaveLength(3);
  expect(stdout.split('\n')).toStrictEqual(promised);
});

it('docs/testing.md shows examples/testing-a-service.ts', () => {
  const example = read('examples/testing-a-service.ts');
  const code = example.slice(example.indexOf('import '));
  expect(read('docs/testing.md')).toContain(`\`\`\`ts\n${code}\`\`\``);
});

it('CONTRIBUTING.md names each command that tests or measures, and tests that are there', () => {
  const text = read('CONTRIBUTING.md');
  const named = Object.keys(scripts).filter((name) => /^(test:|coverage|soak|bench$)/.test(name));
  expect(named.length).toBeGreaterThan(6);
  expect(named.filter((name) => !text.includes(`npm run ${name}`))).toStrictEqual([]);
  const single = [...text.matchAll(/vitest run (\S+) -t '([^']+)'/g)];
  expect(single).not.toStrictEqual([]);
  for (const [, file = '', name = ''] of single) expect(read(file)).toContain(`'${name}'`);
});

describe.each(pages)('%s', (page) => {
  const text = read(page);

  it('links to files that exist', () => {
    const links = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, path = '']) => path);
    const missing = links.filter((path) => !existsSync(join(root, dirname(page), path)));
    expect(missing).toStrictEqual([]);
  });

  it('names files and npm scripts that exist', () => {
    const paths = [...text.matchAll(PATH)].map(([path]) => path);
    expect(paths.filter((path) => !existsSync(join(root, path)))).toStrictEqual([]);
    const named = [...text.matchAll(/npm (?:run ([\w:-]+)|(test)\b)/g)].map(
      ([, run, test]) => run ?? test,
    );
    expect(named.filter((name) => !(String(name) in scripts))).toStrictEqual([]);
  });
});

it('docs/errors.md lists every code, and no other', () => {
  const listed = [...read('docs/errors.md').matchAll(/^\| `([A-Z_]+)` \| (yes|no) /gm)];
  const codes = Object.entries(ERROR_CODES).map(([code, retryable]) => [
    code,
    retryable ? 'yes' : 'no',
  ]);
  expect(listed.map(([, code, retryable]) => [code, retryable])).toStrictEqual(codes);
});

it('docs/options.md gives every default as it is', () => {
  const text = read('docs/options.md');
  for (const [option, value] of Object.entries(defaultOptions)) {
    expect(text).toMatch(
      new RegExp(`\`${option}\`.*\`${JSON.stringify(value).replace(/"/g, "'")}\``),
    );
  }
});
