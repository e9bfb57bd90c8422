// Servers of a test or a benchmark must not outlive it, even when it is killed with SIGKILL and no
// handler of its own can run. So a small shell process holds the reading end of a pipe: when this
// process ends, for whatever reason, the pipe closes, and the shell kills the pids it was last told
// and removes the folder.
//
//     this process ──"12 13 14"──▶ sh: read, read, read … end of file ─▶ kill -KILL 12 13 14; rm
// -rf folder
//
// Invariant: a pid is on the list from the moment it is spawned until its end has been seen.
import { spawn } from 'node:child_process';
import { mkdtempSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Socket } from 'node:net';

const SCRIPT = `trap '' HUP INT TERM
pids=
while IFS= read -r next; do pids=$next; done
[ -n "$pids" ] && kill -KILL $pids
rm -rf "$1" || { sleep 1; rm -rf "$1"; }`;

let only: Reaper | undefined;

export class Reaper {
  /** Removed when this process ends. */
  readonly folder: string;
  readonly #pids = new Set<number>();
  readonly #pipe: Socket;

  static get(): Reaper {
    only ??= new Reaper();
    return only;
  }

  private constructor() {
    this.folder = realpathSync(mkdtempSync(join(tmpdir(), 'cluster-feature-store-')));
    const shell = spawn('/bin/sh', ['-c', SCRIPT, 'reaper', this.folder], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    });
    shell.unref();
    // A pipe of a child process is a net.Socket, although its type says only Writable.
    this.#pipe = shell.stdin as unknown as Socket;
    this.#pipe.on('error', () => {});
    this.#pipe.unref();
  }

  watch(pid: number): void {
    this.#pids.add(pid);
    this.#tell();
  }

  forget(pid: number): void {
    if (this.#pids.delete(pid)) this.#tell();
  }

  #tell(): void {
    this.#pipe.write(`${[...this.#pids].join(' ')}\n`);
  }
}
