import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { FailedIds, fileLog, type FailedId } from '../../src/cli/failed-ids.ts';
import { FeatureStoreError } from '../../src/index.ts';
import { temporaryFolder } from './temporary-folder.ts';

function rows(from: number, to: number): FailedId[] {
  const error = new FeatureStoreError('TIMEOUT', 'No answer.');
  return Array.from({ length: to - from }, (_, i) => ({ id: `u${from + i}`, error }));
}

it('writes every id in order, also when two add at once, and remembers the first ten', async () => {
  const path = join(await temporaryFolder(), 'failed.jsonl');
  const failedIds = new FailedIds(fileLog(path, { whenEmpty: 'remove' }));
  await Promise.all([failedIds.add(rows(0, 7)), failedIds.add([]), failedIds.add(rows(7, 500))]);
  await failedIds.commit();
  expect(failedIds.count).toBe(500);
  expect(failedIds.first.map(({ id }) => id)).toStrictEqual(rows(0, 10).map(({ id }) => id));
  const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
  expect(lines.map((line) => JSON.parse(line))).toStrictEqual(
    rows(0, 500).map(({ id }) => ({ id, code: 'TIMEOUT', message: 'No answer.', retryable: true })),
  );
});

it('takes away what an earlier run left when nothing failed, unless a file was asked for', async () => {
  const folder = await temporaryFolder();
  for (const whenEmpty of ['remove', 'write'] as const) {
    const path = join(folder, whenEmpty);
    await writeFile(path, 'earlier');
    await new FailedIds(fileLog(path, { whenEmpty })).commit();
  }
  expect(await readdir(folder)).toStrictEqual(['write']);
  expect(await readFile(join(folder, 'write'), 'utf8')).toBe('');
});

it('leaves nothing when it is discarded', async () => {
  const folder = await temporaryFolder();
  const failedIds = new FailedIds(fileLog(join(folder, 'failed.jsonl'), { whenEmpty: 'remove' }));
  await failedIds.add(rows(0, 3));
  await failedIds.discard();
  expect(await readdir(folder)).toStrictEqual([]);
});
