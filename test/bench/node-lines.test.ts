import { readdir, readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import type { Run } from '../../bench/measurement.ts';
import { nodeLinesSection } from '../../bench/report/node-lines.ts';

test('each Node has a row in each work, with its ratio to ioredis', async () => {
  const newest = (await readdir('bench/results')).find((name) => /^\d.*-local\.json$/.test(name));
  const kept = JSON.parse(await readFile(`bench/results/${newest}`, 'utf8')) as Run; // bench/main.ts wrote it
  const works = kept.works.filter(({ name }) => name === 'read-1' || name === 'read-10000');
  const runs = ['v20.0.0', 'v26.0.0'].map((node) => ({
    ...kept,
    works,
    machine: { ...kept.machine, node },
  }));
  const lines = nodeLinesSection(runs, 'bench/results/nodes.json').split('\n');
  const rows = lines.filter((line) => /^\| v2\d/.test(line));
  expect(rows.map((row) => row.split(' | ')[0])).toStrictEqual([
    '| v20.0.0',
    '| v26.0.0',
    '| v20.0.0',
    '| v26.0.0',
  ]);
  for (const row of rows) expect(row).toMatch(/\d×[^|]*\|$/);
  expect(nodeLinesSection([], 'x')).toBe('');
});
