/** A VIP group is one pipeline to one shard, whatever its size and whatever runs beside it. */

import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { startLocalCluster, type LocalCluster } from '../../rig/local-cluster/local-cluster.ts';
import { SlotMover } from '../../rig/soak/slot-mover.ts';
import { FeatureStore, type PipelineReport } from '../../src/index.ts';

const SIZES = [20, 1_500, 10_000];

let cluster: LocalCluster;
let store: FeatureStore;

beforeAll(async () => {
  cluster = await startLocalCluster({ portFrom: 21_500, replicasPerPrimary: 0 });
  store = await FeatureStore.connect({
    nodes: cluster.urls,
    keyPrefix: 'vip:',
    vipGroups: Object.fromEntries(SIZES.map((size) => [`g${size}`, idsOf(size)])),
  });
  for (const size of SIZES) {
    await store.bulkLoad(idsOf(size).map((id, n) => [id, { n, s: `${id}-ä` }] as const));
  }
  await store.bulkLoad({ single: { n: 1 } });
});
afterAll(async () => {
  await store.close();
  await cluster[Symbol.asyncDispose]();
});

function idsOf(size: number): string[] {
  return Array.from({ length: size }, (_, n) => `${size}-${n}`);
}

async function pipelinesOf(size: number): Promise<PipelineReport[]> {
  const reports: PipelineReport[] = [];
  const onPipeline = (report: PipelineReport): void => void reports.push(report);
  const rows = await store.vipGroup(`g${size}`).batchGetFeatures(['n', 's'], { onPipeline });
  expect(rows).toStrictEqual(idsOf(size).map((id, n) => ({ n: String(n), s: `${id}-ä` })));
  return reports;
}

describe.each(SIZES)('a group of %i', (size) => {
  it('is one pipeline, the first time and the next, and with other features', async () => {
    for (let turn = 0; turn < 3; turn++) {
      const reports = await pipelinesOf(size);
      const shard = store.vipGroup(`g${size}`).shard();
      expect(reports).toMatchObject([{ shard, keyCount: size }]);
      const names = turn === 0 ? ['s'] : ['n', 'absent'];
      expect(await store.vipGroup(`g${size}`).batchGetFeatures(names)).toHaveLength(size);
    }
  });

  it('is one pipeline beside single reads, which get their replies meanwhile', async () => {
    const over = new AbortController();
    let singleCount = 0;
    const singles = (async () => {
      while (!over.signal.aborted) {
        expect(await store.getFeatures('single', ['n'])).toStrictEqual({ n: '1' });
        singleCount++;
      }
    })();
    onTestFinished(() => {
      over.abort();
      return singles;
    });
    await expect.poll(() => singleCount).toBeGreaterThan(0);
    const before = singleCount;
    expect(await pipelinesOf(size)).toMatchObject([{ keyCount: size }]);
    // A group of up to 1,000 is read in one go, which is over soon.
    expect(singleCount - before).toBeGreaterThanOrEqual(size > 1_000 ? 3 : 0);
  });

  it('is one pipeline beside a batch that takes long', async () => {
    const batch = store.batchGetFeatures([...idsOf(10_000), ...idsOf(10_000)], ['n']);
    expect(await pipelinesOf(size)).toMatchObject([{ keyCount: size }]);
    expect(await batch).toHaveLength(20_000);
  });

  it('follows its slot: one pipeline to where it was, one to where it is', async () => {
    await using mover = await SlotMover.open(cluster);
    const group = store.vipGroup(`g${size}`);
    const from = group.shard();
    const move = await mover.begin(group.slot);
    await mover.moveKeys(move, size + 10);
    await mover.finish(move);
    const shard = `127.0.0.1:${move.to.port}`;
    const reports = await pipelinesOf(size);
    const asked = reports.map((report) => [report.shard, report.keyCount]);
    const toNew = [shard, size];
    expect([[[from, size], toNew], [toNew]]).toContainEqual(asked);
    expect(await pipelinesOf(size)).toMatchObject([{ shard, keyCount: size }]);
  });
});
