/**
 * The demo's server on a real socket, with clients that never end what they began, say nothing,
 * send too much, or are many: it answers or cuts them off, holds little, and ends when it is told
 * to.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Agent, get } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { startLocalCluster, type LocalCluster } from '../../rig/local-cluster/local-cluster.ts';
import { waitUntil } from '../../rig/local-cluster/wait-until.ts';
import { createDemoServer } from '../../src/demo/server.ts';
import { StreamingWorker } from '../../src/demo/streaming-worker.ts';
import { FeatureStore } from '../../src/index.ts';

const MAIN = fileURLToPath(new URL('../../src/demo/main.ts', import.meta.url));
const ARRIVAL_TIMEOUT_MS = 500;
const USERS = 500;
const HOST = 'Host: 127.0.0.1\r\n';
const JSON_TYPE = 'Content-Type: application/json\r\n';
let cluster: LocalCluster;
let store: FeatureStore;
let worker: StreamingWorker;
let server: FastifyInstance;
let port: number;
const logged: string[] = [];

beforeAll(async () => {
  cluster = await startLocalCluster({ portFrom: 14_600, replicasPerPrimary: 0 });
  store = await FeatureStore.connect({ nodes: cluster.urls, keyPrefix: 'demo-open:' });
  worker = new StreamingWorker({ store, listIds: () => store.listEntityIds(500) });
  const log = (line: string): void => void logged.push(line);
  server = await createDemoServer({ store, worker, log, arrivalTimeoutMs: ARRIVAL_TIMEOUT_MS });
  await server.listen({ host: '127.0.0.1', port: 0 });
  ({ port } = server.server.address() as AddressInfo); // it listens on TCP
  await server.inject({ method: 'POST', url: '/bulk-load', payload: { count: USERS } });
});
afterAll(async () => {
  server.server.closeAllConnections();
  await server.close();
  await store.close();
  await cluster[Symbol.asyncDispose]();
});

interface Client {
  readonly socket: Socket;
  received: string;
  readonly closed: Promise<void>;
}

async function open(to = port): Promise<Client> {
  const socket = connect(to, '127.0.0.1');
  const closed = new Promise<void>((resolve) => void socket.once('close', () => resolve()));
  const client: Client = { socket, received: '', closed };
  socket.setEncoding('latin1').on('data', (text) => void (client.received += String(text)));
  socket.on('error', () => undefined); // cut off in the middle of a write
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  return client;
}

/** Sends the text again and again, until the server answers or closes the connection. */
async function pour(client: Client, text: string, most: number): Promise<number> {
  let sent = 0;
  while (!client.socket.destroyed && client.received === '' && sent < most) {
    const isFlushed = new Promise<void>(
      (resolve) => void client.socket.write(text, () => resolve()),
    );
    sent += text.length;
    await Promise.race([isFlushed, client.closed]);
    await nextTurn();
  }
  return sent;
}

function post(path: string, headers: string, body = ''): string {
  return `POST ${path} HTTP/1.1\r\n${HOST}${headers}\r\n${body}`;
}

/** Whether they are there, and nobody deletes them any more. */
async function loadUsers(): Promise<boolean> {
  const load = { method: 'POST', body: new URLSearchParams({ count: String(USERS) }) };
  const reply = await fetch(`http://127.0.0.1:${port}/bulk-load`, load);
  return reply.ok && (await store.countEntities()) === USERS;
}

async function isWell(): Promise<void> {
  const reply = await fetch(`http://127.0.0.1:${port}/state`);
  expect(reply.status).toBe(200);
  expect(await reply.json()).toMatchObject({ entity_count: USERS });
  expect(logged).toStrictEqual([]);
}

test.each([
  ['nothing at all', ''],
  ['a head that never ends', `GET /state HTTP/1.1\r\n${HOST}X: `],
  ['a body that never ends', post('/read', `${JSON_TYPE}Content-Length: 100\r\n`, '{')],
  [
    'a chunk that never ends',
    post('/read', `${JSON_TYPE}Transfer-Encoding: chunked\r\n`, 'fff\r\n{'),
  ],
])('%s is cut off in time, though a byte comes now and then', async (_, text) => {
  const client = await open();
  client.socket.write(text);
  const drip = setInterval(() => client.socket.write(text === '' ? '' : 'x'), 50);
  onTestFinished(() => clearInterval(drip));
  const startedAtMs = performance.now();
  await client.closed;
  expect(performance.now() - startedAtMs).toBeLessThan(10 * ARRIVAL_TIMEOUT_MS);
  expect(client.received).toMatch(/^HTTP\/1\.1 408 /);
  await isWell();
});

test.each([
  [
    'a length that is too large',
    `${JSON_TYPE}Content-Length: 9999999999999\r\n`,
    /^HTTP\/1\.1 413 /,
  ],
  ['chunks without an end', `${JSON_TYPE}Transfer-Encoding: chunked\r\n`, /^$|^HTTP\/1\.1 413 /],
  ['a head without an end', 'X: ', /^$|^HTTP\/1\.1 431 /],
])('%s: refused before much of it has come', async (_, headers, answer) => {
  const client = await open();
  const head = post('/read', headers).slice(0, headers.endsWith('\n') ? undefined : -2);
  client.socket.write(head);
  const chunk = headers.includes('chunked')
    ? `2000\r\n${'x'.repeat(8_192)}\r\n`
    : 'x'.repeat(8_192);
  const most = 64 * 1_048_576;
  expect(await pour(client, chunk, most)).toBeLessThan(most);
  await client.closed;
  expect(client.received).toMatch(answer); // a reset can overtake the answer
  await isWell();
});

test.each([
  [
    'a body that is cut off',
    post('/bulk-load', `${JSON_TYPE}Content-Length: 100\r\n`, '{"count"'),
    '400',
  ],
  ['a head that is cut off', 'POST /reset HTT', '400'],
  ['TLS', '\u0016\u0003\u0001\0\0', '400'],
  ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', '400'],
  ['no Host', 'GET /state HTTP/1.1\r\n\r\n', '400'],
  ['no Host in HTTP/1.0', 'POST /reset HTTP/1.0\r\n\r\n', '403'],
  ['an empty Host', 'POST /reset HTTP/1.1\r\nHost:\r\nContent-Length: 0\r\n\r\n', '403'],
  [
    'two Hosts',
    `POST /reset HTTP/1.1\r\nHost: evil.example\r\n${HOST}Content-Length: 0\r\n\r\n`,
    '403',
  ],
  [
    'two origins',
    post('/reset', 'Origin: http://127.0.0.1\r\nOrigin: http://evil.example\r\n'),
    '403',
  ],
  [
    'two lengths',
    post('/reset', 'Content-Length: 0\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'),
    '400',
  ],
  ['a negative length', post('/reset', 'Content-Length: -1\r\n'), '400'],
  [
    'a chunk that is none',
    post('/reset', `${JSON_TYPE}Transfer-Encoding: chunked\r\n`, 'zz\r\n'),
    '400',
  ],
  ['a method that is none', `BREW /reset HTTP/1.1\r\n${HOST}\r\n`, '400'],
  ['a tunnel', `CONNECT 127.0.0.1:6379 HTTP/1.1\r\n${HOST}\r\n`, ''],
  ['Redis commands', 'FLUSHALL\r\nSHUTDOWN\r\n', '400'],
  ['an expectation', post('/reset', 'Expect: 200-maybe\r\nContent-Length: 0\r\n'), '417'],
])('%s: nothing is written, and the server goes on', async (_, text, status) => {
  const client = await open();
  client.socket.end(text, 'latin1');
  await client.closed;
  expect(client.received.slice('HTTP/1.1 '.length, 'HTTP/1.1 200'.length)).toBe(status);
  await isWell();
});

test('a client that asks and asks without waiting gets an error that says so, and leaves nothing behind', async () => {
  const client = await open();
  client.socket.write(post('/reset', 'Content-Length: 0\r\n').repeat(1_000));
  await waitUntil(async () => client.received.includes('HTTP/1.1 429 '), {
    what: 'a reply that says it is too much',
    timeoutMs: 20_000,
  });
  client.socket.destroy();
  const gone = await open();
  gone.socket.write(post('/reset', 'Content-Length: 0\r\n').repeat(400));
  await waitUntil(async () => gone.received.includes('HTTP/1.1 200 '), {
    what: 'the first of four hundred replies',
    timeoutMs: 20_000,
  });
  gone.socket.destroy();
  await waitUntil(loadUsers, { what: 'room for others', timeoutMs: 20_000 });
  expect(client.received).toContain('HTTP/1.1 200 ');
  await isWell();
});

/** Connections that all nodes have, but those of the asking itself. */
async function redisConnections(): Promise<number> {
  const lists = await Promise.all(cluster.nodes.map((node) => node.call('CLIENT', 'LIST')));
  return lists.reduce<number>((sum, list) => sum + String(list).trim().split('\n').length - 1, 0);
}

test('a hundred pages that poll: no more connections to Redis, little memory, and every reply is right', async () => {
  const PAGES = 100;
  const POLLS = 15;
  const agent = new Agent({ keepAlive: true, maxSockets: 2 * PAGES });
  onTestFinished(() => agent.destroy());
  const statuses = new Map<number, number>();
  const poll = (path: string): Promise<void> =>
    new Promise((resolve, reject) => {
      get({ host: '127.0.0.1', port, path, agent }, (reply) => {
        const status = reply.statusCode ?? 0;
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        reply.resume().on('end', resolve).on('error', reject);
      }).on('error', reject);
    });
  const round = async (): Promise<void> => {
    await Promise.all(
      Array.from({ length: PAGES }, () =>
        Promise.all([poll('/state'), poll('/inspect?user=u0001')]),
      ),
    );
  };
  await round();
  // One for each purpose and node: reads have theirs since the first page has read.
  const connections = await redisConnections();
  const { heapUsed } = process.memoryUsage();
  const pagesOfAPass = await scansOf(async () => {
    await store.getFeatures('u0001', ['risk_segment']); // so that pages are as small as beside reads
    await store.countEntities();
  });
  const scansBefore = await scansServed();
  const startedAtMs = performance.now();
  for (let count = 1; count < POLLS; count++) await round();
  const seconds = (performance.now() - startedAtMs) / 1_000;
  expect(statuses).toStrictEqual(new Map([[200, 2 * PAGES * POLLS]]));
  expect(await redisConnections()).toBeLessThanOrEqual(connections);
  expect(process.memoryUsage().heapUsed - heapUsed).toBeLessThan(150 * 1_048_576);
  // One pass over the three nodes serves all pages for a second.
  const pagesAllowed = pagesOfAPass * (Math.ceil(seconds) + 1);
  expect((await scansServed()) - scansBefore).toBeLessThanOrEqual(pagesAllowed);
  await isWell();
});

async function scansOf(call: () => Promise<unknown>): Promise<number> {
  const before = await scansServed();
  await call();
  return (await scansServed()) - before;
}

async function scansServed(): Promise<number> {
  const stats = await Promise.all(cluster.nodes.map((node) => node.call('INFO', 'commandstats')));
  return stats.reduce<number>((sum, text) => {
    return sum + Number(/^cmdstat_scan:calls=(\d+)/m.exec(String(text))?.[1] ?? 0);
  }, 0);
}

test('SIGTERM ends it also while clients are silent, slow or kept alive', async () => {
  const flags = ['--nodes', cluster.urls.join(','), '--key-prefix', 'demo-term:', '--port', '0'];
  const child = spawn(process.execPath, ['--import', 'tsx', MAIN, ...flags, '--seed-users', '20'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let [out, err] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => void (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => void (err += text));
  const ended = once(child, 'close');
  const found = await waitUntil(async () => /Open http:\/\/127\.0\.0\.1:(\d+)/.exec(out)?.[1], {
    what: 'the demo listens',
    timeoutMs: 30_000,
  });
  const clients = await Promise.all([1, 2, 3, 4].map(() => open(Number(found))));
  const [, slowHead, slowBody, keptAlive] = clients; // the first says nothing, as browsers do ahead of time
  slowHead?.socket.write(`GET /state HTTP/1.1\r\n${HOST}X: `);
  slowBody?.socket.write(post('/read', `${JSON_TYPE}Content-Length: 100\r\n`, '{'));
  keptAlive?.socket.write(`GET /state HTTP/1.1\r\n${HOST}\r\n`);
  await waitUntil(async () => keptAlive?.received.includes('200 OK'), {
    what: 'the reply to the connection that stays',
    timeoutMs: 10_000,
  });
  const startedAtMs = performance.now();
  child.kill('SIGTERM');
  expect(await ended).toStrictEqual([0, null]);
  expect(performance.now() - startedAtMs).toBeLessThan(5_000);
  expect([out, err]).toStrictEqual([expect.stringMatching(/Stopped\.\n$/), '']);
  await Promise.all(clients.map(({ closed }) => closed));
});
