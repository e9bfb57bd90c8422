/**
 * The demo's routes, fuzzed from their own schemas: whatever comes, the reply is JSON with the
 * security headers, never a 5xx, and a refused request changes nothing. 10,000 requests in all, and
 * as many forged origins.
 */

import * as fc from 'fast-check';
import { fastify, type FastifyInstance, type InjectOptions } from 'fastify';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startLocalCluster, type LocalCluster } from '../../rig/local-cluster/local-cluster.ts';
import type { DemoContext } from '../../src/demo/demo-context.ts';
import { addReadRoutes } from '../../src/demo/routes/reads.ts';
import { addStateRoute } from '../../src/demo/routes/state.ts';
import { addWriteRoutes } from '../../src/demo/routes/writes.ts';
import { createDemoServer } from '../../src/demo/server.ts';
import { StreamingWorker } from '../../src/demo/streaming-worker.ts';
import { FeatureStore } from '../../src/index.ts';
import { allowedBy, refusedBy } from './demo-schema.ts';
import { holds } from './hostile-seed.ts';
import { hostileText, hasLoneSurrogate } from './hostile-text.ts';

const CASES = 2_500;
const USERS = 50;
let cluster: LocalCluster;
let store: FeatureStore;
let worker: StreamingWorker;
let server: FastifyInstance;
const logged: string[] = [];

beforeAll(async () => {
  cluster = await startLocalCluster({ portFrom: 14_500, replicasPerPrimary: 0 });
  store = await FeatureStore.connect({ nodes: cluster.urls, keyPrefix: 'demo-fuzz:' });
  const listIds = (): Promise<string[]> => store.listEntityIds(500);
  worker = new StreamingWorker({ store, listIds });
  server = await createDemoServer({ store, worker, log: (line) => logged.push(line) });
  await startAfresh();
});
afterAll(async () => {
  await worker.stop();
  await server.close();
  await store.close();
  await cluster[Symbol.asyncDispose]();
});

async function startAfresh(): Promise<void> {
  await worker.stop();
  await server.inject({ method: 'POST', url: '/reset' });
  await server.inject({ method: 'POST', url: '/bulk-load', payload: { count: USERS } });
}

interface Route {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  /** Of the body or the query; nothing where the route reads neither. */
  readonly schema: object | undefined;
}

/** As the routes register themselves, on a server that nobody asks. */
function routesOf(): Route[] {
  const routes: Route[] = [];
  const recorder = fastify();
  recorder.addHook('onRoute', ({ method, url, schema }) => {
    if (method === 'HEAD') return; // comes with GET
    const given = schema?.body ?? schema?.querystring;
    const parameters = typeof given === 'object' && given !== null ? given : undefined;
    routes.push({ method: method === 'GET' ? 'GET' : 'POST', url, schema: parameters });
  });
  const context = {} as DemoContext;
  addStateRoute(recorder, context);
  addWriteRoutes(recorder, context);
  addReadRoutes(recorder, context);
  return routes;
}

const NO_PARAMETERS = { type: 'object' };
const routes = routesOf();
const withSchema = routes.filter(({ schema }) => schema !== undefined);

interface Reply {
  readonly status: number;
  readonly body: unknown;
}

/** Asks, and checks what every reply must be. */
async function ask(request: InjectOptions): Promise<Reply> {
  const { statusCode, headers, body } = await server.inject(request);
  if (statusCode >= 500) throw new Error(`${statusCode}: ${body.slice(0, 500)}`);
  if (logged.length > 0) throw new Error(`logged: ${logged[0]}`);
  expect(headers['content-security-policy']).toContain("default-src 'none'");
  expect(headers['x-content-type-options']).toBe('nosniff');
  expect(headers['content-type']).toMatch(/^application\/json/);
  if (body.length > 262_144) throw new Error(`a reply of ${body.length} characters`);
  const parsed: unknown = JSON.parse(body);
  const hasError = typeof (parsed as { error?: unknown }).error === 'string';
  expect(hasError).toBe(statusCode >= 400);
  return { status: statusCode, body: parsed };
}

/** The same parameters as JSON, as a form, or in the query. */
function requestOf({ method, url }: Route, parameters: object, asForm: boolean): InjectOptions {
  if (method === 'GET') return { method, url: `${url}?${formOf(parameters)}` };
  if (!asForm) return { method, url, payload: parameters };
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  return { method, url, headers, payload: formOf(parameters) };
}

function formOf(parameters: object): string {
  const pairs = Object.entries(parameters).flatMap(([name, value]: [string, unknown]) =>
    [value].flat().map((item): [string, string] => [name, String(item)]),
  );
  return new URLSearchParams(pairs).toString();
}

test('there is a route for each call of the page', () => {
  expect(routes.map(({ method, url }) => `${method} ${url}`).sort()).toStrictEqual([
    'GET /inspect',
    'GET /state',
    'POST /batch-read',
    'POST /bulk-load',
    'POST /read',
    'POST /reset',
    'POST /worker/toggle',
  ]);
  expect(withSchema).toHaveLength(4);
});

test('what the schema allows is answered, or refused by the store as 400', async () => {
  const cases = fc
    .constantFrom(...routes)
    .chain((route) =>
      fc.tuple(fc.constant(route), allowedBy(route.schema ?? NO_PARAMETERS), fc.boolean()),
    );
  const statuses = new Set<number>();
  await holds(
    fc.asyncProperty(cases, async ([route, parameters, asForm]) => {
      const { status } = await ask(requestOf(route, parameters as object, asForm));
      if (status !== 200 && status !== 400) throw new Error(`status ${status}`);
      statuses.add(status);
    }),
    CASES,
  );
  expect([...statuses].sort()).toStrictEqual([200, 400]);
});

test('what the schema does not allow is 400, and changes nothing', async () => {
  await startAfresh();
  const { batchWritesTotal, streamingWritesTotal } = store.stats();
  const cases = fc
    .constantFrom(...withSchema.filter(({ method }) => method === 'POST'))
    .chain((route) => fc.tuple(fc.constant(route), refusedBy(route.schema ?? NO_PARAMETERS)));
  await holds(
    fc.asyncProperty(cases, async ([route, parameters]) => {
      const { status } = await ask(requestOf(route, parameters as object, false));
      if (status !== 400) throw new Error(`status ${status}`);
    }),
    CASES,
  );
  expect(store.stats()).toMatchObject({ batchWritesTotal, streamingWritesTotal });
  expect(await store.countEntities()).toBe(USERS);
});

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;
const types = fc.oneof(
  fc.constantFrom(
    'application/json',
    'application/x-www-form-urlencoded',
    'text/plain',
    'text/html',
    '',
    'application/json; charset=utf-16',
    'multipart/form-data; boundary=x',
    ';;;',
    'a/b',
  ),
  hostileText.map((text) =>
    text
      .replaceAll(/[^\x20-\x7E]/g, '')
      .trim()
      .slice(0, 200),
  ),
);
const bodies = fc.oneof(
  hostileText,
  fc.json(),
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  fc.constantFrom(
    '',
    '{',
    '[',
    'null',
    '1',
    '"',
    '{"a":',
    '{"count":1e999}',
    '{"count":1,"count":"x"}',
    '{"__proto__":{"user":"u0001"}}',
    '{"constructor":{"prototype":{"user":"u0001"}}}',
    '&=&',
    '%',
    '%zz=%',
    'user=%00',
    'user[]=a',
    'user[a]=b',
    '__proto__=1',
    '['.repeat(9_999),
    '[1,'.repeat(30_000),
    'user=a&'.repeat(20_000),
    `{"user":"${'x'.repeat(70_000)}"}`,
  ),
);
const paths = fc.oneof(
  fc.constantFrom(...routes.map(({ url }) => url)),
  hostileText.map((text) => `/${encodeURIComponent(text.toWellFormed()).slice(0, 4_000)}`),
  fc
    .tuple(fc.constantFrom(...routes.map(({ url }) => url)), hostileText)
    .map(([url, text]) => `${url}?user=${encodeURIComponent(text.toWellFormed())}&${escape(text)}`),
  fc.constantFrom(
    '//evil.example/',
    '/..%2f..%2fetc%2fpasswd',
    '/%zz',
    '/%ff',
    '/STATE',
    '/state/',
  ),
);

test('any method, path, type and body is answered below 500', async () => {
  const property = fc.asyncProperty(
    fc.constantFrom(...methods),
    paths,
    types,
    bodies,
    async (method, url, type, payload) => {
      const headers = { 'content-type': type };
      const hasBody = method !== 'GET' && method !== 'HEAD';
      const { statusCode, body } = await server.inject({
        method,
        url,
        ...(hasBody ? { headers, payload } : {}),
      });
      if (statusCode >= 500 || logged.length > 0)
        throw new Error(`${statusCode} ${body} ${logged[0]}`);
    },
  );
  await expect(holds(property, CASES)).resolves.toBeUndefined();
  expect((await ask({ url: '/state' })).status).toBe(200);
});

test('what is stored is sent as data, whatever it holds: never a type that a browser runs', async () => {
  const cases = fc.record({
    id: hostileText.filter((text) => text.trim() !== '' && text.trim() === text),
    text: hostileText.filter((value) => !hasLoneSurrogate(value)),
  });
  let asked = 0;
  const html = '<script>alert(1)</script><img src=x onerror=alert(2)>';
  await holds(
    fc.asyncProperty(cases, async ({ id, text }) => {
      const value = html + text;
      const written = await store.updateBatchFeature(id, 'note', value).then(
        () => true,
        () => false,
      );
      const read = await ask({
        method: 'POST',
        url: '/read',
        payload: { user: id, field: 'note' },
      });
      const isFine = written && [...id].length <= 1_024; // as JSON schema counts
      expect(read.status).toBe(isFine ? 200 : 400);
      if (!isFine) return;
      asked++;
      expect(read.body).toMatchObject({ values: { note: value } });
      const inspected = await ask({ url: `/inspect?${new URLSearchParams({ user: id })}` });
      const { fields } = inspected.body as { fields: { name: string; value: string }[] };
      expect(fields.find(({ name }) => name === 'note')?.value).toBe(value);
    }),
    CASES,
  );
  expect(asked).toBeGreaterThan(CASES / 4);
  await store.reset();
});

const names = fc.oneof(
  fc.constantFrom('evil.example', 'localhost.evil.example', '127.0.0.1.evil.example', 'LOCALHOST.'),
  fc.constantFrom('127.0.0.1@evil.example', 'evil.example#127.0.0.1', 'evil.example:80', ':80'),
  fc.domain(),
  hostileText.map((text) => text.replaceAll(/[^\x21-\x7E]/g, '').slice(0, 200)),
);

/** By the rule, not by the code: this machine's names only. */
function isOwn(host: string): boolean {
  const url = URL.canParse(`http://${host}`) ? new URL(`http://${host}`) : undefined;
  const name = url?.hostname.replaceAll(/^\[|\]$/g, '') ?? '';
  return name === 'localhost' || /^\d+\.\d+\.\d+\.\d+$/.test(name) || name.includes(':');
}

test('a write for another Host, from another origin or site is refused, and changes nothing', async () => {
  await startAfresh();
  const { batchWritesTotal } = store.stats();
  const posts = routes.filter(({ method }) => method === 'POST').map(({ url }) => url);
  const foreign = fc.oneof(
    names.filter((name) => name !== '' && !isOwn(name)).map((host) => ({ host })),
    fc
      .tuple(fc.constantFrom('http', 'https', 'chrome-extension', 'file', 'ws'), names)
      .map(([scheme, name]) => ({ origin: `${scheme}://${name}` })),
    fc
      .constantFrom('null', '', 'http://localhost:81', 'http://127.0.0.1:80', 'file://')
      .map((origin) => ({
        origin,
      })),
    fc.constantFrom('cross-site', 'same-site', 'x', '', 'same-origin, cross-site').map((site) => ({
      'sec-fetch-site': site,
    })),
  );
  await holds(
    fc.asyncProperty(fc.constantFrom(...posts), foreign, async (url, headers) => {
      const { status } = await ask({ method: 'POST', url, headers });
      if (status !== 403) throw new Error(`status ${status}`);
    }),
    10_000,
  );
  expect(worker.state).toBe('stopped');
  expect(store.stats()).toMatchObject({ batchWritesTotal });
  expect(await store.countEntities()).toBe(USERS);
});
