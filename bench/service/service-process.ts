/** A service in a process of its own, as the benchmark sees it. */

import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** What the process is given. */
export interface ServiceTask {
  readonly store: 'cluster-feature-store' | 'ioredis';
  readonly nodes: readonly string[];
  readonly keyPrefix: string;
  readonly deadlineMs: number;
}

/** What it has come to since its start. */
export interface ServiceUse {
  /** User and system time, in µs. */
  readonly cpuUs: number;
  /** Ids that were scored by defaults. */
  readonly defaults: number;
}

export class ServiceProcess implements Disposable {
  readonly url: string;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, url: string) {
    this.#child = child;
    this.url = url;
  }

  static async start(task: ServiceTask): Promise<ServiceProcess> {
    const child = fork(fileURLToPath(new URL('process.js', import.meta.url)), {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    child.send(task);
    const { url } = await answerOf<{ url: string }>(child);
    return new ServiceProcess(child, url);
  }

  async use(): Promise<ServiceUse> {
    const answer = answerOf<ServiceUse>(this.#child);
    this.#child.send('use');
    return answer;
  }

  [Symbol.dispose](): void {
    this.#child.disconnect();
  }
}

async function answerOf<Answer>(child: ChildProcess): Promise<Answer> {
  const over = new AbortController();
  const { signal } = over;
  const ended = once(child, 'exit', { signal }).then(([code]) => {
    throw new Error(`the service ended with ${code}`);
  });
  try {
    const [message] = await Promise.race([once(child, 'message', { signal }), ended]);
    return message as Answer; // its other half is process.ts
  } finally {
    over.abort();
    ended.catch(() => undefined);
  }
}
