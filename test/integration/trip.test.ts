/** docs/architecture.md lists the files that a batch read enters: these, and no others. */

import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const run = promisify(execFile);

it(
  'a batch read enters the files that the architecture page lists',
  { timeout: 120_000 },
  async () => {
    const { stdout } = await run('npx', ['tsx', 'scripts/trip.ts', '--json']);
    const trip = JSON.parse(stdout) as Record<string, Record<string, number>>;
    const page = await readFile('docs/architecture.md', 'utf8');
    const [, section = ''] = page.split('## The trip of a batch');
    const [table = ''] = section.split('\n## ');
    const listed = [...table.matchAll(/`(src\/[^`]+\.ts)`/g)].map(([, file = '']) => file);
    expect(listed.length).toBeGreaterThan(20);
    expect(new Set(listed).size).toBe(listed.length);
    expect(Object.keys(trip).toSorted()).toStrictEqual(listed.toSorted());
  },
);
