import { expect, test } from 'vitest';
import { splitByShard } from '../../src/demo/shard-split.ts';

test('pipelines of a shard become one part, from the first write to the last reply', () => {
  const parts = splitByShard([
    { shard: 'b:1', keyCount: 10, startMs: 1, elapsedMs: 2 },
    { shard: 'a:1', keyCount: 5, startMs: 0.5, elapsedMs: 1 },
    { shard: 'b:1', keyCount: 20, startMs: 2, elapsedMs: 4 },
  ]);
  expect(parts).toEqual([
    { shard: 'a:1', id_count: 5, pipeline_count: 1, start_ms: 0.5, elapsed_ms: 1 },
    { shard: 'b:1', id_count: 30, pipeline_count: 2, start_ms: 1, elapsed_ms: 5 },
  ]);
});

test('nothing sent, no parts', () => {
  expect(splitByShard([])).toEqual([]);
});
