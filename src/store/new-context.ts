import type { Backend } from '../cluster/delivery/backend.ts';
import type { Context } from './context.ts';
import { GroupRecord } from './group-record.ts';
import type { ResolvedOptions } from './options.ts';
import { ReadShapes } from './read-shape.ts';
import { RowBuffer } from './row-write.ts';
import { specimensOf } from './specimens.ts';
import { zeroCounters } from './stats.ts';

/** What the paths of a new store share. */
export function newContext(backend: Backend, options: ResolvedOptions): Context {
  const { layout } = options;
  const readShapes = new ReadShapes();
  const counters = zeroCounters();
  const rowBuffer = new RowBuffer(layout);
  const groupRecord = new GroupRecord(backend, options);
  const parts = { backend, layout, options, counters, readShapes, rowBuffer, groupRecord };
  return { ...parts, specimens: specimensOf(parts) };
}
