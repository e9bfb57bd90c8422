/**
 * Bulk lanes on the wire: replies that wait for their turn are not lost, not late, and not too
 * many.
 */

import { describe, expect, test } from 'vitest';
import { type BulkPaces, defaultLimits } from '../../src/cluster/limits.ts';
import { slotOf } from '../../src/cluster/routing/slot.ts';
import { nextTurn } from '../../src/runtime/slices.ts';
import {
  answerAtOnce,
  holding,
  keyOf,
  keysOf,
  LAST_SLOT,
  longKeys,
  ONLINE,
  open,
  read,
  rowOf,
  startOnlineReads,
  startPair,
  TextRows,
  timesAsked,
  TurnCount,
} from './bulk-rows.ts';
import { ScriptedServer, type ScriptedConnection } from './scripted-server.ts';

const { alone, besideOnlineReads } = defaultLimits.bulkPaces;
/** All that may be under way at once on a lane of its own. */
const ALL = alone.rowsPerWrite * alone.chunksInFlight;
/** Rows of a part beside online reads. */
const PART = besideOnlineReads.rowsPerWrite;
/** No link is a long one; and one hiccup of the machine does not make bulk work alone. */
const bulkPaces: BulkPaces = { ...defaultLimits.bulkPaces, linkMs: 60_000, quietMs: 5_000 };

/** Rows that were read, by the turn of the event loop. */
function countByTurn(rows: TextRows, turns: TurnCount): Map<number, number> {
  const counts = new Map<number, number>();
  rows.onRead = () => counts.set(turns.now, (counts.get(turns.now) ?? 0) + 1);
  return counts;
}

function most(counts: Map<unknown, number>): number {
  return Math.max(...counts.values());
}

describe('a connection that is lost while replies wait to be read', () => {
  const ANSWERED = ALL - 300;

  test.each([
    ['ends', (connection: ScriptedConnection, said: string) => connection.socket.end(said)],
    [
      'is reset',
      async (connection: ScriptedConnection, said: string): Promise<void> => {
        connection.say(said);
        for (let turn = 0; turn < 2; turn++) await nextTurn();
        connection.socket.resetAndDestroy();
      },
    ],
    [
      'ends in the middle of a row',
      ({ socket }: ScriptedConnection, said: string) => socket.end(`${said}*1\r\n$5\r\nwro`),
    ],
  ])('%s: what had come is read and not asked again, and the rest is', async (_, lose) => {
    const server = await ScriptedServer.start(
      holding(ALL, (connection, replies) => {
        void lose(connection, replies.slice(0, ANSWERED).join(''));
      }),
    );
    const connection = await open([server]);
    const rows = new TextRows(longKeys(ALL));
    const perTurn = countByTurn(rows, new TurnCount());
    const { answers, failures } = await read(connection, rows);
    expect(failures.size).toBe(0);
    expect(answers).toStrictEqual(rows.texts);
    const times = timesAsked(server.connections);
    const wanted = rows.texts.map((_key, row) => (row < ANSWERED ? 1 : 2));
    expect(rows.texts.map((key) => times.get(key))).toStrictEqual(wanted);
    // More than a turn may read was there when it closed.
    expect(most(perTurn)).toBeGreaterThan(2 * alone.rowsPerTurn);
  });
});

describe('nonsense after replies that wait to be read', () => {
  const ANSWERED = 700; // the third turn gets there

  test.each([
    ['and stays', (connection: ScriptedConnection, said: string) => connection.say(said)],
    ['and goes', ({ socket }: ScriptedConnection, said: string) => socket.end(said)],
  ])('of a server that says it %s', async (_, say) => {
    const server = await ScriptedServer.start(
      holding(ALL, (connection, replies) => {
        const wrong = rowOf('wrong').repeat(ALL - ANSWERED);
        say(connection, `${replies.slice(0, ANSWERED).join('')}nonsense\r\n${wrong}`);
      }),
      { halfOpen: true },
    );
    const connection = await open([server]);
    const rows = new TextRows(keysOf(ALL));
    const { answers } = await read(connection, rows);
    expect(answers).toStrictEqual(rows.texts);
    const times = timesAsked(server.connections);
    const wanted = rows.texts.map((_key, row) => (row < ANSWERED ? 1 : 2));
    expect(rows.texts.map((key) => times.get(key))).toStrictEqual(wanted);
    const [lost, next] = server.connections.filter(({ commands }) => commands.length > 0);
    expect([lost?.commands.length, next?.commands.length]).toStrictEqual([ALL, ALL - ANSWERED]);
    await expect.poll(() => lost?.socket.readableEnded || lost?.socket.destroyed).toBe(true);
  });
});

describe('two lanes with replies that wait to be read', () => {
  test.each([
    ['alone', alone],
    ['beside online reads', besideOnlineReads],
  ])('read in turns, together no more than a turn may, %s', async (name, { rowsPerTurn }) => {
    const pair = await startPair(8_191);
    const connection = await open(pair, {
      bulkPaces: {
        ...bulkPaces,
        // As many rows are under way, whatever the pace: what counts here is how they are read.
        besideOnlineReads: { ...alone, rowsPerTurn },
      },
    });
    const rows = new TextRows(longKeys(2 * ALL));
    const counts = [0, 0];
    for (let row = 0; row < rows.keys.count; row++)
      counts[rows.keys.slotOf(row) > 8_191 ? 1 : 0]!++;
    const held = new Map<ScriptedConnection, string>();
    for (const server of pair) {
      server.script = (command, from) => {
        if (keyOf(command) === ONLINE) return rowOf(ONLINE);
        held.set(from, (held.get(from) ?? '') + rowOf(keyOf(command)));
        return undefined;
      };
    }
    if (name !== 'alone') await startOnlineReads(connection);
    const turns = new TurnCount();
    const perTurn = new Map<number, number>();
    const turnsOf: [number[], number[]] = [[], []];
    rows.onRead = (row) => {
      perTurn.set(turns.now, (perTurn.get(turns.now) ?? 0) + 1);
      turnsOf[rows.keys.slotOf(row) > 8_191 ? 1 : 0].push(turns.now);
    };
    const reading = read(connection, rows);
    const underWay = (): number[] => pair.map((server) => timesAsked(server.connections).size);
    await expect.poll(underWay).toStrictEqual(counts.map((count) => Math.min(count, ALL)));
    for (const server of pair) server.script = answerAtOnce;
    for (const [from, said] of held) from.say(said);
    expect((await reading).answers).toStrictEqual(rows.texts);
    expect(most(perTurn)).toBe(rowsPerTurn);
    // They did wait both: neither was read before the other's first row.
    const [first, second] = turnsOf;
    expect(first[0]).toBeLessThan(second.at(-1) ?? 0);
    expect(second[0]).toBeLessThan(first.at(-1) ?? 0);
  });
});

test('a deadline between two parts: what was read counts, the rest fails, and no more is sent', async () => {
  let answered = 0;
  let held: (() => void)[] = [];
  const server = await ScriptedServer.start((command, from) => {
    if (keyOf(command) === ONLINE || answered < 2 * PART) {
      if (keyOf(command) !== ONLINE) answered++;
      return rowOf(keyOf(command));
    }
    held.push(() => from.say(rowOf(keyOf(command))));
    return undefined;
  });
  const connection = await open([server], { bulkPaces });
  const stop = await startOnlineReads(connection);
  const over = new TextRows(keysOf(1_200, 'over'));
  const { answers, failures } = await read(connection, over, { timeoutMs: 1_000 });
  const [inTime, late] = [over.texts.slice(0, 2 * PART), over.texts.slice(2 * PART)];
  expect(answers).toStrictEqual([...inTime, ...late.map(() => undefined)]);
  expect([...failures.keys()]).toStrictEqual(late.map((_, i) => i + 2 * PART));
  expect(new Set([...failures.values()].map(({ code }) => code))).toStrictEqual(
    new Set(['TIMEOUT']),
  );
  // The third part is answered after all: a fourth does not follow it, and nobody gets its rows.
  const next = new TextRows(keysOf(100, 'next'));
  const reading = read(connection, next);
  server.script = answerAtOnce;
  for (const say of held) say();
  expect((await reading).answers).toStrictEqual(next.texts);
  await stop();
  const sent = [...timesAsked(server.connections)];
  const wanted = [...over.texts.slice(0, 3 * PART), ...next.texts].map((key) => [key, 1] as const);
  expect(sent).toStrictEqual(wanted);
});

describe('rows that have moved in the middle of a part', () => {
  /** One of each slot, so that a MOVED speaks of no other row. */
  function keysOfOwnSlots(count: number): string[] {
    const bySlot = new Map(keysOf(2 * count).map((key) => [slotOf(key), key]));
    expect(bySlot.size).toBeGreaterThan(count);
    return [...bySlot.values()].slice(0, count);
  }

  const wayOf = (row: number): 'MOVED' | 'ASK' | undefined =>
    row % 7 === 3 ? 'MOVED' : row % 7 === 5 ? 'ASK' : undefined;

  const keys = keysOfOwnSlots(1_200);
  const rowByKey = new Map(keys.map((key, row) => [key, row]));
  const moved = keys.filter((_, row) => wayOf(row) === 'MOVED');
  const asked = keys.filter((_, row) => wayOf(row) === 'ASK');

  /** Two servers, of which the first owned all; what it answers is given back too. */
  async function startMoving(): Promise<
    readonly [ScriptedServer, ScriptedServer, (command: readonly string[]) => string]
  > {
    const [from, to] = await startPair(LAST_SLOT);
    const answer = (command: readonly string[]): string => {
      const way = wayOf(rowByKey.get(keyOf(command)) ?? 0);
      const slot = slotOf(keyOf(command));
      return way ? `-${way} ${slot} 127.0.0.1:${to.port}\r\n` : rowOf(keyOf(command));
    };
    from.script = answer;
    to.script = (command) => (command[0] === 'ASKING' ? '+OK\r\n' : rowOf(keyOf(command)));
    return [from, to, answer];
  }

  /**
   * Each row that moved was asked for at the other node, once, and only with ASKING where that was
   * said.
   */
  function expectEachOnceAt(to: ScriptedServer): void {
    const words = to.commands.map((command) =>
      command[0] === 'ASKING' ? 'ASKING' : keyOf(command),
    );
    const behindAsking = words.filter((_, i) => words[i - 1] === 'ASKING');
    const plain = words.filter((word, i) => word !== 'ASKING' && words[i - 1] !== 'ASKING');
    expect(behindAsking.toSorted()).toStrictEqual(asked.toSorted());
    expect(plain.toSorted()).toStrictEqual(moved.toSorted());
  }

  test.each([
    ['alone', alone.rowsPerWrite],
    ['beside online reads', PART],
  ])('are asked again alone, each once: %s', async (pace, rowsPerWrite) => {
    const [from, to] = await startMoving();
    const connection = await open([from], { bulkPaces });
    if (pace !== 'alone') await startOnlineReads(connection);
    const parts: number[] = [];
    const { answers, failures } = await read(connection, new TextRows(keys), {
      onPipeline: ({ keyCount }) => parts.push(keyCount),
    });
    expect(failures.size).toBe(0);
    expect(answers).toStrictEqual(keys);
    expect([...timesAsked(from.connections)]).toStrictEqual(keys.map((key) => [key, 1]));
    expectEachOnceAt(to);
    const { redirects } = connection.counters.of(`127.0.0.1:${from.port}`);
    expect(redirects).toBe(moved.length + asked.length);
    expect(Math.max(...parts)).toBe(rowsPerWrite);
  });

  test('are asked again there, and not where they were, when the connection is lost then', async () => {
    const ANSWERED = 250;
    const [from, to, answer] = await startMoving();
    const lose = holding(keys.length, ({ commands, socket }) => {
      socket.end(commands.slice(0, ANSWERED).map(answer).join(''));
    });
    from.script = (command, connection) => lose(command, connection) && answer(command);
    const connection = await open([from]);
    expect((await read(connection, new TextRows(keys))).answers).toStrictEqual(keys);
    const times = timesAsked(from.connections);
    const wanted = keys.map((_, row) => (row < ANSWERED ? 1 : 2));
    expect(keys.map((key) => times.get(key))).toStrictEqual(wanted);
    expectEachOnceAt(to);
  });
});
