/** What a work is made of, and what it is made from. */

import type { BenchServers, BenchTarget } from '../bench-servers.ts';
import type { EntitySet } from '../data-set.ts';
import type { Contender } from '../interleave.ts';
import type { Work } from '../measurement.ts';
import { OURS, type OpenRival, type Rival, type RivalName, type TargetKind } from '../rival.ts';

export interface WorkPlan extends Work {
  readonly targets: readonly TargetKind[];
  readonly rounds: number;
  readonly turnMs: number;
  readonly concurrency: number;
  contenders(bench: Bench, target: BenchTarget): Promise<readonly Contender[]>;
}

/** Where one operation of a slow rival takes many seconds, these stand for all. */
export const FAST_RIVALS: readonly RivalName[] = [OURS, 'ioredis-pipelines', 'glide'];

/** Everything that works share: the servers, the data, and the rivals, opened once each. */
export class Bench {
  readonly servers: BenchServers;
  readonly narrow: EntitySet;
  readonly wide: EntitySet;
  readonly seed: number;
  /** Whether works with much data are to make do with less. */
  readonly quick: boolean;
  /** Undefined where there is no redis-benchmark beside the server. */
  readonly benchmarkPath: string | undefined;
  readonly #names: ReadonlySet<RivalName>;
  readonly #rivals: readonly Rival[];
  readonly #closers: (() => Promise<void>)[] = [];
  readonly #open = new Map<string, Promise<OpenRival>>();

  constructor(settings: {
    readonly servers: BenchServers;
    readonly narrow: EntitySet;
    readonly wide: EntitySet;
    readonly seed: number;
    readonly quick: boolean;
    readonly benchmarkPath: string | undefined;
    readonly rivals: readonly Rival[];
    /** Those to measure; ours is among them in any case. */
    readonly names: readonly RivalName[];
  }) {
    this.servers = settings.servers;
    this.narrow = settings.narrow;
    this.wide = settings.wide;
    this.seed = settings.seed;
    this.quick = settings.quick;
    this.benchmarkPath = settings.benchmarkPath;
    this.#names = new Set([OURS, ...settings.names]);
    this.#rivals = settings.rivals.filter(({ name }) => this.wants(name));
  }

  wants(name: RivalName): boolean {
    return this.#names.has(name);
  }

  /** The rivals that were asked for, those of `names` only where names are given. */
  async open(
    target: BenchTarget,
    keyPrefix: string,
    names?: readonly RivalName[],
  ): Promise<{ readonly name: RivalName; readonly client: OpenRival }[]> {
    const wanted = this.#rivals.filter(({ name }) => names === undefined || names.includes(name));
    return Promise.all(
      wanted.map(async (rival) => {
        const key = `${rival.name} ${target.kind} ${keyPrefix}`;
        const client = this.#open.get(key) ?? rival.open(target, keyPrefix);
        this.#open.set(key, client);
        return { name: rival.name, client: await client };
      }),
    );
  }

  async openOurs(target: BenchTarget, keyPrefix: string): Promise<OpenRival> {
    const [ours] = await this.open(target, keyPrefix, [OURS]);
    if (!ours) throw new Error(`${OURS} is not among the rivals`);
    return ours.client;
  }

  onClose(close: () => Promise<void>): void {
    this.#closers.push(close);
  }

  async close(): Promise<void> {
    for (const close of this.#closers) await close();
    const clients = await Promise.allSettled(this.#open.values());
    for (const opened of clients) if (opened.status === 'fulfilled') await opened.value.close();
  }
}
