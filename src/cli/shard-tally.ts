import { inGroups } from './progress-line.ts';

/** Counts by shard, in the order in which shards appear. */
export class ShardTally {
  readonly #counts = new Map<string, number>();

  add(shard: string | undefined, count: number): void {
    const address = shard ?? 'no shard';
    this.#counts.set(address, (this.#counts.get(address) ?? 0) + count);
  }

  /** `127.0.0.1:7000 67, 127.0.0.1:7001 70` */
  toString(): string {
    const parts = [...this.#counts]
      .filter(([, count]) => count > 0)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([address, count]) => `${address} ${inGroups(count)}`);
    return parts.length === 0 ? 'none' : parts.join(', ');
  }
}
