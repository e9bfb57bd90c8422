import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { execa, type ResultPromise } from 'execa';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

export interface FstoreSettings {
  readonly nodes: readonly string[];
  /** @default a new one */
  readonly keyPrefix?: string;
}

interface RunOptions {
  readonly input?: string | Uint8Array;
  readonly env?: Record<string, string>;
}

interface ProcessOptions {
  readonly reject: false;
  readonly stripFinalNewline: false;
  readonly stdin: 'pipe';
  readonly env: Record<string, string>;
  readonly maxBuffer: number;
  readonly timeout: number;
}

export type RunningFstore = ResultPromise<ProcessOptions>;

/** The real program as a process of its own, on a store of its own. */
export class Fstore {
  readonly keyPrefix: string;
  readonly #env: Record<string, string>;

  constructor({ nodes, keyPrefix = `cli:${randomUUID()}:` }: FstoreSettings) {
    this.keyPrefix = keyPrefix;
    this.#env = { FSTORE_NODES: nodes.join(','), FSTORE_KEY_PREFIX: keyPrefix };
  }

  run(args: readonly string[], { input, env }: RunOptions = {}): RunningFstore {
    const options: ProcessOptions = {
      reject: false,
      stripFinalNewline: false,
      stdin: 'pipe',
      env: { ...this.#env, ...env },
      maxBuffer: 100_000_000,
      timeout: 50_000,
    };
    const running = execa(process.execPath, ['--import', 'tsx', MAIN, ...args], options);
    running.stdin.on('error', () => undefined); // it may end before it has read everything
    if (input !== undefined) running.stdin.end(input);
    return running;
  }
}

export function lastLine(text: string): string {
  return text.trimEnd().split('\n').at(-1) ?? '';
}
