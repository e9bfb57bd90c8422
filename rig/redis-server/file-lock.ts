// Lets one process at a time do something that two must not do together, such as building into the
// cache. The lock is a file that holds its owner's pid; the lock of a process that is gone is taken
// over.
import { randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

export interface LockOptions {
  /** Called once when another process holds the lock. */
  readonly onWait?: (pid: number) => void;
  /** @default 600000 */
  readonly timeoutMs?: number;
}

/** Runs `work` while holding the lock file. */
export async function withFileLock<T>(
  path: string,
  work: () => Promise<T>,
  options: LockOptions = {},
): Promise<T> {
  const deadline = Date.now() + (options.timeoutMs ?? 600_000);
  await mkdir(dirname(path), { recursive: true });
  let said = false;
  while (!(await acquire(path))) {
    const owner = await ownerOf(path);
    if (owner !== undefined && !exists(owner)) {
      await takeAway(path, owner);
      continue;
    }
    if (Date.now() > deadline) throw new Error(`${path} is still held by process ${owner}`);
    if (!said && owner !== undefined) options.onWait?.(owner);
    said ||= owner !== undefined;
    await pause(100);
  }
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

/** The pid arrives in the lock together with its name: a lock is never seen empty. */
async function acquire(path: string): Promise<boolean> {
  const own = `${path}.${randomUUID()}`;
  await writeFile(own, String(process.pid));
  try {
    await link(own, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return false;
  } finally {
    await rm(own, { force: true });
  }
}

async function ownerOf(path: string): Promise<number | undefined> {
  const pid = Number(await readFile(path, 'utf8').catch(() => ''));
  return pid > 0 ? pid : undefined;
}

/** Removes the lock of a process that is gone, unless somebody else has just taken it. */
async function takeAway(path: string, gone: number): Promise<void> {
  const aside = `${path}.${randomUUID()}`;
  try {
    await rename(path, aside);
    if ((await ownerOf(aside)) !== gone) await link(aside, path);
  } catch {
    // Somebody else was faster; the next try sees what they left.
  } finally {
    await rm(aside, { force: true });
  }
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
