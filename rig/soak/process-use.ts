/** What this process holds: leaks show as growth. */

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

export interface ProcessUse {
  /** After a collection of garbage. */
  readonly heapMb: number;
  /** Sockets, timers and so on, by kind. */
  readonly handles: Readonly<Record<string, number>>;
}

export function processUse(): ProcessUse {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  const handles: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) handles[kind] = (handles[kind] ?? 0) + 1;
  return { heapMb: process.memoryUsage().heapUsed / 1_048_576, handles };
}
