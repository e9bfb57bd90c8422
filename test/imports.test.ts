/** Imports point one way: by file the linter sees circles, by folder this does. */

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

const BASE = ['src/errors.ts', 'src/runtime'] as const;
const CLUSTER = 'src/cluster';
const [ADDRESS, LIMITS, BATCH, ROUTING, RESP, LANES, CONTROL, DELIVERY] = [
  `${CLUSTER}/address.ts`,
  `${CLUSTER}/limits.ts`,
  `${CLUSTER}/batch.ts`,
  `${CLUSTER}/routing`,
  `${CLUSTER}/resp`,
  `${CLUSTER}/lanes`,
  `${CLUSTER}/control`,
  `${CLUSTER}/delivery`,
] as const;
const CLUSTER_BASE = [...BASE, ADDRESS, LIMITS, ROUTING, RESP] as const;

/**
 * What each part of src may import besides itself, lowest first. A part that is new has to be
 * added.
 */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  'src/errors.ts': [],
  'src/runtime': [],
  [ADDRESS]: [LIMITS],
  [LIMITS]: [],
  [ROUTING]: [...BASE, ADDRESS, LIMITS],
  [RESP]: [LIMITS, ROUTING],
  [BATCH]: ['src/errors.ts', ROUTING, RESP],
  [LANES]: [...CLUSTER_BASE, BATCH],
  [CONTROL]: [...CLUSTER_BASE, LANES],
  [DELIVERY]: [...CLUSTER_BASE, BATCH, LANES, CONTROL],
  'src/store': [...BASE, BATCH, LIMITS, ADDRESS, CONTROL, DELIVERY],
  // Below no other part: what is for tests is not in what is for production.
  'src/testing': [...BASE, ADDRESS, LIMITS, ROUTING, RESP, BATCH, CONTROL, DELIVERY, 'src/store'],
  'src/index.ts': ['src/errors.ts', CONTROL, DELIVERY, LANES, ROUTING, 'src/store'],
  'src/synthetic': ['src/index.ts'],
  'src/cli': ['src/runtime', 'src/index.ts', 'src/synthetic'],
  'src/demo': ['src/index.ts', 'src/synthetic', 'src/cli'],
};

const IMPORT = /\b(?:from|import)\s*\(?\s*'(\.{1,2}\/[^']+)'/g;

/** The part that a file belongs to; `scripts` and the like of a file that is not in src. */
function partOf(file: string): string {
  const part = Object.keys(ALLOWED).find((name) => file === name || file.startsWith(`${name}/`));
  if (part !== undefined) return part;
  return file.startsWith('src/') ? dirname(file) : (file.split('/')[0] ?? file);
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
  const imports = importsByPart(['src', 'rig', 'scripts', 'bench', 'examples', 'test']);
  const circles: string[] = [];
  const follow = (part: string, way: readonly string[]): void => {
    const start = way.indexOf(part);
    if (start !== -1) circles.push([...way.slice(start), part].join(' → '));
    else for (const next of imports.get(part)?.keys() ?? []) follow(next, [...way, part]);
  };
  for (const part of imports.keys()) follow(part, []);
  expect([...new Set(circles)]).toStrictEqual([]);
});
