/**
 * Stands in for the job that turns events into streaming features: every tick it writes new ones
 * for a few users.
 *
 *               start            pause
 *    stopped ─────────▶ running ───────▶ paused
 *       ▲                │   ▲             │
 *       │      stop      │   └─────────────┤ resume
 *       └────────────────┴─────────────────┘
 *
 * A tick begins a second after the one before has ended, so ticks never overlap. A failed tick is
 * logged, and the next one comes. Paused means that no tick begins; one that is under way ends in
 * its own time, which `waitForIdle` waits for.
 *
 * Ids are listed anew for each tick: a write to a user who has expired since would make a hash that
 * has streaming features only, and no key TTL.
 */

import type { FeatureStore } from '../index.ts';
import { sample, seededRandom, type Random } from '../synthetic/seeded-random.ts';
import { DEFAULT_STREAMING_FEATURES, syntheticEvent } from '../synthetic/synthetic-users.ts';

export type WorkerState = 'stopped' | 'running' | 'paused';

export interface StreamingWorkerOptions {
  readonly store: Pick<FeatureStore, 'updateStreamingBatch'>;
  /** The users to choose from, as they are now. */
  readonly listIds: () => Promise<readonly string[]>;
  /** @default 5 */
  readonly usersPerTick?: number;
  /** From the end of one tick to the start of the next. @default 1_000 */
  readonly tickIntervalMs?: number;
  /** @default 1337 */
  readonly seed?: number;
  /** Gets a line for each tick that failed. */
  readonly log?: (line: string) => void;
}

/** A tick that hangs longer than this has failed. */
const TICK_TIMEOUT_MS = 10_000;

export class StreamingWorker implements AsyncDisposable {
  readonly #store: StreamingWorkerOptions['store'];
  readonly #listIds: StreamingWorkerOptions['listIds'];
  readonly #usersPerTick: number;
  readonly #tickIntervalMs: number;
  readonly #log: (line: string) => void;
  readonly #random: Random;
  #state: WorkerState = 'stopped';
  #timer: NodeJS.Timeout | undefined;
  #tick: Promise<void> | undefined;
  #stopping = new AbortController();
  #tickCount = 0;
  #writesCount = 0;

  constructor(options: StreamingWorkerOptions) {
    this.#store = options.store;
    this.#listIds = options.listIds;
    this.#usersPerTick = options.usersPerTick ?? 5;
    this.#tickIntervalMs = options.tickIntervalMs ?? 1_000;
    this.#log = options.log ?? ((): void => undefined);
    this.#random = seededRandom(options.seed ?? 1337);
  }

  get state(): WorkerState {
    return this.#state;
  }

  /** Ticks that ended well. */
  get tickCount(): number {
    return this.#tickCount;
  }

  /** Features that were written. */
  get writesCount(): number {
    return this.#writesCount;
  }

  start(): void {
    if (this.#state === 'stopped') this.#become('running');
  }

  pause(): void {
    if (this.#state === 'running') this.#become('paused');
  }

  resume(): void {
    if (this.#state === 'paused') this.#become('running');
  }

  /** Ends the loop, and gives up on a tick that is under way. */
  async stop(): Promise<void> {
    this.#become('stopped');
    await this.#tick;
  }

  /** Whether no tick was under way within `timeoutMs`. */
  async waitForIdle(timeoutMs: number): Promise<boolean> {
    if (!this.#tick) return true;
    let timer: NodeJS.Timeout | undefined;
    const tooLate = new Promise<false>((resolve) => {
      timer = setTimeout(resolve, timeoutMs, false);
    });
    const idle = this.#tick.then(() => true);
    try {
      return await Promise.race([idle, tooLate]);
    } finally {
      clearTimeout(timer);
    }
  }

  resetCounts(): void {
    this.#tickCount = 0;
    this.#writesCount = 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #become(state: WorkerState): void {
    this.#state = state;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (state === 'stopped') {
      this.#stopping.abort();
      this.#stopping = new AbortController();
    }
    // While a tick is under way, its end schedules the next.
    if (state === 'running' && !this.#tick) this.#schedule(0);
  }

  #schedule(delayMs: number): void {
    this.#timer = setTimeout(() => {
      this.#tick = this.#runTick(this.#stopping.signal).finally(() => {
        this.#tick = undefined;
        if (this.#state === 'running') this.#schedule(this.#tickIntervalMs);
      });
    }, delayMs);
  }

  async #runTick(signal: AbortSignal): Promise<void> {
    try {
      const ids = await this.#listIds();
      if (signal.aborted) return;
      await this.#write(sample(this.#random, ids, this.#usersPerTick), signal);
      this.#tickCount++;
    } catch (error) {
      if (!signal.aborted) this.#log(`streaming tick failed: ${messageOf(error)}`);
    }
  }

  async #write(ids: readonly string[], signal: AbortSignal): Promise<void> {
    if (ids.length === 0) return;
    const nowMs = Date.now();
    const rows = ids.map((id) => [id, syntheticEvent(this.#random, nowMs)] as const);
    const options = { signal, timeoutMs: TICK_TIMEOUT_MS };
    const { loaded, failed } = await this.#store.updateStreamingBatch(rows, options);
    this.#writesCount += loaded * DEFAULT_STREAMING_FEATURES.length;
    const first = failed[0];
    if (first) {
      const users = `${failed.length} of ${ids.length} users`;
      throw new Error(`${users} were not written; the first, ${first.id}: ${first.error.message}`);
    }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
