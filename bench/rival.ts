/**
 * What every way to read and write features has to do to be measured: ours and each rival's. They
 * get the same ids and names, make the same keys of them, and give rows in the order of the ids,
 * each in the shape that is natural to it: an object by name, or values in the order of the names.
 */

import type { EntityRow } from './data-set.ts';

export type TargetKind = 'cluster' | 'standalone';

/** Where the same data can be read: the six nodes, or the one. */
export interface Target {
  readonly kind: TargetKind;
  readonly nodes: readonly Node[];
}

export interface Node {
  readonly host: string;
  readonly port: number;
}

export type Row = Readonly<Record<string, string>> | readonly (string | null)[];

export interface Rival {
  readonly name: RivalName;
  /** How a reader would do the same, in a line. */
  readonly method: string;
  /** How it writes streaming features, which not every client has typed commands for. */
  readonly streamingMethod: string;
  /** @param keyPrefix what stands before an id in its key */
  open(target: Target, keyPrefix: string): Promise<OpenRival>;
}

export interface OpenRival {
  readBatch(ids: readonly string[], names: readonly string[]): Promise<readonly Row[]>;
  readOne(id: string, names: readonly string[]): Promise<Row>;
  /** HSET and EXPIRE per row. */
  load(rows: readonly EntityRow[], ttlSeconds: number): Promise<void>;
  /** HSETEX per row: the features and their TTL in one step. */
  writeStreaming(rows: readonly EntityRow[], ttlSeconds: number): Promise<void>;
  close(): Promise<void>;
}

export const RIVAL_NAMES = [
  'cluster-feature-store',
  'ioredis-pipelines',
  'ioredis-autopipelining',
  'ioredis-promise-all',
  'node-redis',
  'glide',
  'iovalkey',
  'redis-benchmark',
] as const;

export type RivalName = (typeof RIVAL_NAMES)[number];

export const OURS: RivalName = 'cluster-feature-store';

/** Field, value, field, value. */
export function flat(features: EntityRow[1]): (string | number)[] {
  const pairs: (string | number)[] = [];
  for (const name in features) pairs.push(name, features[name] ?? '');
  return pairs;
}
