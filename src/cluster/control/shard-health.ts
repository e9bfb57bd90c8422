/**
 * Which primaries do not answer.
 *
 *   up ─▶ a proof ─▶ another ─▶ the last one ─▶ down: rows fail at once, it is asked ─▶ up
 *    ▲                  │                                                               ▲
 *    └── it is heard ◀──┘                                     it can answer rows again ─┘
 *
 * A proof is a deadline that passed while the node owed replies and said nothing (the last one
 * counts after `SILENCE_OF_DOWN_MS`), or a connection that could not be opened while no other was
 * open. A connection that was silent for `silenceMs` is
 * as good as all of them. What a node refuses in words, LOADING and CLUSTERDOWN among them, it has
 * said. The state is the address's: the node that takes its slots over begins as up.
 */

import { performance } from '../../runtime/clock.ts';
import { FeatureStoreError } from '../../errors.ts';
import type { Address } from '../address.ts';
import { Timer } from '../../runtime/timer.ts';
import { reportShardState } from './diagnostics.ts';
import type { LanePurpose } from '../lanes/lane-purpose.ts';
import type { NodeLoss, NodeWatcher } from '../lanes/node-watcher.ts';
import { PROBE_EVERY_MS, PROOF_EVERY_MS, PROOFS_OF_DOWN, SILENCE_OF_DOWN_MS } from '../limits.ts';

/** Whether a shard's primary answers, as far as the store has seen. */
export type ShardState = 'up' | 'down';

/** What becomes of rows whose shard is down: they wait by their deadline, or fail at once. */
export type OnShardDown = 'wait' | 'fail-fast';

/** What the states of shards are kept for. */
export interface ShardHealthHost {
  readonly onShardDown: OnShardDown;
  /** Whether the node owns slots; the others have no rows that could fail. */
  isPrimary(address: Address): boolean;
  /** Whether a connection to it is open. */
  isOpen(address: Address): boolean;
  /** Called when it is down from now on. */
  onDown(address: Address): void;
  /** Called when it is up again, after nothing was heard of it since `downSinceMs`. */
  onUp(address: Address, downSinceMs: number): void;
}

/** A node that was not heard since something was seen of it. */
interface Suspect {
  proofs: number;
  countedAtMs: number;
  /** Since when it has said nothing to the first row that was late. */
  silentSinceMs: number;
  /** Until then it may still answer what was late. */
  moment: Moment | undefined;
  downSinceMs: number | undefined;
  /** Seen last. */
  error: FeatureStoreError;
}

/** A short time, that can be ended before. */
type Moment = Pick<Timer, 'clear'>;

export class ShardHealth {
  readonly #host: ShardHealthHost;
  readonly #nowMs: () => number;
  readonly #momentOf: (ms: number, onEnd: () => void) => Moment;
  /** Empty where nothing is wrong. */
  readonly #suspects = new Map<Address, Suspect>();
  readonly #failsFast: boolean;
  #downCount = 0;

  /** @param momentOf does not end before what has arrived is read */
  constructor(
    host: ShardHealthHost,
    nowMs: () => number = performance.now,
    momentOf = (ms: number, onEnd: () => void): Moment => new Timer(ms, onEnd),
  ) {
    this.#host = host;
    this.#nowMs = nowMs;
    this.#momentOf = momentOf;
    this.#failsFast = host.onShardDown === 'fail-fast';
  }

  stateOf(address: Address): ShardState {
    return this.#suspects.get(address)?.downSinceMs === undefined ? 'up' : 'down';
  }

  /** The shards that are down. */
  down(): Address[] {
    return [...this.#suspects.keys()].filter((address) => this.stateOf(address) === 'down');
  }

  /** Whether rows of the shard fail at once. */
  failsRowsOf(address: Address): boolean {
    return this.#downCount > 0 && this.#failsFast && this.stateOf(address) === 'down';
  }

  /** What rows of a shard fail with. */
  errorOf(address: Address): FeatureStoreError {
    const { downSinceMs, error } = this.#suspects.get(address) ?? {};
    const nowMs = this.#nowMs();
    const downMs = Math.round(nowMs - (downSinceMs ?? nowMs));
    return new FeatureStoreError(
      'SHARD_UNAVAILABLE',
      `${address} has been down for ${downMs} ms, and its rows fail at once (onShardDown). ` +
        `Last seen: ${error?.message ?? 'it answers again.'} It is asked every ` +
        `${PROBE_EVERY_MS} ms, and gets rows when it answers: bring it back, or have a replica ` +
        'take over.',
      { cause: error },
    );
  }

  /** What a lane to the node reports here. */
  watcherOf(address: Address, purpose: LanePurpose): NodeWatcher {
    return {
      onHeard: (what) => {
        if (this.#suspects.size === 0) return;
        // CLUSTER is answered by a server that still reads its data.
        this.noteHeard(address, what === 'reply' && purpose !== 'control');
      },
      onLate: (sinceMs) => {
        // A primary that waits for its replicas says nothing meanwhile.
        if (purpose !== 'confirmed') this.noteLate(address, sinceMs);
      },
      onLost: (error, loss) => this.noteLost(address, error, loss),
    };
  }

  /**
   * The node has said something. One whose rows fail at once needs more than words: `isRow` says
   * that it has answered a row.
   */
  noteHeard(address: Address, isRow: boolean): void {
    const suspect = this.#suspects.get(address);
    if (suspect === undefined) return;
    if (suspect.downSinceMs === undefined || isRow || !this.#failsFast) this.noteUp(address);
  }

  /** A deadline passed. What comes within a moment was only late, and our loop may have been held. */
  noteLate(address: Address, sinceMs: number): void {
    const known = this.#suspects.get(address);
    if (known?.moment !== undefined || known?.downSinceMs !== undefined) return;
    const silentMs = Math.round(this.#nowMs() - sinceMs);
    const words = `${address} owes replies, and has said nothing for ${silentMs} ms.`;
    const suspect = this.#suspectAt(address, new FeatureStoreError('TIMEOUT', words));
    suspect.silentSinceMs = Math.min(suspect.silentSinceMs, sinceMs);
    suspect.moment = this.#momentOf(PROOF_EVERY_MS, () => {
      suspect.moment = undefined;
      const isLong = this.#nowMs() - suspect.silentSinceMs >= SILENCE_OF_DOWN_MS;
      if (isLong || suspect.proofs + 1 < PROOFS_OF_DOWN) this.#count(address, suspect, 1);
    });
  }

  /** A connection has ended, or could not be opened. */
  noteLost(address: Address, error: FeatureStoreError, loss: NodeLoss): void {
    const { wasOpen, isUnanswered, isTooSilent } = loss;
    if (isTooSilent) {
      this.#count(address, this.#suspectAt(address, error), PROOFS_OF_DOWN);
    } else if (!wasOpen && isUnanswered && !this.#host.isOpen(address)) {
      const suspect = this.#suspectAt(address, error);
      const isSoon = this.#nowMs() - suspect.countedAtMs < PROOF_EVERY_MS;
      if (!isSoon) this.#count(address, suspect, 1);
    }
  }

  /** It was asked, and cannot answer rows; `error` says what it, or the system, said. */
  noteStillDown(address: Address, error: FeatureStoreError): void {
    const suspect = this.#suspects.get(address);
    if (suspect !== undefined) suspect.error = error;
  }

  /** It answers, or is no primary any more. */
  noteUp(address: Address): void {
    const suspect = this.#suspects.get(address);
    if (suspect === undefined) return;
    suspect.moment?.clear();
    this.#suspects.delete(address);
    const { downSinceMs } = suspect;
    if (downSinceMs === undefined) return;
    this.#downCount--;
    this.#host.onUp(address, downSinceMs);
    const downMs = this.#nowMs() - downSinceMs;
    reportShardState({ shard: address, state: 'up', downMs, error: suspect.error });
  }

  /** Forgets what is no primary any more. */
  noteTopology(): void {
    for (const address of this.down()) if (!this.#host.isPrimary(address)) this.noteUp(address);
  }

  close(): void {
    for (const { moment } of this.#suspects.values()) moment?.clear();
  }

  #suspectAt(address: Address, error: FeatureStoreError): Suspect {
    const known = this.#suspects.get(address);
    if (known !== undefined) {
      known.error = error;
      return known;
    }
    const fresh: Suspect = {
      proofs: 0,
      countedAtMs: Number.NEGATIVE_INFINITY,
      silentSinceMs: Number.POSITIVE_INFINITY,
      moment: undefined,
      downSinceMs: undefined,
      error,
    };
    this.#suspects.set(address, fresh);
    return fresh;
  }

  #count(address: Address, suspect: Suspect, proofs: number): void {
    suspect.proofs += proofs;
    suspect.countedAtMs = this.#nowMs();
    if (suspect.proofs < PROOFS_OF_DOWN || suspect.downSinceMs !== undefined) return;
    suspect.moment?.clear();
    suspect.moment = undefined;
    if (!this.#host.isPrimary(address)) return void this.#suspects.delete(address);
    suspect.downSinceMs = suspect.countedAtMs;
    this.#downCount++;
    this.#host.onDown(address);
    reportShardState({ shard: address, state: 'down', downMs: 0, error: suspect.error });
  }
}
