/**
 * Peak memory of streamFeatures over ids that are made as they are asked for, in a process of its
 * own.
 */

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { BenchTarget } from '../bench-servers.ts';
import type { EntitySet } from '../data-set.ts';
import type { StreamMemory } from '../measurement.ts';
import { urlsOf } from '../rivals/feature-store.ts';

/** What the process is told. */
export interface StreamMemoryTask {
  readonly nodes: readonly string[];
  readonly keyPrefix: string;
  readonly names: readonly string[];
  readonly entityCount: number;
  readonly ids: number;
}

export async function measureStreamMemory(
  target: BenchTarget,
  set: EntitySet,
  ids: number,
): Promise<StreamMemory> {
  const task: StreamMemoryTask = {
    nodes: urlsOf(target),
    keyPrefix: set.prefix,
    names: set.readNames,
    entityCount: set.count,
    ids,
  };
  const child = fork(fileURLToPath(new URL('stream-memory-process.js', import.meta.url)));
  let result: StreamMemory | undefined;
  child.on('message', (message) => {
    result = message as StreamMemory; // the other half is the file named above
  });
  child.send(task);
  const [exitCode] = await once(child, 'exit');
  if (!result) throw new Error(`the streaming process ended with ${exitCode} and no result`);
  return result;
}
