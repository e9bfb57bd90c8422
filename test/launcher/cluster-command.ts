import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isAlive } from '../../rig/local-cluster/process-identity.ts';

export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** `npm run cluster -- …` with a data folder of its own, ended and removed when disposed of. */
export class ClusterCommand implements AsyncDisposable {
  readonly dataDir: string;
  readonly #folder: string;

  static async make(): Promise<ClusterCommand> {
    return new ClusterCommand(await mkdtemp(join(tmpdir(), 'launcher-')));
  }

  private constructor(folder: string) {
    this.#folder = folder;
    this.dataDir = join(folder, 'cluster');
  }

  async run(verb: string, ...args: string[]): Promise<CommandResult> {
    const child = this.spawn(verb, ...args);
    let stdout = '';
    let stderr = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    return new Promise((resolve) => {
      child.once('close', (code) => resolve({ code, stdout, stderr }));
    });
  }

  /** The command as a process of its own, for tests that interrupt it. */
  spawn(verb: string, ...args: string[]): ChildProcess {
    const script = ['--import', 'tsx', 'scripts/cluster.ts', verb, '--data-dir', this.dataDir];
    return spawn(process.execPath, [...script, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  }

  /** The pid of each node that the data folder knows of and that lives, by port. */
  async pids(): Promise<Map<number, number>> {
    const pids = new Map<number, number>();
    for (const name of await readdir(this.dataDir).catch(() => [])) {
      const file = join(this.dataDir, name, 'redis.pid');
      const pid = Number(await readFile(file, 'utf8').catch(() => ''));
      if (pid > 0 && (await isAlive(pid))) pids.set(Number(name), pid);
    }
    return pids;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.run('down');
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** The pids among these that still live. */
export async function livingOf(pids: Iterable<number>): Promise<number[]> {
  const living: number[] = [];
  for (const pid of pids) if (await isAlive(pid)) living.push(pid);
  return living;
}

/** The urls that `up` printed. */
export function urlsOf({ stdout }: CommandResult): string[] {
  return (/--nodes (\S+)/u.exec(stdout)?.[1] ?? '').split(',');
}
