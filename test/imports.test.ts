/** Imports point one way: by file the linter sees circles, by folder this does. */

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * What each part of src may import besides itself, lowest first. A part that is new has to be
 * added.
 */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  'src/errors.ts': [],
  'src/clock.ts': [],
  'src/cluster': ['src/errors.ts', 'src/clock.ts'],
  'src/store': ['src/errors.ts', 'src/clock.ts', 'src/cluster'],
  'src/index.ts': ['src/errors.ts', 'src/cluster', 'src/store'],
  'src/synthetic': ['src/index.ts'],
  'src/cli': ['src/clock.ts', 'src/index.ts', 'src/synthetic'],
  'src/demo': ['src/index.ts', 'src/synthetic', 'src/cli'],
};

const IMPORT = /\b(?:from|import)\s*\(?\s*'(\.{1,2}\/[^']+)'/g;

/** `src/cluster` of a file under it, `scripts` of a file that is not in src. */
function partOf(file: string): string {
  const [top = '', second = ''] = file.split(sep);
  return top === 'src' ? `src/${second}` : top;
}

/** Part → the parts it imports from, each with the file that does. */
function importsByPart(folders: readonly string[]): Map<string, Map<string, string>> {
  const imports = new Map<string, Map<string, string>>();
  for (const folder of folders) {
    for (const entry of readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })) {
      if (!/\.(ts|js|mjs)$/.test(entry)) continue;
      const file = join(folder, entry);
      const targets = imports.get(partOf(file)) ?? new Map<string, string>();
      imports.set(partOf(file), targets);
      for (const [, path = ''] of readFileSync(join(root, file), 'utf8').matchAll(IMPORT)) {
        const target = partOf(relative(root, normalize(join(root, dirname(file), path))));
        if (target !== partOf(file)) targets.set(target, file);
      }
    }
  }
  return imports;
}

it('every part of src imports only what is below it', () => {
  const forbidden = [...importsByPart(['src'])].flatMap(([part, targets]) =>
    [...targets]
      .filter(([target]) => !ALLOWED[part]?.includes(target))
      .map(([target, file]) => `${file} imports from ${target}`),
  );
  expect(forbidden).toStrictEqual([]);
});

it('no folder imports one that imports it, by way of others too', () => {
  const imports = importsByPart(['src', 'scripts', 'bench', 'examples', 'test']);
  const circles: string[] = [];
  const follow = (part: string, way: readonly string[]): void => {
    const start = way.indexOf(part);
    if (start !== -1) circles.push([...way.slice(start), part].join(' → '));
    else for (const next of imports.get(part)?.keys() ?? []) follow(next, [...way, part]);
  };
  for (const part of imports.keys()) follow(part, []);
  expect([...new Set(circles)]).toStrictEqual([]);
});
