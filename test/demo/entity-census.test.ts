import { expect, test } from 'vitest';
import { EntityCensus, MAX_LISTED_IDS, type CensusSource } from '../../src/demo/entity-census.ts';

class Source implements CensusSource {
  ids: string[] = ['u3', 'u1', 'u2'];
  scanCount = 0;
  costMs = 0;
  nowMs = 0;

  async *scanEntityIds(): AsyncGenerator<string> {
    this.scanCount++;
    const ids = [...this.ids];
    await Promise.resolve();
    this.nowMs += this.costMs;
    yield* ids;
  }

  shardFor(id: string): string | undefined {
    return id === 'u1' ? 'one' : 'other';
  }
}

function censusOf(source: Source): EntityCensus {
  return new EntityCensus(source, () => source.nowMs);
}

test('counts, per shard too, and lists ids in order', async () => {
  const { entityCount, ids, countByShard } = await censusOf(new Source()).read();
  expect([entityCount, ids]).toEqual([3, ['u1', 'u2', 'u3']]);
  expect(Object.fromEntries(countByShard)).toEqual({ one: 1, other: 2 });
});

test('of many ids it lists the first in ascending order', async () => {
  const source = new Source();
  const all = Array.from({ length: 5_000 }, (_, index) => `u${String(index).padStart(4, '0')}`);
  source.ids = all.toReversed();
  const { entityCount, ids } = await censusOf(source).read();
  expect(entityCount).toBe(5_000);
  expect(ids).toEqual(all.slice(0, MAX_LISTED_IDS));
});

test('everybody who asks meanwhile shares one scan, and so does who asks soon after', async () => {
  const source = new Source();
  const census = censusOf(source);
  await Promise.all([census.read(), census.read(), census.read(0)]);
  source.nowMs += 1_000;
  await census.read();
  expect(source.scanCount).toBe(1);
  source.nowMs += 1;
  await census.read();
  expect(source.scanCount).toBe(2);
});

test('an answer is kept ten times as long as it took', async () => {
  const source = new Source();
  source.costMs = 700;
  const census = censusOf(source);
  await census.read(0);
  source.nowMs += 7_000;
  await census.read(0);
  expect(source.scanCount).toBe(1);
  source.nowMs += 1;
  await census.read(0);
  expect(source.scanCount).toBe(2);
});

test('a write makes the next one who asks wait for a new scan, also in the middle of one', async () => {
  const source = new Source();
  const census = censusOf(source);
  const before = census.read();
  source.ids = [];
  census.invalidate();
  const after = census.read();
  expect((await before).entityCount).toBe(3);
  expect((await after).entityCount).toBe(0);
  expect((await census.read()).entityCount).toBe(0);
  expect(source.scanCount).toBe(2);
});

test('a failed scan is not kept', async () => {
  const source = new Source();
  const census = censusOf(source);
  const scan = source.scanEntityIds.bind(source);
  // oxlint-disable-next-line require-yield -- it fails before it could
  source.scanEntityIds = async function* failing() {
    throw new Error('no cluster');
  };
  await expect(census.read()).rejects.toThrow('no cluster');
  source.scanEntityIds = scan;
  await expect(census.read()).resolves.toMatchObject({ entityCount: 3 });
});
