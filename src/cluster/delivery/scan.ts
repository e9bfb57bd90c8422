/**
 * SCAN on every primary, many of them at once, page by page as they come. Beside online reads pages
 * are small, and one comes after the other with a pause: a server answers nobody while it scans,
 * and every page costs the event loop.
 *
 * What SCAN promises holds per server: a key that is there from begin to end is given at least
 * once; one may be given twice while a server resizes its table. A key that moves between primaries
 * while they are scanned may be given twice or, if it moves to a part that was already passed, not
 * at all. When a primary is lost, the one that took its place is scanned from its begin, so keys
 * that the lost one has given are given again. https://redis.io/docs/latest/commands/scan/
 */

import { FeatureStoreError } from '../../errors.ts';
import type { Address } from '../address.ts';
import { askNode, PrimaryGone } from './node-command.ts';
import type { Connection } from '../control/connection.ts';
import type { Deadline } from './deadline.ts';
import type { Reply } from '../resp/reply-reader.ts';
import { FEWER_KEYS_AFTER_LOSS, PAGES_AT_ONCE, PAGES_IN_TURN } from '../limits.ts';

export interface KeyPage {
  readonly shard: Address;
  readonly keys: readonly Key[];
  /** Whether nothing more comes from the shard. */
  readonly isLast: boolean;
}

/**
 * A key that is not UTF-8 text is its bytes: no other key may be taken for it, and it for no other.
 */
export type Key = string | Uint8Array;

/** Pages may be empty. @param newDeadline makes the deadline of each page */
export async function* scanKeys(
  connection: Connection,
  pattern: string,
  newDeadline: () => Deadline,
): AsyncGenerator<KeyPage> {
  /**
   * Fewer after each loss of the connection: a page of long keys can be more than a server lets
   * itself owe.
   */
  let mostKeys = Number.POSITIVE_INFINITY;
  const nextPage = async (shard: Address, cursor: string): Promise<Page> => {
    const { keysPerPage, pagePauseMs } = connection.pace.now;
    const words = (cuts: number): (string | number)[] => {
      const count = Math.min(keysPerPage, mostKeys);
      if (cuts > 0) mostKeys = Math.max(1, Math.floor(count / FEWER_KEYS_AFTER_LOSS));
      return ['SCAN', cursor, 'MATCH', pattern, 'COUNT', Math.min(count, mostKeys)];
    };
    const ask = async (): Promise<Reply> => {
      const deadline = newDeadline();
      try {
        return await askNode(connection, shard, words, deadline);
      } finally {
        deadline.clear();
      }
    };
    try {
      // Beside online reads one page after the other, with a pause: a read meets one of them at most.
      return pageOf(shard, await (pagePauseMs === 0 ? ask() : inTurn(ask)));
    } catch (error) {
      if (error instanceof PrimaryGone) return { shard, keys: [], cursor: GONE };
      throw error;
    }
  };
  /** A page's time begins with its turn; a signal is heeded before, too. */
  const inTurn = async (ask: () => Promise<Reply>): Promise<Reply> => {
    const reply = connection.inPageTurn(ask);
    for (;;) {
      const waiting = newDeadline();
      try {
        return await waiting.race(reply);
      } catch (error) {
        if (!waiting.isLate) throw error;
      } finally {
        waiting.clear();
      }
    }
  };
  const pages = new Arrivals();
  const seen = new Set<Address>();
  /** The pages to come, shard by shard in turn. */
  const toAsk: [shard: Address, cursor: string][] = [];
  const addNewShards = (): void => {
    for (const { address } of connection.topology.shards()) {
      if (!seen.has(address)) toAsk.push([address, FIRST]);
      seen.add(address);
    }
  };
  const askSome = (): void => {
    const atOnce = connection.pace.now.pagePauseMs === 0 ? PAGES_AT_ONCE : PAGES_IN_TURN;
    while (pages.expectedCount < atOnce) {
      const next = toAsk.shift();
      if (next === undefined) return;
      pages.expect(nextPage(...next));
    }
  };
  addNewShards();
  askSome();
  while (pages.expectedCount > 0) {
    const { shard, keys, cursor } = await pages.next();
    const isLast = cursor === LAST || cursor === GONE;
    if (!isLast) toAsk.push([shard, cursor]);
    if (cursor === GONE) addNewShards();
    askSome();
    yield { shard, keys, isLast };
  }
}

/**
 * Pages in the order in which they come: to wait for each of thousands anew with every page would
 * take long.
 */
class Arrivals {
  readonly #arrived: Promise<Page>[] = [];
  #onArrival = (): void => undefined;
  expectedCount = 0;

  expect(page: Promise<Page>): void {
    const arrive = (): void => {
      this.#arrived.push(page);
      this.#onArrival();
    };
    // It may fail while the consumer works on another page, or after it has stopped.
    page.then(arrive, arrive);
    this.expectedCount++;
  }

  async next(): Promise<Page> {
    for (;;) {
      const page = this.#arrived.shift();
      if (page !== undefined) {
        this.expectedCount--;
        return page;
      }
      await new Promise<void>((resolve) => {
        this.#onArrival = resolve;
      });
    }
  }
}

/** @throws FeatureStoreError UNEXPECTED_REPLY */
function pageOf(shard: Address, reply: Reply): Page {
  if (!Array.isArray(reply) || !Array.isArray(reply[1])) {
    throw new FeatureStoreError('UNEXPECTED_REPLY', `SCAN on ${shard} replied no page of keys.`);
  }
  return { shard, cursor: String(reply[0]), keys: reply[1].map(keyOf) };
}

function keyOf(item: Reply): Key {
  return item instanceof Uint8Array ? item : String(item);
}

interface Page extends Omit<KeyPage, 'isLast'> {
  /** Where to go on, or LAST, or GONE. */
  readonly cursor: string;
}

/** The cursor that a scan starts with, and the one that its last page gives. */
const FIRST = '0';
const LAST = '0';
/** The cursor of a shard that can't be scanned any further. */
const GONE = 'gone';
