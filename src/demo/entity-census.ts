/**
 * How many entities there are, and where. Every open page and the streaming worker ask about once a
 * second; they share one answer, so that the servers are scanned once and not once per asker.
 *
 * - One SCAN pass at a time. Whoever asks meanwhile gets its result.
 * - An answer is kept as long as the asker allows, and ten times as long as it took: however large
 *   the store, a tenth of the time at the most goes into scanning.
 * - `invalidate` after a write: the next asker waits for a pass that began after it.
 */

import type { FeatureStore } from '../index.ts';

export const MAX_LISTED_IDS = 500;
const MAX_AGE_MS = 1_000;
const REST_FACTOR = 10;

export interface Census {
  readonly entityCount: number;
  /** The first MAX_LISTED_IDS of all ids in ascending order. */
  readonly ids: readonly string[];
  /** By the primary's `host:port`; a shard without entities is left out. */
  readonly countByShard: ReadonlyMap<string, number>;
}

export type CensusSource = Pick<FeatureStore, 'scanEntityIds' | 'shardFor'>;

interface Answer {
  readonly census: Census;
  readonly generation: number;
  readonly takenAtMs: number;
  readonly costMs: number;
}

interface Pass {
  readonly generation: number;
  readonly census: Promise<Census>;
}

export class EntityCensus {
  readonly #source: CensusSource;
  readonly #nowMs: () => number;
  /** Counts the writes that made earlier answers wrong. */
  #generation = 0;
  #answer: Answer | undefined;
  #underWay: Pass | undefined;

  constructor(source: CensusSource, nowMs: () => number = () => performance.now()) {
    this.#source = source;
    this.#nowMs = nowMs;
  }

  /** @param maxAgeMs how old the answer may be; 0 for as fresh as the size of the store allows */
  read(maxAgeMs: number = MAX_AGE_MS): Promise<Census> {
    const answer = this.#answer;
    if (answer?.generation === this.#generation) {
      const ageMs = this.#nowMs() - answer.takenAtMs;
      if (ageMs <= Math.max(maxAgeMs, answer.costMs * REST_FACTOR)) {
        return Promise.resolve(answer.census);
      }
    }
    if (this.#underWay?.generation === this.#generation) return this.#underWay.census;
    const census = this.#take(this.#generation).finally(() => {
      if (this.#underWay?.census === census) this.#underWay = undefined;
    });
    this.#underWay = { generation: this.#generation, census };
    return census;
  }

  invalidate(): void {
    this.#generation++;
  }

  async #take(generation: number): Promise<Census> {
    const startedAtMs = this.#nowMs();
    const census = await scan(this.#source);
    if (generation === this.#generation) {
      const takenAtMs = this.#nowMs();
      this.#answer = { census, generation, takenAtMs, costMs: takenAtMs - startedAtMs };
    }
    return census;
  }
}

async function scan(source: CensusSource): Promise<Census> {
  let entityCount = 0;
  let lowest: string[] = [];
  const countByShard = new Map<string, number>();
  for await (const id of source.scanEntityIds()) {
    entityCount++;
    const shard = source.shardFor(id);
    if (shard !== undefined) countByShard.set(shard, (countByShard.get(shard) ?? 0) + 1);
    lowest.push(id);
    if (lowest.length >= MAX_LISTED_IDS * 4) lowest = lowestOf(lowest);
  }
  return { entityCount, ids: lowestOf(lowest), countByShard };
}

function lowestOf(ids: readonly string[]): string[] {
  return [...new Set(ids)].sort().slice(0, MAX_LISTED_IDS);
}
