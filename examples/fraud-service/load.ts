/** The nightly load: what the warehouse says of each user replaces what was there. */

import type { FailedRow, FeatureEntry, Features, FeatureWriter } from 'cluster-feature-store';
import type { FastifyBaseLogger } from 'fastify';

export interface Load {
  readonly store: Pick<FeatureWriter, 'bulkLoad'>;
  /** JSON lines: {"id":"u0001","risk_segment":"low","account_age_days":700} */
  readonly lines: AsyncIterable<string>;
  readonly logger: FastifyBaseLogger;
  readonly signal?: AbortSignal;
}

/** @returns whether every user is loaded; if not, run it again: twice does no harm */
export async function loadUsers({ store, lines, logger, signal }: Load): Promise<boolean> {
  const { loaded, failed, elapsedMs } = await store.bulkLoad(rowsOf(lines), {
    mode: 'replace', // a feature that the warehouse no longer has is gone; streaming ones stay
    ttlSeconds: 48 * 3_600, // twice the cycle: one night that is missed costs nothing
    onInvalid: 'report',
    onProgress: (progress) => logger.info(progress, 'loading'),
    ...(signal === undefined ? {} : { signal }),
  });
  for (const [code, lineNumbers] of linesByCode(failed)) {
    const [count, first] = [lineNumbers.length, lineNumbers.slice(0, 5)];
    logger.error({ code, count, lines: first }, 'users were not loaded');
  }
  logger.info({ loaded, failed: failed.length, elapsedMs: Math.round(elapsedMs) }, 'loaded');
  return failed.length === 0;
}

async function* rowsOf(lines: AsyncIterable<string>): AsyncGenerator<FeatureEntry> {
  for await (const line of lines) {
    const { id, ...features } = JSON.parse(line) as Features & { readonly id: string };
    yield [id, features];
  }
}

function linesByCode(failed: readonly FailedRow[]): Map<string, number[]> {
  const lines = new Map<string, number[]>();
  for (const { position, error } of failed) {
    const ofCode = lines.get(error.code) ?? [];
    lines.set(error.code, ofCode);
    ofCode.push(position + 1);
  }
  return lines;
}
