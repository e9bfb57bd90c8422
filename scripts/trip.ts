// npm run trip: the files and functions of src that a call enters, counted by V8 itself, on a
// cluster of its own. docs/architecture.md lists the files of a batch read; a test compares them.
import { Session } from 'node:inspector/promises';
import { relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, Option } from 'commander';
import { startLocalCluster } from '../rig/local-cluster/local-cluster.ts';
import { FeatureStore } from '../src/index.ts';

const IDS = 10_000;
const NAMES = ['country_iso', 'risk_segment', 'tx_count_7d', 'avg_amount_30d', 'never', 'score'];
const SOURCES = resolve(import.meta.dirname, '../src');

/** By file of src, the functions that were entered, each with how often. */
export type Trip = Record<string, Record<string, number>>;

const ids = Array.from({ length: IDS }, (_, n) => `u${String(n).padStart(5, '0')}`);
const calls: Record<string, (store: FeatureStore) => Promise<unknown>> = {
  batchGetFeatures: (store) => store.batchGetFeatures(ids, NAMES),
  getFeatures: (store) => store.getFeatures('u00007', NAMES),
  bulkLoad: (store) => store.bulkLoad(ids.map((id, n) => [id, { tx_count_7d: n, score: 'a' }])),
  updateStreaming: (store) => store.updateStreaming('u00007', { tx_count_5m: 1 }),
};

const { call, json } = new Command('npm run trip --')
  .description('The files and functions of src that a call of 10,000 rows, or one, enters.')
  .addOption(
    new Option('--call <name>', 'which call')
      .choices(Object.keys(calls))
      .default('batchGetFeatures'),
  )
  .option('--json', 'as JSON')
  .parse()
  .opts<{ readonly call: string; readonly json?: true }>();

await using cluster = await startLocalCluster({ portFrom: 17_200, replicasPerPrimary: 0 });
await using store = await FeatureStore.connect({ nodes: cluster.urls });
await store.bulkLoad(
  ids.map((id, n) => [
    id,
    {
      country_iso: ['US', 'DE', 'GB'][n % 3] ?? '',
      risk_segment: ['low', 'medium', 'high'][n % 3] ?? '',
      tx_count_7d: n % 97,
      avg_amount_30d: n * 1.37,
      score: n / 7,
    },
  ]),
);

const work = calls[call] as (of: FeatureStore) => Promise<unknown>; // one of the choices
for (let times = 0; times < 3; times++) await work(store);

const session = new Session();
session.connect();
await session.post('Profiler.enable');
await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });
await work(store);
const { result } = await session.post('Profiler.takePreciseCoverage');
session.disconnect();

const trip: Trip = {};
for (const { url, functions } of result) {
  if (!url.startsWith('file:')) continue;
  const file = fileURLToPath(url);
  if (!file.startsWith(SOURCES + sep)) continue;
  for (const { functionName, ranges } of functions) {
    const [{ count, startOffset } = { count: 0, startOffset: 0 }] = ranges;
    if (count === 0 || (functionName === '' && startOffset === 0)) continue; // the module itself
    const name = relative(resolve(SOURCES, '..'), file).replaceAll(sep, '/');
    const entered = (trip[name] ??= {});
    entered[`${functionName || 'closure'} at ${startOffset}`] = count;
  }
}

if (json) {
  console.log(JSON.stringify(trip));
} else {
  for (const [file, entered] of Object.entries(trip)) {
    const counted = Object.entries(entered).map(
      ([name, count]) => `${name.replace(/ at \d+$/, '')} ×${count}`,
    );
    console.log(`${file}: ${counted.join(', ')}`);
  }
  const counts = Object.values(trip).flatMap((entered) => Object.values(entered));
  const perRow = counts.reduce((sum, count) => sum + count, 0) / IDS;
  console.log(
    `${call}: ${Object.keys(trip).length} files, ${counts.length} functions, ` +
      `${perRow.toFixed(1)} calls per row of ${IDS}`,
  );
}
