/**
 * The watch for silence on bulk lanes: what waits to be read is no silence, and what does not come
 * is.
 */

import { describe, expect, test, vi, type Mock } from 'vitest';
import type { Connection } from '../../src/cluster/control/connection.ts';
import type { Gathered } from '../../src/cluster/routing/gather.ts';
import { defaultLimits, type ClusterLimits } from '../../src/cluster/limits.ts';
import { slotOf } from '../../src/cluster/routing/slot.ts';
import {
  answerAtOnce,
  blockFor,
  holding,
  keyOf,
  keysOf,
  longKeys,
  open,
  read,
  rowOf,
  startPair,
  TextRows,
  timesAsked,
} from './bulk-rows.ts';
import { ScriptedServer } from './scripted-server.ts';

const { alone } = defaultLimits.bulkPaces;

describe('the watch for silence', () => {
  const silenceMs = 600;
  const suspicionMs = 100;
  const limits: Partial<ClusterLimits> = {
    silenceMs,
    suspicionMs,
    bulkPaces: { ...defaultLimits.bulkPaces, alone: { ...alone, rowsPerTurn: 1 } },
  };

  /** What the lane reports of silence and of a loss. */
  function troubleOf(connection: Connection, server: ScriptedServer): Mock<() => void> {
    const heard = vi.fn<() => void>();
    connection.lane(`127.0.0.1:${server.port}`, 'bulk').onTrouble = heard;
    return heard;
  }

  /**
   * How long it takes here and now until a server in this process has heard all keys and answered.
   */
  async function answeredInMs(keys: readonly string[]): Promise<number> {
    const connection = await open([await ScriptedServer.start(answerAtOnce)]);
    const startedAtMs = performance.now();
    await read(connection, new TextRows(keys));
    return performance.now() - startedAtMs;
  }

  test.each([
    ['in several chunks', longKeys(2_000)],
    ['in one chunk', keysOf(2_000)],
  ])('is quiet while replies that came %s are read slowly', async (_, keys) => {
    const longMs = Math.max(silenceMs, 3 * (await answeredInMs(keys)));
    const server = await ScriptedServer.start(
      holding(keys.length, (from, replies) => from.say(replies.join(''))),
    );
    const connection = await open([server], { ...limits, silenceMs: longMs });
    const heard = troubleOf(connection, server);
    const rows = new TextRows(keys);
    rows.onRead = (row) => {
      if (row === 0) heard.mockClear(); // until it has heard all keys the server is silent indeed
      blockFor((2 * longMs) / keys.length);
    };
    const startedAtMs = performance.now();
    expect((await read(connection, rows)).answers).toStrictEqual(keys);
    expect(performance.now() - startedAtMs).toBeGreaterThan(2 * longMs);
    expect(heard).not.toHaveBeenCalled();
    expect(server.connections.filter(({ commands }) => commands.length > 0)).toHaveLength(1);
  });

  test('is quiet while it is another lane whose replies are read', async () => {
    const pair = await startPair(8_191);
    const connection = await open(pair, limits);
    const heard = pair.map((server) => {
      server.script = holding(4, (from, replies) => from.say(replies.join('')));
      return troubleOf(connection, server);
    });
    const [low, high] = [0, 1].map((half) =>
      keysOf(100).filter((key) => Math.floor(slotOf(key) / 8_192) === half),
    );
    const rows = new TextRows([...(low ?? []).slice(0, 4), ...(high ?? []).slice(0, 4)]);
    rows.onRead = () => blockFor(1.5 * suspicionMs);
    expect((await read(connection, rows)).answers).toStrictEqual(rows.texts);
    for (const trouble of heard) expect(trouble).not.toHaveBeenCalled();
  });

  test('is quiet after a loop that was blocked while the replies came', async () => {
    const server = await ScriptedServer.start(
      holding(10, (from, replies) => {
        from.say(replies.join(''));
        blockFor(1_500);
      }),
    );
    const connection = await open([server], { silenceMs: 1_000, suspicionMs: 500 });
    const heard = troubleOf(connection, server);
    const rows = new TextRows(keysOf(10));
    expect((await read(connection, rows)).answers).toStrictEqual(rows.texts);
    expect(heard).not.toHaveBeenCalled();
  });

  test('counts for a later chunk from when that was sent, not from what was heard before', async () => {
    const early = new TextRows(keysOf(200, 'early'));
    const late = new TextRows(keysOf(1, 'late'));
    const answerEarly = holding(200, (from, replies) => from.say(replies.join('')));
    const server = await ScriptedServer.start((command, from) => {
      if (keyOf(command) !== late.texts[0]) return answerEarly(command, from);
      setTimeout(() => from.say(rowOf(keyOf(command))), silenceMs / 2);
      return undefined;
    });
    const connection = await open([server], limits);
    let reading: Promise<Gathered<string>> | undefined;
    early.onRead = (row) => {
      blockFor((2 * silenceMs) / 200);
      if (row === 198) reading = read(connection, late);
    };
    expect((await read(connection, early)).answers).toStrictEqual(early.texts);
    expect((await reading)?.answers).toStrictEqual(late.texts);
    expect(timesAsked(server.connections).get(late.texts[0] ?? '')).toBe(1);
  });

  test('reports a server that stops in the middle of a row, and ends the wait', async () => {
    const server = await ScriptedServer.start(
      holding(20, (from, replies) => from.say(`${replies.slice(0, 10).join('')}*1\r\n$5\r\nhal`)),
    );
    const connection = await open([server], limits);
    const heard = troubleOf(connection, server);
    const rows = new TextRows(keysOf(20));
    expect((await read(connection, rows)).answers).toStrictEqual(rows.texts);
    expect(heard.mock.calls.length).toBeGreaterThan(1);
    const wanted = rows.texts.map((key, row) => [key, row < 10 ? 1 : 2] as const);
    expect([...timesAsked(server.connections)]).toStrictEqual(wanted);
  });
});
