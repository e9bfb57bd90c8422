/**
 * Where results go: a file that appears whole or not at all, or a stream that goes on as it is
 * read.
 */

import { createWriteStream } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { AtomicFile } from './atomic-file.ts';
import { systemError } from './command-error.ts';
import type { Output } from './output.ts';
import { StreamOutput } from './stream-output.ts';

/** Standard output, as `--out` and `--ids` spell the standard streams. */
export const STANDARD_STREAM = '-';

export async function openOutput(path: string): Promise<Output> {
  if (path === STANDARD_STREAM) return new StreamOutput(process.stdout);
  const target = await targetOf(path);
  try {
    if (target.kind === 'file') return await AtomicFile.open(target.path, target.mode);
    return new StreamOutput(createWriteStream(target.path));
  } catch (error) {
    throw systemError(`cannot write ${path}`, error);
  }
}

interface Target {
  readonly kind: 'file' | 'device';
  readonly path: string;
  readonly mode?: number;
}

/**
 * A link stays and what it points to is replaced; a device or pipe (`/dev/null`) is never replaced.
 */
async function targetOf(path: string): Promise<Target> {
  try {
    const target = await realpath(path);
    const stats = await stat(target);
    if (stats.isDirectory()) {
      throw Object.assign(new Error('EISDIR: it is a directory'), { code: 'EISDIR' });
    }
    if (!stats.isFile()) return { kind: 'device', path };
    return { kind: 'file', path: target, mode: stats.mode & 0o777 };
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      return { kind: 'file', path };
    }
    throw systemError(`cannot write ${path}`, error);
  }
}
