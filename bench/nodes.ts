// npm run bench:nodes: the read benchmark on each Node, one after the other, kept as
// bench/results/nodes.json. It is run with a compiled benchmark (npm run build:bench); `npx tsx
// bench/report.ts` makes the table of it.
import { readFile, rm, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { execa } from 'execa';
import { environmentOf, NODE_LINES, nodeBinary, NODES } from '../scripts/nodes/node-binary.ts';
import type { Run } from './measurement.ts';

const WORKS = 'read-10000,read-100,read-1';
const RIVALS = 'cluster-feature-store,ioredis-pipelines';
const root = new URL('..', import.meta.url);
const results = new URL('bench/results/', root);

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: NODE_LINES.join(',') },
    quick: { type: 'boolean', default: false },
    save: { type: 'boolean', default: true },
  },
  allowNegative: true,
});
const chosen = values.only.split(',');
const runs: Run[] = [];
for (const line of NODE_LINES) {
  if (chosen.includes(line)) runs.push(await measureOn(await nodeBinary(NODES[line]), line));
}
if (values.save) {
  await writeFile(new URL('nodes.json', results), `${JSON.stringify(runs, null, 1)}\n`);
  console.log('Kept as bench/results/nodes.json; npx tsx bench/report.ts makes the table.');
}

async function measureOn(node: string, line: string): Promise<Run> {
  const label = `nodes-${line}`;
  const flags = ['--only', WORKS, '--rivals', RIVALS, '--label', label];
  if (values.quick) flags.push('--quick');
  await execa(node, ['build/bench/main.js', ...flags], {
    cwd: root,
    stdio: 'inherit',
    env: environmentOf(node),
  });
  // It is named after the day it began on, which was today or yesterday.
  for (const daysAgo of [0, 1]) {
    const day = new Date(Date.now() - daysAgo * 86_400_000).toISOString().slice(0, 10);
    const file = new URL(`${day}-${label}.json`, results);
    const text = await readFile(file, 'utf8').catch(() => undefined);
    if (text === undefined) continue;
    await rm(file);
    return JSON.parse(text) as Run; // bench/main.ts wrote it
  }
  throw new Error(`Node ${line} has left no result`);
}
