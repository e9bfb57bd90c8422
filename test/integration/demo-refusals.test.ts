import { describe, expect, inject, test } from 'vitest';
import { createDemoServer } from '../../src/demo/server.ts';
import { FeatureStore } from '../../src/index.ts';
import { demoFixture } from './demo-fixture.ts';

const KEY_PREFIX = 'test:demo-refusals:';
const demo = demoFixture(KEY_PREFIX);

describe('the page', () => {
  test.each(['/', '/index.html'])('GET %s', async (url) => {
    const { status, headers, body } = await demo.call('GET', url);
    expect([status, headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
    expect(body).toContain('<h1>');
  });

  test.each([
    ['/app.js', /^(text|application)\/javascript/],
    ['/panels/read-panel.js', /^(text|application)\/javascript/],
    ['/style.css', /^text\/css/],
    ['/controls.css', /^text\/css/],
    ['/tables.css', /^text\/css/],
    ['/narrow.css', /^text\/css/],
    ['/icon.svg', /^image\/svg/],
  ])('GET %s', async (url, type) => {
    const { status, headers } = await demo.call('GET', url);
    expect([status, headers['content-type']]).toEqual([200, expect.stringMatching(type)]);
  });

  test.each(['/../server.ts', '/%2e%2e/server.ts', '/..%2fserver.ts', '/panels/'])(
    'nothing else is served: %s',
    async (url) => {
      expect((await demo.call('GET', url)).status).toBe(404);
    },
  );
});

describe('what is refused', () => {
  test('a path that is not there', async () => {
    const { status, body } = await demo.call('GET', '/nothing?user=1');
    expect([status, body]).toEqual([404, { error: 'no such path: /nothing' }]);
  });

  test.each([
    ['PUT', '/state', 'GET, HEAD'],
    ['POST', '/', 'GET, HEAD'],
    ['GET', '/reset', 'POST'],
    ['DELETE', '/read?user=u0001', 'POST'],
    ['OPTIONS', '/bulk-load', 'POST'],
  ] as const)('%s %s, with what is allowed', async (method, url, allow) => {
    const { status, headers, body } = await demo.call(method, url);
    expect([status, headers['allow']]).toEqual([405, allow]);
    expect(body).toEqual({ error: `${method} is not allowed here; use ${allow}` });
  });

  test('a path that cannot be read', async () => {
    const { status, body } = await demo.call('GET', '/%zz');
    expect([status, body]).toEqual([400, { error: expect.any(String) }]);
  });

  test('JSON that cannot be read', async () => {
    const { status, body } = await demo.call('POST', '/reset', '{"a":', {
      'content-type': 'application/json',
    });
    expect([status, body]).toEqual([400, { error: expect.any(String) }]);
    await expect(demo.store.countEntities()).resolves.toBe(50);
  });

  test.each(['text/plain', 'multipart/form-data; boundary=x', 'application/xml'])(
    'a body of type %s',
    async (type) => {
      const { status, body } = await demo.call('POST', '/reset', 'x=1', { 'content-type': type });
      expect([status, body]).toEqual([415, { error: expect.any(String) }]);
      await expect(demo.store.countEntities()).resolves.toBe(50);
    },
  );

  test('a body that is too long', async () => {
    const { status, body } = await demo.call('POST', '/read', `user=${'u'.repeat(70_000)}`);
    expect([status, body]).toEqual([413, { error: expect.any(String) }]);
  });

  test.each([
    ['a rebound name', 'GET', { host: 'evil.example' }],
    ['another origin', 'POST', { origin: 'https://evil.example' }],
    ['another site', 'POST', { 'sec-fetch-site': 'cross-site' }],
  ] as const)('a request from %s', async (_, method, headers) => {
    const url = method === 'GET' ? '/state' : '/reset';
    const { status, body } = await demo.call(method, url, undefined, headers);
    expect([status, body]).toEqual([403, { error: expect.any(String) }]);
    await expect(demo.store.countEntities()).resolves.toBe(50);
  });

  test('every reply says what a browser may do with it', async () => {
    for (const url of ['/', '/state', '/nothing']) {
      const { headers } = await demo.call('GET', url);
      expect(headers['x-content-type-options']).toBe('nosniff');
      expect(headers['content-security-policy']).toContain("default-src 'none'; script-src 'self'");
      expect(headers['content-security-policy']).not.toContain('unsafe');
    }
  });
});

test('an error on our side is reported without its inside, and logged', async () => {
  const closed = await FeatureStore.connect({
    nodes: inject('clusterNodes'),
    keyPrefix: KEY_PREFIX,
  });
  await closed.close();
  const other = await createDemoServer({
    store: closed,
    worker: demo.worker,
    log: (line) => demo.logged.push(line),
  });
  const reply = await other.inject('/inspect?user=u0001');
  expect(reply.statusCode).toBe(500);
  expect(reply.json()).toEqual({
    error: 'Redis refused the request (CLOSED); the log of the server has the reason',
  });
  expect(demo.logged).toEqual([expect.stringMatching(/^GET \/inspect failed: /)]);
  await other.close();
});

test('it listens, too', async () => {
  const url = await demo.server.listen({ host: '127.0.0.1', port: 0 });
  const state = await fetch(`${url}/state`);
  expect(await state.json()).toMatchObject({ entity_count: 50 });
  const read = await fetch(`${url}/read`, {
    method: 'POST',
    headers: { origin: url },
    body: new URLSearchParams([
      ['user', 'u0001'],
      ['field', 'risk_segment'],
    ]),
  });
  expect(await read.json()).toMatchObject({ returned_count: 1 });
  const foreign = await fetch(`${url}/reset`, {
    method: 'POST',
    headers: { origin: 'http://evil.example' },
  });
  expect(foreign.status).toBe(403);
});
