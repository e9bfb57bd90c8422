/**
 * What is logged of batches with failed ids: how many failed, by code and by shard, and the first
 * ids. Never a feature: a PartialBatchError keeps its rows from loggers.
 */

import { PartialBatchError, type PartialRows } from 'cluster-feature-store';
import type { FastifyBaseLogger } from 'fastify';

/** While a shard is down nearly every request has failed ids. */
const LINE_EVERY_MS = 1_000;

/** One line a second at most, with how many batches it stands for. */
export function failureLog(logger: FastifyBaseLogger): (result: PartialRows<object>) => void {
  let batches = 0;
  let nextAtMs = 0;
  return ({ rows, failed }) => {
    batches++;
    const nowMs = performance.now();
    if (nowMs < nextAtMs) return;
    const last = new PartialBatchError(rows, failed);
    logger.warn({ batches, last: last.toJSON() }, 'ids were scored by defaults');
    batches = 0;
    nextAtMs = nowMs + LINE_EVERY_MS;
  };
}
