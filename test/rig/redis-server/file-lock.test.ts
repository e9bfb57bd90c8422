import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { withFileLock } from '../../../rig/redis-server/file-lock.ts';

let folder = '';
let path = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lock-'));
  path = join(folder, 'inner', 'lock');
});
afterEach(() => rm(folder, { recursive: true }));

test('one at a time, and nothing is left', async () => {
  let inside = 0;
  let most = 0;
  const work = async (): Promise<void> => {
    inside += 1;
    most = Math.max(most, inside);
    await new Promise((resolve) => setImmediate(resolve));
    inside -= 1;
  };
  await Promise.all([1, 2, 3].map(() => withFileLock(path, work)));
  expect(most).toBe(1);
  expect(await readdir(join(folder, 'inner'))).toEqual([]);
});

test('work that fails gives the lock back', async () => {
  const work = async (): Promise<never> => {
    throw new Error('broken');
  };
  await expect(withFileLock(path, work)).rejects.toThrow('broken');
  expect(await withFileLock(path, async () => 'mine')).toBe('mine');
});

test('the lock of a process that is gone is taken over', async () => {
  const { pid } = spawnSync('true');
  await withFileLock(path, async () => {});
  await writeFile(path, String(pid));
  expect(await withFileLock(path, async () => 'mine', { timeoutMs: 5000 })).toBe('mine');
});

test('the lock of a living process is waited for, which is said, and not for ever', async () => {
  await withFileLock(path, async () => {});
  await writeFile(path, String(process.ppid));
  const said: number[] = [];
  const options = { timeoutMs: 150, onWait: (pid: number) => said.push(pid) };
  await expect(withFileLock(path, async () => {}, options)).rejects.toThrow(
    /still held by process/u,
  );
  expect(said).toEqual([process.ppid]);
});
