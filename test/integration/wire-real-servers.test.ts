/**
 * The wire against real servers, in both protocols: values of any kind, connections that are
 * killed, a tunnel.
 */

import { createConnection, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { AbstractConnector, Redis } from 'ioredis';
import { FeatureStore, type FeatureStoreOptions } from '../../src/index.ts';
import { keysOf as ids } from './bulk-rows.ts';

async function connect(options: FeatureStoreOptions): Promise<FeatureStore> {
  const store = await FeatureStore.connect({ keyPrefix: 'wire-real:', ...options });
  onTestFinished(() => store.close());
  return store;
}

describe.each([
  ['RESP3', 3],
  ['RESP2', 2],
] as const)('real servers in %s', (_, protocol) => {
  const VALUES = {
    crlf: 'a\r\n$3\r\nb\r\n',
    empty: '',
    long: 'x'.repeat(1_048_576),
    longUnicode: 'é€😀'.repeat(50_000),
    push: '>1\r\n+x\r\n',
    zero: '\0',
  };

  describe.each(['a cluster', 'one server'] as const)('%s', (kind) => {
    const nodes = (): string[] =>
      kind === 'a cluster' ? [...inject('clusterNodes')] : [inject('standaloneUrl')];

    async function tryOut(store: FeatureStore, round: string): Promise<void> {
      const all = ids(60, `${kind}-${protocol}-${round}-`);
      const load = await store.bulkLoad(all.map((id) => [id, { f: id, empty: '' }] as const));
      expect(load).toMatchObject({ loaded: 60, failed: [] });
      const rows = await store.batchGetFeatures([...all, 'absent'], ['f', 'empty', 'none']);
      expect(rows).toStrictEqual([...all.map((id) => ({ f: id, empty: '' })), {}]);
    }

    test('values of any kind come back', async () => {
      const store = await connect({ nodes: nodes(), redisOptions: { protocol } });
      const all = ids(6, `${kind}-${protocol}-values-`);
      await store.bulkLoad(all.map((id) => [id, VALUES] as const));
      const names = Object.keys(VALUES);
      const rows = await store.batchGetFeatures(all, names);
      expect(rows.every((row) => names.every((name) => row[name] === Object(VALUES)[name]))).toBe(
        true,
      );
      await store.updateStreaming(all[0] ?? '', { crlf: '\r\n' });
      expect(await store.getFeatures(all[0] ?? '', ['crlf'])).toStrictEqual({ crlf: '\r\n' });
    });

    test('connections that are killed are opened and taken over again', async () => {
      const store = await connect({ nodes: nodes(), redisOptions: { protocol } });
      await tryOut(store, 'before');
      const admins = nodes().map((url) => new Redis(url));
      onTestFinished(() => {
        for (const admin of admins) admin.disconnect();
      });
      for (let round = 0; round < 3; round++) {
        for (const admin of admins)
          await admin.call('CLIENT', 'KILL', 'TYPE', 'NORMAL', 'SKIPME', 'YES');
        if (round === 1) await delay(50);
        await tryOut(store, `after ${round}`);
      }
      expect(await store.reset()).toBeGreaterThan(0);
    });
  });
});

/** A tunnel in place of a socket: a write is done for it when it has only kept the bytes. */
class Tunnel extends Duplex {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    super();
    this.#socket = socket;
    socket.on('data', (chunk) => this.push(chunk));
    socket.on('close', () => this.destroy());
  }

  override _read(): void {
    // The socket pushes.
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: () => void): void {
    setImmediate(() => this.#socket.write(chunk));
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  setTimeout(): this {
    return this;
  }
}

class TunnelConnector extends AbstractConnector {
  readonly #to: { readonly host: string; readonly port: number };

  constructor(options: unknown) {
    super(0);
    const { host = '127.0.0.1', port = 0 } = Object(options);
    this.#to = { host, port };
  }

  async connect(): Promise<Socket> {
    // What ioredis uses of a socket is there.
    const tunnel = new Tunnel(createConnection(this.#to)) as unknown as Socket;
    this.stream = tunnel;
    return tunnel;
  }
}

test('what a tunnel still holds is not written over', async () => {
  const store = await connect({
    nodes: [...inject('clusterNodes')],
    redisOptions: { Connector: TunnelConnector },
  });
  const all = ids(20_000, 'tunnel-');
  const load = await store.bulkLoad(all.map((id) => [id, { f: id }] as const));
  expect(load).toMatchObject({ loaded: all.length, failed: [] });
  const rows = await store.batchGetFeatures(all, ['f']);
  expect(rows).toStrictEqual(all.map((f) => ({ f })));
});
