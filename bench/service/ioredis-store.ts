/**
 * What examples/fraud-service would read features with if there were no store: ioredis's Cluster with
 * autopipelining, one HMGET per id. It gives the same rows by the same deadline, and that is all.
 */

import { once } from 'node:events';
import { FeatureStoreError, type FailedRow } from 'cluster-feature-store';
import { Cluster } from 'ioredis';
import type { UserFeatures } from '../../examples/fraud-service/scoring.ts';
import type { ScoreStore } from '../../examples/fraud-service/service.ts';

export async function ioredisStore(
  nodes: readonly string[],
  keyPrefix: string,
): Promise<ScoreStore> {
  const cluster = new Cluster([...nodes], { enableAutoPipelining: true });
  await once(cluster, 'ready');
  return {
    tryBatchGetFeatures: async (given, names, { timeoutMs } = {}) => {
      const ids = [...given];
      const rows = new Array<UserFeatures | undefined>(ids.length);
      const errors = new Map<number, unknown>();
      const read = async (id: string, position: number): Promise<void> => {
        try {
          rows[position] = rowOf(names, await cluster.hmget(keyPrefix + id, ...names));
        } catch (error) {
          errors.set(position, error);
        }
      };
      // One timer for all of them: commandTimeout would be one per command.
      let timer: NodeJS.Timeout | undefined;
      const deadline = new Promise<void>((resolve) => (timer = setTimeout(resolve, timeoutMs)));
      await Promise.race([Promise.all(ids.map(read)), deadline]);
      clearTimeout(timer);
      return { rows: [...rows], failed: failedOf(ids, rows, errors) };
    },
    stats: () => ({ shards: {} }),
  };
}

function rowOf(names: readonly string[], values: readonly (string | null)[]): UserFeatures {
  const row: Record<string, string> = {};
  for (let at = 0; at < names.length; at++) {
    const [name, value] = [names[at], values[at]];
    if (name !== undefined && typeof value === 'string') row[name] = value;
  }
  return row;
}

function failedOf(
  ids: readonly string[],
  rows: readonly (UserFeatures | undefined)[],
  errors: ReadonlyMap<number, unknown>,
): FailedRow[] {
  const failed: FailedRow[] = [];
  for (let position = 0; position < ids.length; position++) {
    if (rows[position] !== undefined) continue;
    const code = errors.has(position) ? 'COMMAND_REFUSED' : 'TIMEOUT';
    const error = new FeatureStoreError(code, 'ioredis', { cause: errors.get(position) });
    failed.push({ id: ids[position] ?? '', position, error });
  }
  return failed;
}
