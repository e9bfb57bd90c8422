import { lstat, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openOutput } from '../../src/cli/open-output.ts';
import { temporaryFolder } from './temporary-folder.ts';

it('gives a file its name only when it is complete', async () => {
  const folder = await temporaryFolder();
  const path = join(folder, 'scores.csv');
  const output = await openOutput(path);
  await output.write('a');
  await output.write('b');
  expect(await readdir(folder)).toStrictEqual([
    expect.stringMatching(/^\.scores\.csv\.[\da-f-]+\.tmp$/),
  ]);
  await output.commit();
  expect(await readdir(folder)).toStrictEqual(['scores.csv']);
  expect(await readFile(path, 'utf8')).toBe('ab');
});

it('leaves the file that was there until the new one is complete, and its mode after', async () => {
  const path = join(await temporaryFolder(), 'scores.csv');
  await writeFile(path, 'old', { mode: 0o640 });
  const output = await openOutput(path);
  await output.write('new');
  expect(await readFile(path, 'utf8')).toBe('old');
  await output.commit();
  expect(await readFile(path, 'utf8')).toBe('new');
  expect((await stat(path)).mode & 0o777).toBe(0o640);
});

it('leaves nothing when it is discarded, also twice', async () => {
  const folder = await temporaryFolder();
  const output = await openOutput(join(folder, 'scores.csv'));
  await output.write('half');
  await output.discard();
  await output.discard();
  expect(await readdir(folder)).toStrictEqual([]);
});

it('leaves nothing when the name cannot be taken', async () => {
  const folder = await temporaryFolder();
  const path = join(folder, 'scores.csv');
  const output = await openOutput(path);
  await mkdir(path); // in the meantime
  await expect(output.commit()).rejects.toMatchObject({ code: 'EISDIR' });
  expect(await readdir(folder)).toStrictEqual(['scores.csv']);
});

it('removes its exit hook again', async () => {
  const folder = await temporaryFolder();
  const before = process.listenerCount('exit');
  for (const end of ['commit', 'discard'] as const) {
    const output = await openOutput(join(folder, end));
    expect(process.listenerCount('exit')).toBe(before + 1);
    await output[end]();
  }
  expect(process.listenerCount('exit')).toBe(before);
});

it('follows a link and keeps it', async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'real.csv'), 'old');
  await symlink('real.csv', join(folder, 'link.csv'));
  const output = await openOutput(join(folder, 'link.csv'));
  await output.write('new');
  await output.commit();
  expect((await lstat(join(folder, 'link.csv'))).isSymbolicLink()).toBe(true);
  expect(await readFile(join(folder, 'real.csv'), 'utf8')).toBe('new');
});

it('writes to a device and does not replace it', async () => {
  const output = await openOutput('/dev/null');
  await output.write('gone');
  await output.commit();
  expect((await stat('/dev/null')).isCharacterDevice()).toBe(true);
});

it('says what cannot be written', async () => {
  const folder = await temporaryFolder();
  await expect(openOutput(join(folder, 'no', 'scores.csv'))).rejects.toMatchObject({
    code: 'ENOENT',
    exitCode: 1,
    message: `cannot write ${join(folder, 'no', 'scores.csv')}: no such file or directory`,
  });
  await expect(openOutput(folder)).rejects.toMatchObject({
    code: 'EISDIR',
    message: `cannot write ${folder}: it is a directory`,
  });
});
