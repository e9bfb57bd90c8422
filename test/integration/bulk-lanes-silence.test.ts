/** The watch for silence on bulk lanes: what waits to be read is no silence, and what does not come is. */

import { describe, expect, test, vi, type Mock } from 'vitest';
import type { Connection } from '../../src/cluster/connection.ts';
import { defaultLimits, type ClusterLimits } from '../../src/cluster/options.ts';
import { blockFor, holding, keysOf, open, read, TextRows, timesAsked } from './bulk-rows.ts';
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

  /** What the lane tells of silence and of a loss. */
  function troubleOf(connection: Connection, server: ScriptedServer): Mock<() => void> {
    const told = vi.fn<() => void>();
    connection.lane(`127.0.0.1:${server.port}`, 'bulk').onTrouble = told;
    return told;
  }

  test('is quiet behind a loop that was blocked while the replies came', async () => {
    const server = await ScriptedServer.start(
      holding(10, (from, replies) => {
        from.say(replies.join(''));
        blockFor(1_500);
      }),
    );
    const connection = await open([server], { silenceMs: 1_000, suspicionMs: 500 });
    const told = troubleOf(connection, server);
    const rows = new TextRows(keysOf(10));
    expect((await read(connection, rows)).answers).toStrictEqual(rows.keys);
    expect(told).not.toHaveBeenCalled();
  });

  test('tells of a server that stops in the middle of a row, and ends the wait', async () => {
    const server = await ScriptedServer.start(
      holding(20, (from, replies) => from.say(`${replies.slice(0, 10).join('')}*1\r\n$5\r\nhal`)),
    );
    const connection = await open([server], limits);
    const told = troubleOf(connection, server);
    const rows = new TextRows(keysOf(20));
    expect((await read(connection, rows)).answers).toStrictEqual(rows.keys);
    expect(told.mock.calls.length).toBeGreaterThan(1);
    const wanted = rows.keys.map((key, row) => [key, row < 10 ? 1 : 2] as const);
    expect([...timesAsked(server.connections)]).toStrictEqual(wanted);
  });
});
