// A pid read from a file may belong to another program by now: pids are used again. So before a
// signal is sent to a process that this run did not start itself, the process must show that it is
// ours: it works in the node's own folder. Invariant: a process that cannot be told apart is never
// signalled.
import { execFile } from 'node:child_process';
import { readFile, readlink, realpath } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** True while the process exists and is not a zombie waiting for its parent. */
export async function isAlive(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'latin1');
    return !/^[ZX]/u.test(stat.slice(stat.lastIndexOf(')') + 2));
  } catch {
    // No /proc on this system, or the process went away between the two questions.
    return process.platform !== 'linux';
  }
}

/** Whether the process works in `dir`; undefined where the system does not tell. */
export async function worksIn(pid: number, dir: string): Promise<boolean | undefined> {
  const wanted = await realpath(dir).catch(() => dir);
  try {
    return (await readlink(`/proc/${pid}/cwd`)) === wanted;
  } catch {
    if (process.platform === 'linux') return undefined;
  }
  try {
    const { stdout } = await run('lsof', ['-a', '-p', String(pid), '-d', 'cwd', '-Fn']);
    return stdout.split('\n').includes(`n${wanted}`);
  } catch {
    return undefined;
  }
}
