/**
 * How much of bulk work is under way on a lane: alone, beside online reads, on a long link; and of
 * online reads.
 */

import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { once } from 'node:events';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { type BulkPaces, defaultLimits } from '../../src/cluster/limits.ts';
import { FeatureStore } from '../../src/index.ts';
import { nextTurn } from '../../src/runtime/slices.ts';
import {
  answerAtOnce,
  keyOf,
  keysOf,
  ONLINE,
  open,
  read,
  rowOf,
  startOnlineReads,
  TextRows,
  timesAsked,
} from './bulk-rows.ts';
import { ScriptedServer, type Script } from './scripted-server.ts';

const rowsPerChunk = 500;
const bulkPaces: BulkPaces = {
  alone: {
    rowsPerTurn: 256,
    rowsPerWrite: 100,
    keysPerPage: 100,
    pagePauseMs: 0,
    chunksInFlight: 3,
  },
  besideOnlineReads: {
    rowsPerTurn: 16,
    rowsPerWrite: 7,
    keysPerPage: 7,
    pagePauseMs: 1,
    chunksInFlight: 2,
  },
  linkMs: 60_000, // no link is a long one
  quietMs: 1_000,
};
const { alone, besideOnlineReads, quietMs } = bulkPaces;

/** What a server has to do, each time it is asked for a row. */
interface Load {
  readonly atMs: number;
  readonly row: number;
  /** Chunks of which rows were asked for, and not all are answered. */
  readonly chunkCount: number;
  /** Rows of this row's chunk that are not answered. */
  readonly rowCount: number;
  readonly beginsChunk: boolean;
}

/** Answers what it has of a chunk a few ms after the first of it. */
function watching(loads: Load[]): Script {
  const chunks = new Map<number, { held: string[]; answeredCount: number }>();
  return (command, connection) => {
    if (keyOf(command) === ONLINE) return rowOf(ONLINE);
    const row = Number(keyOf(command).slice(1));
    const number = Math.floor(row / rowsPerChunk);
    const known = chunks.get(number);
    const chunk = known ?? { held: [], answeredCount: 0 };
    chunks.set(number, chunk);
    chunk.held.push(rowOf(keyOf(command)));
    if (chunk.held.length === 1) {
      setTimeout(() => {
        connection.say(chunk.held.join(''));
        chunk.answeredCount += chunk.held.length;
        chunk.held = [];
        if (chunk.answeredCount === rowsPerChunk) chunks.delete(number);
      }, 3);
    }
    const [chunkCount, rowCount] = [chunks.size, chunk.held.length];
    loads.push({ atMs: performance.now(), row, chunkCount, rowCount, beginsChunk: !known });
    return undefined;
  };
}

const mostChunks = (loads: readonly Load[]): number =>
  Math.max(...loads.map(({ chunkCount }) => chunkCount));
const mostRows = (loads: readonly Load[]): number =>
  Math.max(...loads.map(({ rowCount }) => rowCount));

describe('under way on a lane', () => {
  test.each([
    ['alone', alone],
    ['beside online reads', besideOnlineReads],
  ])('%s: so many chunks, a part of each, and no more', async (name, pace) => {
    const loads: Load[] = [];
    const server = await ScriptedServer.start(watching(loads));
    const connection = await open([server], { bulkPaces, rowsPerChunk });
    if (name !== 'alone') await startOnlineReads(connection);
    const rows = new TextRows(keysOf(4 * rowsPerChunk));
    expect((await read(connection, rows)).answers).toStrictEqual(rows.texts);
    expect(loads).toHaveLength(rows.keys.count);
    expect(mostChunks(loads)).toBe(pace.chunksInFlight);
    expect(mostRows(loads)).toBe(pace.rowsPerWrite);
  });

  test('becomes less with the first online read: small parts, and no chunk begins above the limit', async () => {
    const loads: Load[] = [];
    const server = await ScriptedServer.start(watching(loads));
    const connection = await open([server], { bulkPaces, rowsPerChunk });
    const rows = new TextRows(keysOf(10 * rowsPerChunk));
    const sentAtMs: number[] = [];
    rows.onSent = (row) => {
      sentAtMs[row] = performance.now();
    };
    const reading = read(connection, rows);
    const underWay = { timeout: 5_000, interval: 1 };
    await expect.poll(() => loads.length, underWay).toBeGreaterThan(600); // all are routed by then
    expect(mostChunks(loads)).toBe(alone.chunksInFlight);
    await startOnlineReads(connection);
    const beginMs = performance.now();
    expect((await reading).answers).toStrictEqual(rows.texts);
    const beside = loads.filter(({ row }) => (sentAtMs[row] ?? 0) > beginMs);
    expect(beside.length).toBeGreaterThan(2 * rowsPerChunk);
    expect(mostRows(beside)).toBe(besideOnlineReads.rowsPerWrite);
    const begun = beside.filter(({ beginsChunk }) => beginsChunk);
    expect(mostChunks(begun)).toBe(besideOnlineReads.chunksInFlight);
  });

  test('is all again when there was no online read for long enough, and not before', async () => {
    const loads: Load[] = [];
    const server = await ScriptedServer.start(watching(loads));
    const connection = await open([server], { bulkPaces, rowsPerChunk });
    const online = new TextRows([ONLINE]);
    let lastOnlineMs = performance.now();
    await read(connection, online, { purpose: 'online' });
    const rows = new TextRows(keysOf(20 * rowsPerChunk));
    const reading = read(connection, rows);
    for (let count = 0; count < 50; count++) {
      await nextTurn();
      lastOnlineMs = performance.now();
      await read(connection, online, { purpose: 'online' });
    }
    expect((await reading).answers).toStrictEqual(rows.texts);
    const before = loads.filter(({ atMs }) => atMs < lastOnlineMs + quietMs);
    expect(mostRows(before)).toBe(besideOnlineReads.rowsPerWrite);
    expect(mostChunks(before)).toBe(besideOnlineReads.chunksInFlight);
    expect(mostRows(loads)).toBe(alone.rowsPerWrite);
    expect(mostChunks(loads)).toBe(alone.chunksInFlight);
  });
});

/**
 * A path to a server on 127.0.0.1 that takes its time, both ways. Gives its port; ends with the
 * test.
 */
async function longLinkTo(port: number, roundTripMs: number): Promise<number> {
  const sockets = new Set<Socket>();
  const link = createServer((client) => {
    const server = connect(port, '127.0.0.1');
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      sockets.add(from);
      from.setNoDelay(true);
      from.on('error', () => undefined);
      from.on('data', (chunk) => setTimeout(() => to.write(chunk), roundTripMs / 2));
      from.once('close', () => to.destroy());
    }
  });
  link.listen(0, '127.0.0.1');
  await once(link, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    link.close();
  });
  return (link.address() as AddressInfo).port;
}

describe('on a link with a round trip of 10 ms', () => {
  const roundTripMs = 10;

  async function connectFar(): Promise<FeatureStore> {
    const port = await longLinkTo(Number(new URL(inject('standaloneUrl')).port), roundTripMs);
    const nodes = [`redis://127.0.0.1:${port}`];
    const store = await FeatureStore.connect({ nodes, keyPrefix: 'long-link:', warmUp: true });
    onTestFinished(() => store.close());
    return store;
  }

  /**
   * Reads that follow each other until they are stopped; then it resolves once the lane is quiet.
   */
  function readOnline(store: FeatureStore): () => Promise<void> {
    const over = new AbortController();
    const reads = (async (): Promise<number> => {
      while (!over.signal.aborted) await store.getFeatures('u1', ['f']);
      return performance.now();
    })();
    return async () => {
      over.abort();
      const untilMs = await reads;
      const quietForMs = (): number => performance.now() - untilMs;
      await expect.poll(quietForMs).toBeGreaterThan(defaultLimits.bulkPaces.quietMs);
    };
  }

  test('parts are as large beside online reads as they are alone: there are only not four at a time', async () => {
    const store = await connectFar();
    const ids = keysOf(20_000);
    const partsOfARead = async (): Promise<number[]> => {
      const parts: number[] = [];
      await store.batchGetFeatures(ids, ['f'], {
        onPipeline: ({ keyCount }) => parts.push(keyCount),
      });
      return parts;
    };
    const partsAlone = await partsOfARead();
    const stop = readOnline(store);
    expect(await partsOfARead()).toStrictEqual(partsAlone);
    await stop();
  });

  test('a bulk read takes no more than four times what it takes alone', async () => {
    const store = await connectFar();
    const ids = keysOf(1_500); // three chunks: three round trips instead of one
    await store.bulkLoad(ids.map((id) => [id, { f: id }] as const));
    const bulkReadMs = async (): Promise<number> => {
      const startedAtMs = performance.now();
      const rows = await store.batchGetFeatures(ids, ['f']);
      const elapsedMs = performance.now() - startedAtMs;
      expect(rows).toStrictEqual(ids.map((f) => ({ f })));
      return elapsedMs;
    };
    const [aloneMs, besideMs]: [number[], number[]] = [[], []];
    for (let round = 0; round < 10; round++) {
      aloneMs.push(await bulkReadMs());
      const stop = readOnline(store);
      besideMs.push(await bulkReadMs());
      await stop();
    }
    // The quickest of each: what else the machine does only adds to it.
    expect(Math.min(...besideMs)).toBeLessThan(4 * Math.min(...aloneMs));
    expect(Math.min(...besideMs)).toBeGreaterThan(2 * roundTripMs); // it was beside them
  });
});

describe('more online reads than may be under way on a lane', () => {
  const CROWD = 1_024;
  /** Those that have queued go out so many at a time. */
  const QUEUED_AT_ONCE = 4;
  const keyPrefix = 'crowd:';

  test.each([
    ['open', true],
    ['not open yet', false],
  ])('wait for their turn, and are all answered: the lane is %s', async (_, warmUp) => {
    let held: (() => void)[] = [];
    const server = await ScriptedServer.start((command, from) => {
      held.push(() => from.say(rowOf(keyOf(command))));
      return undefined;
    });
    const store = await FeatureStore.connect({ nodes: [server.url], keyPrefix, warmUp });
    onTestFinished(() => store.close());
    const ids = keysOf(3_000);
    const reads = Promise.all(ids.map((id) => store.getFeatures(id, ['f'])));
    await expect.poll(() => held.length).toBe(CROWD + QUEUED_AT_ONCE);
    for (let turn = 0; turn < 10; turn++) await nextTurn();
    expect(held).toHaveLength(CROWD + QUEUED_AT_ONCE);
    server.script = answerAtOnce;
    for (const say of held) say();
    held = [];
    expect(await reads).toStrictEqual(ids.map((id) => ({ f: keyPrefix + id })));
    const wanted = ids.map((id) => [keyPrefix + id, 1]);
    expect([...timesAsked(server.connections)]).toStrictEqual(wanted);
  });

  test('are not sent any more when their deadline passes in the queue', async () => {
    const held: (() => void)[] = [];
    const server = await ScriptedServer.start((command, from) => {
      held.push(() => from.say(rowOf(keyOf(command))));
      return undefined;
    });
    const store = await FeatureStore.connect({ nodes: [server.url], keyPrefix, warmUp: true });
    onTestFinished(() => store.close());
    const ids = keysOf(2_000);
    const reads = await Promise.allSettled(
      ids.map((id) => store.getFeatures(id, ['f'], { timeoutMs: 200 })),
    );
    expect(reads.every(({ status }) => status === 'rejected')).toBe(true);
    server.script = answerAtOnce;
    for (const say of held) say();
    expect(await store.getFeatures('next', ['f'])).toStrictEqual({ f: `${keyPrefix}next` });
    const sent = [...timesAsked(server.connections).keys()];
    expect(sent).toStrictEqual(
      [...ids.slice(0, CROWD + QUEUED_AT_ONCE), 'next'].map((id) => keyPrefix + id),
    );
  });
});
