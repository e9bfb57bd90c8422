/**
 * Bulk reads on the cluster layer, with limits of the test's own: rows that report when they are sent
 * and read, and scripted servers that make up a cluster.
 */

import { onTestFinished } from 'vitest';
import { connectNodes } from '../../src/cluster/control/connect.ts';
import type { Connection } from '../../src/cluster/control/connection.ts';
import { Deadline } from '../../src/cluster/delivery/deadline.ts';
import type { Delivery } from '../../src/cluster/delivery/delivery.ts';
import { dispatch } from '../../src/cluster/delivery/dispatch.ts';
import type { Gathered } from '../../src/cluster/routing/gather.ts';
import { defaultLimits, type ClusterLimits } from '../../src/cluster/limits.ts';
import type { Batch, Commands, Replies } from '../../src/cluster/batch.ts';
import { KeyPrefix, KeyTable } from '../../src/cluster/routing/key-table.ts';
import { nextTurn } from '../../src/runtime/slices.ts';
import { ScriptedServer, type Script, type ScriptedConnection } from './scripted-server.ts';

export const LAST_SLOT = 16_383;
/** The key of online reads. */
export const ONLINE = 'online';

/** A connection with its lanes open. Ends with the test. */
export async function open(
  servers: readonly ScriptedServer[],
  limits: Partial<ClusterLimits> = {},
): Promise<Connection> {
  const connection = await connectNodes(
    servers.map(({ port }) => ({ host: '127.0.0.1', port, redisOptions: {} })),
    {
      limits: { ...defaultLimits, ...limits },
      connectTimeoutMs: 5_000,
      natMap: undefined,
      warmUp: true,
      credentials: undefined,
    },
  );
  onTestFinished(() => connection.close());
  return connection;
}

/**
 * Two servers that share the slots: the first owns them up to `firstOwnsUpTo`, the second the rest.
 */
export async function startPair(
  firstOwnsUpTo: number,
): Promise<readonly [ScriptedServer, ScriptedServer]> {
  const pair = [
    await ScriptedServer.start(() => undefined),
    await ScriptedServer.start(() => undefined),
  ] as const;
  const ranges = [
    [0, firstOwnsUpTo],
    [firstOwnsUpTo + 1, LAST_SLOT],
  ] as const;
  const owned = pair
    .map(({ port }, i) => [...(ranges[i] ?? ranges[0]), port] as const)
    .filter(([from, to]) => from <= to)
    .map(([from, to, port]) => `*3\r\n:${from}\r\n:${to}\r\n*2\r\n$9\r\n127.0.0.1\r\n:${port}\r\n`);
  for (const server of pair) server.slots = `*${owned.length}\r\n${owned.join('')}`;
  return pair;
}

/** HMGET of one feature per key; the answer is its value. */
export class TextRows implements Batch<string> {
  readonly keys: KeyTable = new KeyTable(new KeyPrefix(''));
  readonly texts: readonly string[];
  readonly commands: Commands;
  readonly replies: Replies<string>;
  /** Called as a row's command is written. */
  onSent: (row: number) => void = () => undefined;
  /** Called as a row's reply is read. */
  onRead: (row: number) => void = () => undefined;

  /** @param texts the keys */
  constructor(texts: readonly string[]) {
    this.texts = texts;
    for (const text of texts) this.keys.add(text);
    this.commands = {
      write: (row, writer, before) => {
        if (before !== undefined) writer.encoded(before);
        writer.command(['HMGET', texts[row] ?? '', 'f']);
        this.onSent(row);
        return 1;
      },
      repliesOf: () => [1],
      bytesOf: (row) => texts[row]?.length ?? 0,
    };
    this.replies = {
      answerOf: ([reply], row) => {
        this.onRead(row);
        return Array.isArray(reply) ? `${reply[0]}` : `no row: ${reply}`;
      },
    };
  }
}

export async function read(
  connection: Connection,
  rows: TextRows,
  { timeoutMs = 30_000, ...delivery }: Partial<Delivery> & { readonly timeoutMs?: number } = {},
): Promise<Gathered<string>> {
  const deadline = new Deadline(timeoutMs, connection.closing);
  try {
    return await dispatch(connection, rows, { deadline, purpose: 'bulk', ...delivery });
  } finally {
    deadline.clear();
  }
}

/**
 * Reads that follow each other, with a turn of the event loop between two, until they are stopped.
 */
export async function startOnlineReads(connection: Connection): Promise<() => Promise<void>> {
  const over = new AbortController();
  const online = new TextRows([ONLINE]);
  await read(connection, online, { purpose: 'online' });
  const loop = (async (): Promise<void> => {
    while (!over.signal.aborted) {
      await nextTurn();
      await read(connection, online, { purpose: 'online' });
    }
  })();
  const stop = (): Promise<void> => {
    over.abort();
    return loop;
  };
  onTestFinished(stop);
  return stop;
}

/** Counts the turns of the event loop, from now until the test ends. */
export class TurnCount {
  now = 0;
  #isOver = false;

  constructor() {
    const count = (): void => {
      this.now++;
      if (!this.#isOver) setImmediate(count);
    };
    setImmediate(count);
    onTestFinished(() => {
      this.#isOver = true;
    });
  }
}

export function keysOf(count: number, prefix = 'u'): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}${i}`);
}

export function keyOf([, key = '']: readonly string[]): string {
  return key;
}

/** The reply to HMGET of one feature. */
export function rowOf(value: string): string {
  return `*1\r\n$${Buffer.byteLength(value)}\r\n${value}\r\n`;
}

/** Long enough for replies to come in several chunks of the socket. */
export function longKeys(count: number): string[] {
  return keysOf(count).map((key) => key.padEnd(100, '.'));
}

export const answerAtOnce: Script = (command) => rowOf(keyOf(command));

/**
 * The first connection that is asked anything holds its replies until there are `count`; others
 * answer.
 */
export function holding(
  count: number,
  answer: (connection: ScriptedConnection, replies: string[]) => void,
): Script {
  let first: ScriptedConnection | undefined;
  return (command, connection) => {
    first ??= connection;
    if (connection !== first) return answerAtOnce(command, connection);
    const { commands } = connection;
    if (commands.length === count) answer(connection, commands.map(keyOf).map(rowOf));
    return undefined;
  };
}

/** How often each key was asked for, but for those of online reads. */
export function timesAsked(
  from: readonly Pick<ScriptedConnection, 'commands'>[],
): Map<string, number> {
  const times = new Map<string, number>();
  for (const { commands } of from) {
    for (const command of commands) {
      const key = keyOf(command);
      if (command[0] === 'HMGET' && key !== ONLINE) times.set(key, (times.get(key) ?? 0) + 1);
    }
  }
  return times;
}

/** Keeps the event loop from turning. */
export function blockFor(ms: number): void {
  const endAtMs = performance.now() + ms;
  while (performance.now() < endAtMs);
}
