/**
 * When, and for which entities, a fault could lose acknowledged writes: Redis replicates
 * asynchronously, so a primary that dies takes with it what its replica has not got. Every other
 * loss is the store's.
 */

import type { Tolerate } from './checker.ts';

/** A write was acknowledged at most so long before the fault that lost it. */
const REPLICATION_LAG_MS = 2_000;

interface Window {
  readonly cause: string;
  readonly covers: (id: string) => boolean;
  readonly fromMs: number;
  toMs: number;
}

export class FaultWindows {
  readonly #windows: Window[] = [];

  /**
   * @param nowMs of the workload's clock, as the fault begins
   * @param covers whether the entity is at the shard that it strikes
   * @returns ends the window: what is acknowledged from then on must stay
   */
  open(cause: string, nowMs: number, covers: (id: string) => boolean): (nowMs: number) => void {
    const window = {
      cause,
      covers,
      fromMs: nowMs - REPLICATION_LAG_MS,
      toMs: Number.POSITIVE_INFINITY,
    };
    this.#windows.push(window);
    return (endMs) => {
      window.toMs = endMs;
    };
  }

  readonly tolerate: Tolerate = ({ id, acknowledgedAtMs }) =>
    this.#windows.find(
      ({ fromMs, toMs, covers }) =>
        acknowledgedAtMs >= fromMs && acknowledgedAtMs <= toMs && covers(id),
    )?.cause;
}
