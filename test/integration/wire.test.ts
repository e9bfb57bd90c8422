/** The wire against servers that misbehave: rows reach who asked for them. */

import { describe, expect, onTestFinished, test } from 'vitest';
import { FeatureStore, FeatureStoreError, type FeatureStoreOptions } from '../../src/index.ts';
import { nextTurn } from '../../src/runtime/slices.ts';
import { keysOf as ids, rowOf } from './bulk-rows.ts';
import { ScriptedServer, type Script, type ScriptedConnection } from './scripted-server.ts';

const keyPrefix = 'wire:';
const NAMES = ['f'];

async function connect(options: FeatureStoreOptions): Promise<FeatureStore> {
  const store = await FeatureStore.connect({ keyPrefix, ...options });
  onTestFinished(() => store.close());
  return store;
}

async function connectTo(server: ScriptedServer): Promise<FeatureStore> {
  return connect({ nodes: [server.url] });
}

/** An entity's feature is its own id, so that a row that went astray is seen. */
function idOf([, key = '']: readonly string[]): string {
  return key.slice(keyPrefix.length);
}

const ownRow: Script = (command) => rowOf(idOf(command));
const rowsOf = (keys: readonly string[]): { f: string }[] => keys.map((f) => ({ f }));

async function failureOf(call: Promise<unknown>): Promise<FeatureStoreError> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof FeatureStoreError) return error;
  throw new Error('it did not fail as it should', { cause: error });
}

describe('a server that answers late', () => {
  test('does not give a row of a call that is over to the next call', async () => {
    const held: (() => void)[] = [];
    const askedFor: string[] = [];
    const server = await ScriptedServer.start((command, connection) => {
      askedFor.push(idOf(command));
      held.push(() => connection.say(rowOf(idOf(command))));
      return undefined;
    });
    const store = await connectTo(server);
    for (let round = 0; round < 5; round++) {
      const late = ids(20, `late${round}-`);
      const error = await failureOf(store.batchGetFeatures(late, NAMES, { timeoutMs: 30 }));
      expect(error.code).toBe('PARTIAL_BATCH');
      const next = ids(20, `next${round}-`);
      const read = store.batchGetFeatures(next, NAMES);
      await expect.poll(() => askedFor.slice(-next.length)).toStrictEqual(next);
      for (const say of held.splice(0)) say();
      expect(await read).toStrictEqual(rowsOf(next));
    }
    const asked = server.connections.filter(({ commands }) => commands.length > 0);
    expect(asked).toHaveLength(1); // all of that on one connection
    expect(askedFor.filter((id) => id.startsWith('late'))).not.toHaveLength(0);
  });

  test('nor one of a call that was aborted', async () => {
    const held: (() => void)[] = [];
    const server = await ScriptedServer.start((command, connection) => {
      held.push(() => connection.say(rowOf(idOf(command))));
      return undefined;
    });
    const store = await connectTo(server);
    for (let round = 0; round < 5; round++) {
      const caller = new AbortController();
      const gone = store.getFeatures(`gone${round}`, NAMES, { signal: caller.signal });
      const stays = store.getFeatures(`stays${round}`, NAMES);
      await expect.poll(() => held.length).toBe(2);
      caller.abort();
      expect((await failureOf(gone)).code).toBe('ABORTED');
      for (const say of held.splice(0)) say();
      expect(await stays).toStrictEqual({ f: `stays${round}` });
    }
  });
});

describe('a connection that is lost', () => {
  /** Answers the first rows of the first connection it is asked on, then `lose`s it; later all. */
  function losing(answered: number, lose: (connection: ScriptedConnection) => void): Script {
    let first: ScriptedConnection | undefined;
    return (command, connection) => {
      first ??= connection;
      if (connection !== first) return rowOf(idOf(command));
      if (connection.commands.length <= answered) return rowOf(idOf(command));
      if (connection.commands.length === answered + 1) lose(connection);
      return undefined;
    };
  }

  function requestCounts(server: ScriptedServer): Map<string, number> {
    const counts = new Map<string, number>();
    for (const command of server.commands) {
      counts.set(idOf(command), (counts.get(idOf(command)) ?? 0) + 1);
    }
    return counts;
  }

  test.each([
    ['between two rows', (connection: ScriptedConnection) => connection.socket.end()],
    [
      'by a reset',
      (connection: ScriptedConnection): void => {
        setTimeout(() => connection.socket.resetAndDestroy(), 20);
      },
    ],
    [
      'in the middle of a row',
      (connection: ScriptedConnection) => connection.socket.end('*1\r\n$5\r\nwro'),
    ],
    ['after half a header', (connection: ScriptedConnection) => connection.socket.end('*')],
  ])('%s: what was answered is not asked again, and the rest is', async (_, lose) => {
    const server = await ScriptedServer.start(losing(4, lose));
    const store = await connectTo(server);
    const all = ids(10);
    expect(await store.batchGetFeatures(all, NAMES)).toStrictEqual(rowsOf(all));
    const wanted = all.map((id, i) => [id, i < 4 ? 1 : 2] as const);
    expect([...requestCounts(server)].toSorted()).toStrictEqual([...wanted].toSorted());
  });

  test('between HSET and EXPIRE: the row is written whole again', async () => {
    const script = losing(3, ({ socket }) => socket.end());
    const server = await ScriptedServer.start((command, connection) =>
      script(command, connection) === undefined ? undefined : ':1\r\n',
    );
    const store = await connectTo(server);
    const load = await store.bulkLoad({ a: { f: 1 }, b: { f: 2 }, c: { f: 3 } });
    expect(load).toMatchObject({ loaded: 3, failed: [] });
    const [lost, later] = server.connections.filter(({ commands }) => commands.length > 0);
    const sent = (from: ScriptedConnection | undefined): string[] =>
      (from?.commands ?? []).map((command) => `${command[0]} ${idOf(command)}`);
    expect(sent(lost)).toStrictEqual([
      'HSET a',
      'EXPIRE a',
      'HSET b',
      'EXPIRE b',
      'HSET c',
      'EXPIRE c',
    ]);
    expect(sent(later)).toStrictEqual(['HSET b', 'EXPIRE b', 'HSET c', 'EXPIRE c']);
  });
});

test('a server that answers one byte at a time is understood', async () => {
  const server = await ScriptedServer.start((command, { socket }) => {
    for (const byte of Buffer.from(rowOf(`${idOf(command)} é\r\n`))) socket.write(Buffer.of(byte));
    return undefined;
  });
  const store = await connectTo(server);
  const all = ids(5);
  expect(await store.batchGetFeatures(all, NAMES)).toStrictEqual(
    rowsOf(all.map((id) => `${id} é\r\n`)),
  );
});

describe('a server that talks nonsense', () => {
  test('loses the connection, and the error says what was seen', async () => {
    const server = await ScriptedServer.start(() => 'HTTP/1.1 400 Bad Request\r\n\r\n');
    const store = await connectTo(server);
    const error = await failureOf(store.getFeatures('u1', NAMES, { timeoutMs: 300 }));
    expect(error).toMatchObject({ code: 'TIMEOUT', cause: { code: 'CONNECTION_LOST' } });
    expect(error.message).toContain('not RESP');
    expect(error.message).toContain('HTTP/1.1 400 Bad Request');
    const asked = server.connections.filter(({ commands }) => commands.length > 0);
    expect(asked.length).toBeGreaterThan(1);
    await expect.poll(() => asked.filter(({ socket }) => !socket.destroyed).length).toBe(0);
    server.script = ownRow;
    expect(await store.getFeatures('u2', NAMES)).toStrictEqual({ f: 'u2' });
  });

  // What comes after the nonsense looks like a row, and is none.
  test('gives no row out of what comes after the nonsense', async () => {
    let asked = 0;
    const server = await ScriptedServer.start(
      (command, connection) => {
        if (++asked > 1) return rowOf(idOf(command));
        connection.say('*1\r\n$3\r\n*1\r\n$5\r\nwro'); // no three bytes and CR LF
        setTimeout(() => connection.say('ng\r\n'), 50);
        return undefined;
      },
      { halfOpen: true },
    );
    const store = await connectTo(server);
    expect(await store.getFeatures('u1', NAMES)).toStrictEqual({ f: 'u1' });
  });

  // The lane is given up at once, without waiting for the server to close its side too.
  test('costs a call no more than a lost connection would', async () => {
    let asked = 0;
    const server = await ScriptedServer.start(
      (command) => (++asked === 1 ? 'nonsense\r\n' : rowOf(idOf(command))),
      { halfOpen: true },
    );
    const store = await connectTo(server);
    expect(await store.getFeatures('u1', NAMES, { timeoutMs: 1_000 })).toStrictEqual({ f: 'u1' });
  });

  test.each([
    ['at once', 0],
    ['a while later', 50],
  ])('a reply that nobody asked for, %s, is given to nobody', async (_, afterMs) => {
    const server = await ScriptedServer.start((command, connection) => {
      if (idOf(command) !== 'first') return rowOf(idOf(command));
      if (afterMs === 0) return rowOf('first') + rowOf('wrong');
      setTimeout(() => connection.say(rowOf('wrong')), afterMs);
      return rowOf('first');
    });
    const store = await connectTo(server);
    expect(await store.getFeatures('first', NAMES)).toStrictEqual({ f: 'first' });
    const lane = server.connections.find(({ commands }) => commands.length > 0);
    await expect.poll(() => lane?.socket.destroyed).toBe(true);
    expect(await store.getFeatures('second', NAMES)).toStrictEqual({ f: 'second' });
    expect(lane?.commands).toHaveLength(1);
  });
});

test('pushes before, between and in the middle of the answers of a row change nothing', async () => {
  const push = '>3\r\n$7\r\nmessage\r\n$1\r\nx\r\n*1\r\n:1\r\n';
  const server = await ScriptedServer.start((command) => {
    const answer = command[0] === 'HMGET' ? rowOf(idOf(command)) : ':1\r\n';
    return push + answer + push + push;
  });
  const store = await connectTo(server);
  const all = ids(10);
  expect(await store.batchGetFeatures(all, NAMES)).toStrictEqual(rowsOf(all));
  const rows = all.map((id) => [id, { f: 1 }] as const);
  expect(await store.bulkLoad(rows)).toMatchObject({ loaded: 10, failed: [] });
  expect(server.connections.filter(({ commands }) => commands.length > 0)).toHaveLength(2);
});

describe('a server that accepts and is silent', () => {
  test('ends the call by its deadline, not later', async () => {
    const server = await ScriptedServer.start(() => undefined);
    const store = await connectTo(server);
    server.polite = false;
    for (const call of ['first', 'second']) {
      const startedAtMs = performance.now();
      const error = await failureOf(store.getFeatures(call, NAMES, { timeoutMs: 100 }));
      expect(error.code).toBe('TIMEOUT');
      expect(performance.now() - startedAtMs).toBeLessThan(1_000);
    }
  });

  // A write that its caller was told about, and has repeated since, must not come after the newer
  // one.
  test('does not get the rows of calls that are over when it wakes up', async () => {
    const server = await ScriptedServer.start(ownRow);
    const store = await connectTo(server);
    server.polite = false;
    const over = store.getFeatures('over', NAMES, { timeoutMs: 100 });
    expect((await failureOf(over)).code).toBe('TIMEOUT');
    server.polite = true;
    const next = store.getFeatures('next', NAMES, { timeoutMs: 5_000 });
    server.connections.at(-1)?.say('%0\r\n+OK\r\n+OK\r\n'); // to HELLO, twice to CLIENT SETINFO
    expect(await next).toStrictEqual({ f: 'next' });
    expect(server.commands.map(idOf)).toStrictEqual(['next']);
  });

  // In the greeting as well as later: the next connection may be better.
  test('loses a connection that it does not greet', async () => {
    const server = await ScriptedServer.start(ownRow);
    const store = await connectTo(server);
    server.polite = false;
    const before = server.connections.length;
    const read = store.getFeatures('u1', NAMES, { timeoutMs: 8_000 });
    await expect.poll(() => server.connections.length).toBe(before + 1);
    server.polite = true;
    expect(await read).toStrictEqual({ f: 'u1' });
  });

  test('loses the connection after a while, and is asked again on a new one', async () => {
    let first: ScriptedConnection | undefined;
    const server = await ScriptedServer.start((command, connection) => {
      first ??= connection;
      return connection === first ? undefined : rowOf(idOf(command));
    });
    const store = await connectTo(server);
    expect(await store.getFeatures('u1', NAMES, { timeoutMs: 20_000 })).toStrictEqual({ f: 'u1' });
    expect(first?.commands).toHaveLength(1);
    expect(first?.socket.destroyed).toBe(true);
  });
});

describe('what is sent', () => {
  test('in one tick shares one write', async () => {
    const server = await ScriptedServer.start(ownRow);
    const store = await connectTo(server);
    await store.getFeatures('opens the lane', NAMES);
    const lane = server.connections.find(({ commands }) => commands.length > 0);
    const readsBefore = lane?.reads.length ?? 0;
    const all = ids(50);
    const rows = await Promise.all(all.map((id) => store.getFeatures(id, NAMES)));
    expect(rows).toStrictEqual(rowsOf(all));
    expect(lane?.reads.slice(readsBefore)).toHaveLength(1);
    expect(lane?.commands).toHaveLength(51);
  });

  test('for a batch is one write too', async () => {
    const server = await ScriptedServer.start(ownRow);
    const store = await connectTo(server);
    await store.getFeatures('opens the lane', NAMES);
    const lane = server.connections.find(({ commands }) => commands.length > 0);
    const readsBefore = lane?.reads.length ?? 0;
    const all = ids(200);
    expect(await store.batchGetFeatures(all, NAMES)).toStrictEqual(rowsOf(all));
    expect(lane?.reads.slice(readsBefore)).toHaveLength(1);
  });

  test('is what was written, also where the peer reads it long after', async () => {
    const server = await ScriptedServer.start(([name]) => (name === 'HSET' ? ':0\r\n' : ':1\r\n'));
    const store = await connectTo(server);
    await store.updateBatchFeature('opens the lane', 'f', 1);
    const lane = server.connections.find(({ commands }) => commands.length > 0);
    lane?.socket.pause();
    const all = ids(80);
    const valueOf = (id: string): string => `${id}.`.repeat(50_000);
    const writes: Promise<void>[] = [];
    for (const id of all) {
      writes.push(store.updateBatchFeature(id, 'f', valueOf(id)));
      await nextTurn();
      await nextTurn(); // a write of its own: more of them than the kernel has room for
    }
    lane?.socket.resume();
    await Promise.all(writes);
    const sets = lane?.commands.filter(([name]) => name === 'HSET').slice(1) ?? [];
    expect(sets.map(idOf)).toStrictEqual(all);
    expect(sets.filter((command) => command[3] !== valueOf(idOf(command)))).toStrictEqual([]);
  });

  test('in bulk does not hold up online reads', async () => {
    const held: (() => void)[] = [];
    const server = await ScriptedServer.start((command, connection) => {
      if (command[0] === 'HMGET') return rowOf(idOf(command));
      held.push(() => connection.say(':1\r\n'));
      return undefined;
    });
    const store = await connectTo(server);
    const load = store.bulkLoad(ids(100).map((id) => [id, { f: 1 }] as const));
    await expect.poll(() => held.length).toBe(200);
    const all = ids(20);
    const rows = await Promise.all(all.map((id) => store.getFeatures(id, NAMES)));
    expect(rows).toStrictEqual(rowsOf(all));
    expect(held).toHaveLength(200); // still held
    for (const say of held.splice(0)) say();
    expect(await load).toMatchObject({ loaded: 100, failed: [] });
    const used = server.connections.filter(({ commands }) => commands.length > 0);
    expect(used).toHaveLength(2);
  });
});
