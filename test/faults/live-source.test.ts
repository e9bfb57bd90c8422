/** Loads of a source that never ends: how soon its rows are there, and what holds when it stops. */

import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, onTestFailed, onTestFinished } from 'vitest';
import { startLocalCluster, type LocalCluster } from '../../rig/local-cluster/local-cluster.ts';
import { waitUntil } from '../../rig/local-cluster/wait-until.ts';
import { seededRandom, type Random } from '../../src/synthetic/seeded-random.ts';
import {
  FeatureStore,
  PartialLoadError,
  type CommitEvent,
  type FeatureEntry,
  type StreamingLoadOptions,
} from '../../src/index.ts';
import { faultsSeed } from './seed.ts';

let cluster: LocalCluster;
let store: FeatureStore;

beforeAll(async () => {
  // A node that is frozen is not taken for dead.
  const options = { portFrom: 22_360, replicasPerPrimary: 0, nodeTimeoutMs: 120_000 };
  cluster = await startLocalCluster(options);
  store = await FeatureStore.connect({ nodes: cluster.urls, timeoutMs: 60_000 });
});
afterAll(async () => {
  await store.close();
  await cluster[Symbol.asyncDispose]();
});

/** How long rows of a slow source take until they are read, in milliseconds. */
async function delaysOf(prefix: string, maxDelayMs: number): Promise<number[]> {
  const [eventCount, everyMs] = [60, 20];
  const over = new AbortController();
  onTestFinished(() => over.abort());
  const yieldedAtMs = new Map<string, number>();
  async function* source(): AsyncGenerator<FeatureEntry> {
    for (let n = 0; n < eventCount; n++) {
      await pause(everyMs, undefined, { signal: over.signal });
      yieldedAtMs.set(`${prefix}${n}`, performance.now());
      yield [`${prefix}${n}`, { n }, { offset: n }];
    }
    // It never ends by itself.
    await pause(60_000, undefined, { signal: over.signal });
  }
  const offsets: unknown[] = [];
  const load = store.updateStreamingBatch(source(), {
    maxDelayMs,
    onCommitted: ({ offset }) => offsets.push(offset),
    signal: over.signal,
  });
  load.catch(() => undefined); // awaited below
  const delays: number[] = [];
  await waitUntil(
    async () => {
      const ids = [...yieldedAtMs.keys()];
      const rows = await store.batchGetFeatures(ids, ['n']);
      for (const [at, id] of ids.entries()) {
        if (!Object.hasOwn(rows[at] ?? {}, 'n')) continue;
        delays.push(performance.now() - (yieldedAtMs.get(id) ?? 0));
        yieldedAtMs.delete(id);
      }
      return delays.length === eventCount && offsets.at(-1) === eventCount - 1;
    },
    { what: 'each event of the slow source is there', timeoutMs: 30_000, intervalMs: 5 },
  );
  over.abort();
  await expect(load).rejects.toMatchObject({ code: 'PARTIAL_LOAD' });
  return delays.toSorted((a, b) => a - b);
}

it('writes rows of a slow source about as soon as maxDelayMs says', async () => {
  const soon = await delaysOf('soon', 50);
  const late = await delaysOf('late', 1_000);
  const median = (delays: readonly number[]): number => delays[delays.length / 2] ?? Number.NaN;
  console.log(`median ${median(soon).toFixed(0)} ms, and ${median(late).toFixed(0)} ms`);
  expect(median(soon)).toBeLessThan(median(late) / 2);
});

it('gives the offset of the last row that is settled, though it was refused', async () => {
  const events: CommitEvent[] = [];
  const options: StreamingLoadOptions = {
    onInvalid: 'report',
    onCommitted: (event) => void events.push(event),
  };
  const bad = [
    ['', { n: 1 }, { offset: 'bad id' }],
    ['refused1', { '': 1 }, { offset: 'bad feature' }],
  ] as const;
  for (const row of bad) {
    await store.updateStreamingBatch([['refused0', { n: 1 }, { offset: 'good' }], row], options);
    await store.updateStreamingBatch([row], options);
  }
  expect(events.map(({ offset }) => offset)).toStrictEqual(
    bad.flatMap(([, , { offset }]) => [offset, offset]),
  );
});

/** As many are loaded before; to the others, as to one in ten of these, nothing is written. */
const LOADED = 5_000;

/** By its number, what becomes of a row. */
function kindOf(n: number): 'refused' | 'absent' | 'older' | 'written' {
  if (n % 10 === 7) return 'refused';
  if (n % 10 === 8 || n >= LOADED) return 'absent';
  return n % 10 === 9 ? 'older' : 'written';
}

function rowAt(prefix: string, n: number): FeatureEntry {
  const id = kindOf(n) === 'refused' ? '' : `${prefix}${n}`;
  return [id, { n }, { eventTimeMs: kindOf(n) === 'older' ? 1 : n, offset: n }];
}

async function loadBefore(prefix: string): Promise<void> {
  const numbers = Array.from({ length: LOADED }, (_, n) => n);
  const ids = (kind: string): string[] =>
    numbers.filter((n) => kindOf(n) === kind).map((n) => `${prefix}${n}`);
  const existing = [...ids('written'), ...ids('older')];
  await store.bulkLoad(existing.map((id) => [id, { base: 1 }] as const));
  await store.updateStreamingBatch(
    ids('older').map((id) => [id, { n: -1 }, { eventTimeMs: 1 }] as const),
  );
}

/** As fast as it is taken, and slow now and then. */
async function* bursts(
  random: Random,
  prefix: string,
  count: number,
): AsyncGenerator<FeatureEntry> {
  for (let n = 0; n < count; n++) {
    if (random.next() < 0.005) await pause(random.integer(0, 10));
    yield rowAt(prefix, n);
  }
}

it('accounts for every row when it is aborted at any moment, and has what it committed', async () => {
  onTestFailed(() => console.error(`FAULTS_SEED=${faultsSeed}`));
  const random = seededRandom(faultsSeed);
  const rowCount = 100_000;
  const seen: string[] = [];
  for (let round = 0; round < 15; round++) {
    const prefix = `abort${round}:`;
    await loadBefore(prefix);
    const commits: CommitEvent[] = [];
    const options: StreamingLoadOptions = {
      maxDelayMs: random.integer(0, 10),
      maxRows: random.pick([20, 200, 10_000]),
      ifExists: true,
      onInvalid: 'report',
      signal: AbortSignal.timeout(random.integer(0, 150)),
      onCommitted: (event) => void commits.push(event),
    };
    const load = store.updateStreamingBatch(bursts(random, prefix, rowCount), options);
    const error: unknown = await load.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    if (!(error instanceof PartialLoadError)) throw new Error('the load was not aborted');
    const { pulled, loaded, older, absent, neverSent, committed } = error.counts;
    expect(loaded + older + absent + error.failed.length + neverSent).toBe(pulled);
    expect(commits.at(-1)?.position ?? 0).toBe(committed);
    expect(commits.at(-1)?.offset).toBe(committed === 0 ? undefined : committed - 1);
    const failed = new Set(
      commits.flatMap((event) => event.failed.map(({ position }) => position)),
    );
    await expectWritten(prefix, committed, failed);
    seen.push(`${committed}/${pulled}`);
  }
  console.log(`committed of pulled: ${seen.join(' ')}`);
  expect(seen.filter((one) => !one.startsWith('0/')).length).toBeGreaterThan(3);
});

async function expectWritten(
  prefix: string,
  committed: number,
  failed: ReadonlySet<number>,
): Promise<void> {
  const numbers = Array.from({ length: committed }, (_, n) => n);
  // Refused ones have failed, and no others.
  expect([...failed]).toStrictEqual(numbers.filter((n) => kindOf(n) === 'refused'));
  const others = numbers.filter((n) => kindOf(n) !== 'refused');
  const rows = await store.batchGetFeatures(
    others.map((n) => `${prefix}${n}`),
    ['n'],
  );
  const shown = { written: String, older: () => '-1' };
  const expected = others.map((n) => {
    const kind = kindOf(n);
    return kind === 'written' || kind === 'older' ? { n: shown[kind](n) } : {};
  });
  expect(rows).toStrictEqual(expected);
}

it('takes no more from its source than it may hold while a shard is frozen', async () => {
  const [rowCount, maxRows] = [50_000, 1_000];
  const rowsUnderWay = 20_000;
  let [pulled, settled, most] = [0, 0, 0];
  async function* source(): AsyncGenerator<FeatureEntry> {
    while (pulled < rowCount) {
      pulled++;
      most = Math.max(most, pulled - settled);
      yield [`held${pulled}`, { n: pulled }];
    }
  }
  const [frozen] = await cluster.primaries();
  frozen?.signal('SIGSTOP');
  try {
    const load = store.updateStreamingBatch(source(), {
      maxRows,
      onProgress: ({ loaded, failed }) => {
        settled = loaded + failed;
      },
    });
    load.catch(() => undefined); // awaited below
    let before = -1;
    await waitUntil(
      async () => {
        const isAtRest = pulled === before && pulled >= rowsUnderWay;
        before = pulled;
        return isAtRest;
      },
      { what: 'the source is not pulled any more', timeoutMs: 30_000, intervalMs: 200 },
    );
    expect(pulled).toBeLessThan(rowCount);
    frozen?.signal('SIGCONT');
    expect(await load).toMatchObject({ pulled: rowCount, loaded: rowCount, failed: [] });
  } finally {
    frozen?.signal('SIGCONT');
  }
  console.log(`at most ${most} rows were taken and not settled`);
  expect(most).toBeGreaterThan(rowsUnderWay / 2);
  expect(most).toBeLessThanOrEqual(rowsUnderWay + maxRows);
});
