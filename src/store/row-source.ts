/** Rows as callers give them: an object, a Map, an array, or any iterable of `[id, features]`. */

import { FeatureStoreError } from '../errors.ts';
import type { FeatureEntry, FeatureRows, Features, RowOptions } from './features.ts';
import { isRecord, showKind } from './option-checks.ts';
import type { Source } from './windows.ts';

export type Entry = readonly [id: string, features: Features, options: RowOptions | undefined];

/** @throws FeatureStoreError INVALID_FEATURE */
export function entryOf(entry: unknown): Entry {
  let shown: string;
  try {
    if (Array.isArray(entry) && (entry.length === 2 || entry.length === 3)) {
      const options: unknown = entry[2];
      const isRow = options === undefined || isRecord(options);
      if (isRow) return [entry[0], entry[1], options];
    }
    shown = showKind(entry) + (Array.isArray(entry) ? ` of ${entry.length}` : '');
  } catch (cause) {
    const problem = 'A row cannot be read: it throws; see the cause.';
    throw new FeatureStoreError('INVALID_FEATURE', problem, { cause });
  }
  throw new FeatureStoreError(
    'INVALID_FEATURE',
    `A row must be [id, features] or [id, features, options], but is ${shown}.`,
  );
}

/** An array where all rows are at hand, otherwise the lazy source itself. */
export function sourceOf(rows: FeatureRows): Source<FeatureEntry> {
  if (Array.isArray(rows)) return rows;
  if (rows instanceof Map) return [...rows];
  try {
    if (typeof rows === 'object' && rows !== null) {
      if (Symbol.asyncIterator in rows || Symbol.iterator in rows)
        return rows as Source<FeatureEntry>;
      if (isRecord(rows)) return Object.entries(rows as Readonly<Record<string, Features>>);
    }
  } catch (cause) {
    const problem = 'The rows cannot be listed: the object throws; see the cause.';
    throw new FeatureStoreError('INVALID_FEATURE', problem, { cause });
  }
  throw new FeatureStoreError(
    'INVALID_FEATURE',
    `rows must be an object, a Map, or an iterable of [id, features], but is ${showKind(rows)}.`,
  );
}
