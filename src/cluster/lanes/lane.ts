/**
 * One connection to one node, for one purpose.
 *
 *   exchanges ─▶ bytes ─▶ one write per tick ─▶ node ─▶ bytes ─▶ the exchange at the head reads its rows
 *
 * What holds:
 * - Replies come in the order of the commands, so the exchange at the head of the queue owns the
 *   next byte. It stays there until it has read every one of its replies, wanted or not: a reply
 *   can reach no other row.
 * - When the connection closes, every exchange that is still owed replies is rejected, and nothing
 *   of theirs arrives later. Nothing is re-sent from here: the dispatcher decides what is next.
 * - What is sent in one tick shares one write; what is sent to a busy node, in one turn.
 * - A bounded number of rows is read in a turn of the event loop (turns.ts).
 * - A node that owes replies and is silent for too long, or says what is not RESP, loses the
 *   connection. The lane opens again when it is next used.
 */

import pLimit, { type LimitFunction } from 'p-limit';
import { nextTick, setImmediate } from '../../runtime/clock.ts';
import type { Address } from '../address.ts';
import { isDenial } from './first-words.ts';
import type { Redis } from './ioredis.ts';
import { answersForAnother, Losses, type LaneLost } from './lane-lost.ts';
import { CROWD, FORGETTING, type LaneLimits } from '../limits.ts';
import { CommandWriter } from '../resp/command-writer.ts';
import { ProtocolError, ReplyReader } from '../resp/reply-reader.ts';
import { rowsWorth } from '../resp/reply-size.ts';
import { withoutBytes } from '../routing/server-words.ts';
import { ALL_ROWS, type ReadingTurns, type Turn } from './turns.ts';
import type { BulkPace } from './bulk-pace.ts';
import type { NodeWatcher } from './node-watcher.ts';
import { SilenceWatch } from './silence-watch.ts';
import { Wire, type WireEnd } from './wire.ts';

/** Some commands on their way, and what reads their replies. */
export interface Exchange {
  /** Writes the commands, or gives them where they are many and encoded. Asked for once. */
  encode(writer: CommandWriter): Uint8Array | undefined;
  /** Whether nobody wants the replies any more; what was not sent yet need not be. */
  readonly isAbandoned?: boolean;
  /** Reads replies as far as they are whole and the turn has rows left; true after the last one. */
  read(reader: ReplyReader, turn: Turn): boolean;
}

/** A waiter: settled exactly once. */
interface Waiting {
  resolve(): void;
  reject(lost: LaneLost): void;
}

/** A caller that waits for the connection to open. */
interface Opening extends Waiting {
  /** Whether a stranger will do. */
  readonly anyone: boolean;
  /** A denial before this attempt to open was decided before the caller asked. */
  readonly attempt: number;
}

/** An exchange on its way, and its waiter. */
export interface Owed extends Waiting {
  readonly exchange: Exchange;
}

export class Lane {
  readonly address: Address;
  /** Bounds the chunks in flight on this lane. */
  readonly #limit: LimitFunction;
  /** For what makes the node owe much: one after the other. */
  readonly #heavy: LimitFunction = pLimit(1);
  readonly #wire: Wire;
  /** Of bulk work on this lane. */
  readonly #pace: BulkPace | undefined;
  readonly #silence: SilenceWatch;
  /** Called while the node owes replies and is silent, and when an open connection was lost. */
  onTrouble: () => void = () => undefined;
  /** Takes what is seen of the node. */
  watcher: NodeWatcher | undefined;
  /** Asked each time that the connection opens; a node of another cluster gets no rows. */
  isStranger: (() => Promise<boolean>) | undefined;
  /** Why the connection was lost the last time, until it is open again. */
  #lastTrouble = '';
  /** `ours` once the connection is open and no stranger's. */
  #state: 'closed' | 'unidentified' | 'ours' = 'closed';
  /** Connections so far, so that an answer about an old one is not taken for the new one's. */
  #openings = 0;
  #isIdentifying = false;
  readonly #losses: Losses;
  #reader = new ReplyReader();
  readonly #turns: ReadingTurns;
  /** Came in, for a turn to come. */
  #inbox: Buffer[] = [];
  #awaitsTurn = false;
  #owed: Owed[] = [];
  /** Callers that wait for the connection to open. */
  #waiting: Opening[] = [];
  readonly #outgoing = new CommandWriter();
  #roundTripMs = Number.POSITIVE_INFINITY;
  #isShortOfReplicas = false;
  #closed = false;

  /**
   * @param turns in which the replies are read
   * @param pace of bulk work
   */
  constructor(
    address: Address,
    redis: Redis,
    limits: LaneLimits,
    turns: ReadingTurns,
    pace?: BulkPace,
  ) {
    this.address = address;
    this.#turns = turns;
    this.#limit = pLimit(limits.chunksInFlight);
    this.#pace = pace;
    this.#silence = new SilenceWatch(limits, {
      expectedCount: () => this.#owed.length + this.#waiting.length,
      isReading: () => this.#awaitsTurn,
      onSilence: () => this.onTrouble(),
      onTooLong: (why) => this.drop(why),
    });
    this.#losses = new Losses(address, limits.loginPatienceMs);
    this.#wire = new Wire(redis, {
      onOpen: () => this.#onOpen(),
      onBytes: (chunk) => this.#onBytes(chunk),
      onClose: (end) => this.#onClose(end),
    });
  }

  /** Whether exchanges are under way or waiting. */
  get busy(): boolean {
    const queued = this.#limit.activeCount + this.#limit.pendingCount + this.#heavy.activeCount;
    return queued + this.#owed.length + this.#waiting.length > 0;
  }

  /** Takes how long a write took until its last reply. */
  noteRoundTrip(elapsedMs: number): void {
    this.#roundTripMs = Math.min(elapsedMs, this.#roundTripMs * FORGETTING);
    this.#keepPace();
  }

  /** Rows that may be written at once. */
  get rowsPerWrite(): number {
    const roundTripMs = this.#roundTripMs;
    const isKnown = roundTripMs !== Number.POSITIVE_INFINITY;
    const rows = this.#pace?.rowsPerWrite(isKnown ? roundTripMs : undefined);
    return rows ?? Number.POSITIVE_INFINITY;
  }

  /** Whether so much is under way that the next exchange should wait for its turn, by `limit`. */
  get crowded(): boolean {
    return this.#owed.length + this.#waiting.length >= CROWD;
  }

  /** Does the work when what came before it leaves room. */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    this.#keepPace();
    return this.#limit(work);
  }

  /** Does the work when no other of this kind is done on this lane: a node owes bounded bytes. */
  alone<T>(work: () => Promise<T>): Promise<T> {
    return this.#heavy(work);
  }

  /** Whether the replicas of this node were too few, or too late, the last time. */
  get isShortOfReplicas(): boolean {
    return this.#isShortOfReplicas;
  }

  /** Says whether enough replicas have confirmed in time. */
  noteReplicas(areEnough: boolean): void {
    this.#isShortOfReplicas = !areEnough;
  }

  /**
   * Resolves when the exchange has read all its replies. Rejects with LaneLost when it never will;
   * what it has read until then stands.
   */
  send(exchange: Exchange): Promise<void> {
    if (!this.isOpen) return this.#sendOnceOpen(exchange);
    return new Promise((resolve, reject) => this.post({ exchange, resolve, reject }));
  }

  get isOpen(): boolean {
    return this.#state === 'ours';
  }

  get remoteHost(): string | undefined {
    return this.#wire.remoteHost;
  }

  /** `send` where the connection is open, and without a promise. */
  post(owed: Owed): void {
    if (this.#outgoing.length === 0) this.#flushSoon();
    const encoded = owed.exchange.encode(this.#outgoing);
    if (encoded !== undefined) this.#flush(encoded);
    this.#owed.push(owed);
    this.#silence.expect(this.#owed.length);
  }

  /** Resolves once the connection is open. Rejects with LaneLost when the attempt fails. */
  open(): Promise<void> {
    return this.#open({ anyone: false });
  }

  /** `send` also while it is not known whether a stranger answers: to ask it who it is. */
  async ask(exchange: Exchange): Promise<void> {
    if (this.#state === 'closed') await this.#open({ anyone: true });
    await new Promise<void>((resolve, reject) => this.post({ exchange, resolve, reject }));
  }

  #open({ anyone }: Pick<Opening, 'anyone'>): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.isOpen || (anyone && this.#state !== 'closed')) resolve();
      // Credentials may be right by the next attempt: it is waited for, and a dead node's is not.
      else if (this.#closed || (this.#wire.isBackingOff && !isDenial(this.#lastTrouble))) {
        reject(this.#losses.lost({ trouble: this.#lastTrouble, isCut: false }));
      } else {
        const isBefore = this.#wire.isConnecting && isDenial(this.#lastTrouble);
        const attempt = this.#openings + (isBefore ? 1 : 0);
        this.#waiting.push({ anyone, attempt, resolve, reject });
        this.#silence.expect(this.#waiting.length);
        if (this.#state === 'closed') this.#wire.open();
        else if (this.isStranger !== undefined) void this.#identify(this.isStranger);
      }
    });
  }

  /** Whether the node owes replies, and has been silent for longer than it should be. */
  get isSilent(): boolean {
    return this.#silence.isSilent;
  }

  /** Whether the node owes replies, and has said nothing since then, by performance.now(). */
  isSilentSince(sinceMs: number): boolean {
    return this.#silence.isSilentSince(sinceMs);
  }

  /** Reads what has arrived, without its turn; whether something had. */
  readArrived(): boolean {
    if (!this.#awaitsTurn) return false;
    this.#readInbox({ rowsLeft: ALL_ROWS });
    return true;
  }

  /** Gives up the connection: what it owes replies is rejected. It opens again on use. */
  drop(why: string): void {
    this.#wire.reset(why);
  }

  close(): void {
    this.#closed = true;
    this.#wire.close();
    // ioredis need not say so, where it had only begun to connect.
    this.#giveUp(this.#losses.lost({ trouble: '', isCut: false }));
    this.#silence.stop();
  }

  async #sendOnceOpen(exchange: Exchange): Promise<void> {
    await this.open();
    if (!exchange.isAbandoned) await this.send(exchange);
  }

  #keepPace(): void {
    if (this.#pace !== undefined) this.#limit.concurrency = this.#pace.now.chunksInFlight;
  }

  /**
   * At the end of the tick. While the node owes replies to online reads, at the end of the loop's
   * turn: what the replies on other sockets make callers ask for goes out in the same write.
   */
  #flushSoon(): void {
    const isBusy = this.#owed.length > 0 && this.#turns.arePrompt;
    if (isBusy) setImmediate(this.#flush);
    else nextTick(this.#flush);
  }

  readonly #flush = (encoded?: Uint8Array): void => {
    if (!this.#wire.isOpen) return;
    if (this.#outgoing.length > 0) this.#wire.write(this.#outgoing);
    if (encoded !== undefined) this.#wire.writeEncoded(encoded);
  };

  #onOpen(): void {
    this.#silence.noteHeard();
    this.watcher?.onHeard('greeting');
    this.#lastTrouble = '';
    this.#losses.forget();
    if (this.isStranger === undefined) return this.#accept();
    this.#state = 'unidentified';
    this.#admit(({ anyone }) => anyone);
    void this.#identify(this.isStranger);
  }

  /** Rows go to a node of this cluster alone. A stranger is asked again on the next use. */
  async #identify(isStranger: () => Promise<boolean>): Promise<void> {
    if (this.#isIdentifying) return;
    this.#isIdentifying = true;
    const opening = this.#openings;
    const isRefused = await isStranger();
    if (opening !== this.#openings) return; // the connection was lost meanwhile
    this.#isIdentifying = false;
    if (!isRefused) return this.#accept();
    const lost = answersForAnother(this.address);
    this.#admit(({ anyone }) => !anyone, lost);
    this.onTrouble();
  }

  #accept(): void {
    this.#state = 'ours';
    this.#admit(() => true);
  }

  /** Ends the waiting of those that are meant; with an error where they must not go on. */
  #admit(isMeant: (opening: Opening) => boolean, lost?: LaneLost): void {
    const meant = this.#waiting.filter(isMeant);
    this.#waiting = this.#waiting.filter((opening) => !isMeant(opening));
    for (const opening of meant) {
      if (lost === undefined) opening.resolve();
      else opening.reject(lost);
    }
  }

  #onBytes(chunk: Buffer): void {
    this.watcher?.onHeard('reply');
    this.#inbox.push(chunk);
    if (this.#awaitsTurn) return;
    this.#awaitsTurn = true;
    this.#turns.add(this.#takeTurn);
  }

  readonly #takeTurn = (turn: Turn): boolean => {
    this.#awaitsTurn = false;
    this.#silence.noteHeard(); // what waited until now was said
    this.#awaitsTurn = !this.#readInbox(turn);
    return !this.#awaitsTurn;
  };

  /** True when nothing is left that can be read now. */
  #readInbox(turn: Turn): boolean {
    try {
      for (;;) {
        this.#readReplies(turn);
        if (turn.rowsLeft <= 0 && !this.#reader.empty) return false;
        const chunk = this.#inbox.shift();
        if (chunk === undefined) return true;
        this.#reader.push(chunk);
        if (this.#reader.isInReply) turn.rowsLeft -= rowsWorth(chunk.length);
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#forget(); // nothing after it can be believed
      this.#wire.reset(`it said what is not RESP: ${withoutBytes(error.message)}`);
      return true;
    }
  }

  #readReplies(turn: Turn): void {
    const reader = this.#reader;
    for (;;) {
      const head = this.#owed[0];
      if (head === undefined) break;
      if (!head.exchange.read(reader, turn)) return;
      this.#owed.shift();
      head.resolve();
    }
    if (reader.skipPushes() === undefined && !reader.empty) {
      throw new ProtocolError(`a reply that nobody asked for: ${reader.peek()}`);
    }
  }

  #onClose(end: WireEnd): void {
    this.#readInbox({ rowsLeft: ALL_ROWS }); // what came before the end holds
    this.#lastTrouble = end.trouble || this.#lastTrouble;
    const wasOpen = this.#state !== 'closed';
    const [lost, { isTooSilent }] = [this.#losses.lost(end), this.#silence];
    if (!this.#closed) this.watcher?.onLost(lost.error, { ...end, wasOpen, isTooSilent });
    this.#state = 'closed'; // first: what is rejected may be sent again at once
    this.#giveUp(lost, isDenial(end.trouble) ? this.#openings : undefined);
    this.#openings++;
    this.#isIdentifying = false;
    if (wasOpen && !this.#closed) this.onTrouble();
  }

  #giveUp(lost: LaneLost, attempt = Number.POSITIVE_INFINITY): void {
    const ended = [...this.#owed, ...this.#waiting.filter((one) => one.attempt <= attempt)];
    this.#owed = [];
    this.#waiting = this.#waiting.filter((one) => one.attempt > attempt);
    this.#outgoing.truncate(0);
    this.#forget();
    for (const waiter of ended) waiter.reject(lost);
  }

  #forget(): void {
    this.#reader = new ReplyReader();
    this.#inbox = [];
  }
}
