/** A demo server on the shared cluster, asked without a network. */

import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, beforeEach, inject } from 'vitest';
import { StreamingWorker } from '../../src/demo/streaming-worker.ts';
import { createDemoServer } from '../../src/demo/server.ts';
import { FeatureStore } from '../../src/index.ts';

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: unknown;
}

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE' | 'PATCH' | 'OPTIONS' | 'HEAD';

/** What the tests of a file share; there from `beforeAll` on. */
export interface DemoFixture {
  store: FeatureStore;
  worker: StreamingWorker;
  server: FastifyInstance;
  /** The worker's listing waits for it. */
  listing: Promise<void> | undefined;
  /** What the server logged since the test began. */
  readonly logged: string[];
  /** An object goes as JSON, a string as a form. */
  call(
    method: Method,
    url: string,
    parameters?: object | string,
    headers?: Record<string, string>,
  ): Promise<Reply>;
}

/** Each test begins with 50 users and a stopped worker. */
export function demoFixture(keyPrefix: string): DemoFixture {
  const logged: string[] = [];
  const fixture = { listing: undefined, logged, call } as unknown as DemoFixture; // filled below
  beforeAll(async () => {
    const store = await FeatureStore.connect({ nodes: inject('clusterNodes'), keyPrefix });
    fixture.store = store;
    fixture.worker = new StreamingWorker({
      store,
      listIds: async () => {
        await fixture.listing;
        return store.listEntityIds(500);
      },
      tickIntervalMs: 10,
    });
    const { worker } = fixture;
    fixture.server = await createDemoServer({ store, worker, log: (line) => logged.push(line) });
  });
  afterAll(async () => {
    await fixture.worker.stop();
    await fixture.store.reset();
    await fixture.server.close();
    await fixture.store.close();
  });
  beforeEach(async () => {
    logged.length = 0;
    await fixture.worker.stop();
    await call('POST', '/reset');
    await call('POST', '/bulk-load', { count: 50 });
  });
  async function call(
    method: Method,
    url: string,
    parameters?: object | string,
    headers: Record<string, string> = {},
  ): Promise<Reply> {
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    const reply = await fixture.server.inject({
      method,
      url,
      headers: { ...(typeof parameters === 'string' ? form : {}), ...headers },
      ...(parameters === undefined ? {} : { payload: parameters }),
    });
    const isJson = String(reply.headers['content-type']).startsWith('application/json');
    const body: unknown = isJson && reply.body !== '' ? reply.json() : reply.body;
    return { status: reply.statusCode, headers: reply.headers, body };
  }
  return fixture;
}
