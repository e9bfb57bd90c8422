// npx tsx bench/report.ts [bench/results/….json]: the page of plots and docs/benchmarks.md, from a
// run that was kept.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Run } from './measurement.ts';
import { renderMarkdown, type ServiceMeasured } from './report/markdown.ts';
import type { ServiceRun } from './service/service-run.ts';
import { renderPage } from './report/page.ts';
import { renderTargets } from './terminal.ts';

const root = new URL('..', import.meta.url);
const results = new URL('bench/results/', root);

const name = process.argv[2] ?? (await newest());
const file = new URL(basename(name), results);
const run = JSON.parse(await readFile(file, 'utf8')) as Run; // bench/main.ts wrote it
const source = `bench/results/${basename(name)}`;
const byNode = { runs: await nodeRuns(), source: 'bench/results/nodes.json' };
const service = await serviceRun();
await writeFile(new URL('index.html', results), renderPage(run));
await writeFile(new URL('docs/benchmarks.md', root), renderMarkdown(run, source, byNode, service));
process.stdout.write(
  `${renderTargets(run)}\nbench/results/index.html and docs/benchmarks.md say the same.\n`,
);

async function newest(): Promise<string> {
  const names = (await readdir(results)).filter((entry) => /^\d.*\.json$/.test(entry)).sort();
  const last = names.at(-1);
  if (last === undefined) throw new Error('bench/results has no run yet: npm run bench makes one');
  return last;
}

/** None before `npm run bench:nodes`. */
async function nodeRuns(): Promise<Run[]> {
  const text = await readFile(new URL('nodes.json', results), 'utf8').catch(() => '[]');
  return JSON.parse(text) as Run[]; // bench/nodes.ts wrote it
}

/** None before `npm run bench:service`. */
async function serviceRun(): Promise<ServiceMeasured | undefined> {
  const text = await readFile(new URL('service.json', results), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  // bench/service.ts wrote it
  return { run: JSON.parse(text) as ServiceRun, source: 'bench/results/service.json' };
}
