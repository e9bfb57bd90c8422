/**
 * A path to one real server that can go bad: its replies are held back, come a byte at a time, stop
 * in the middle of a frame, or end there. What is held back comes when the path is good again:
 * late.
 */

import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** What happens to the bytes that the server sends. Requests always reach it. */
export type Path =
  /** Passed on. */
  | { readonly kind: 'open' }
  /** On each connection so many are passed on, and what follows is held back. */
  | { readonly kind: 'stuck'; readonly afterBytes: number }
  /** Passed on one at a time; with 0, one in each turn of the event loop. */
  | { readonly kind: 'trickling'; readonly everyMs: number }
  /** On each connection so many are passed on; then it is closed. */
  | { readonly kind: 'cut'; readonly afterBytes: () => number };

export const OPEN: Path = { kind: 'open' };
export const SILENT: Path = { kind: 'stuck', afterBytes: 0 };

export class SilenceProxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #crossings = new Set<Crossing>();
  #path: Path = OPEN;

  /** @param portOfTarget of the server on 127.0.0.1 */
  static async start(portOfTarget: number): Promise<SilenceProxy> {
    const proxy = new SilenceProxy(portOfTarget);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  private constructor(portOfTarget: number) {
    this.#server = createServer((client) => {
      const server = connect({ host: '127.0.0.1', port: portOfTarget });
      const crossing = new Crossing(client, server, () => this.#path);
      this.#crossings.add(crossing);
      client.once('close', () => this.#crossings.delete(crossing));
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port; // it listens
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  get connectionCount(): number {
    return this.#crossings.size;
  }

  set path(path: Path) {
    this.#path = path;
    for (const crossing of this.#crossings) crossing.begin();
  }

  /** Closes every connection at once, whatever is under way. */
  drop(): void {
    for (const crossing of this.#crossings) crossing.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.drop();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

/** One connection through the proxy. */
class Crossing {
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #pathNow: () => Path;
  #held: Buffer = Buffer.alloc(0);
  #path: Path;
  #bytesLeft = Number.POSITIVE_INFINITY;
  #nextByte = false;

  constructor(client: Socket, server: Socket, pathNow: () => Path) {
    this.#client = client;
    this.#server = server;
    this.#pathNow = pathNow;
    this.#path = pathNow();
    client.setNoDelay(true);
    client.pipe(server);
    server.on('data', (chunk: Buffer) => {
      this.#held = Buffer.concat([this.#held, chunk]);
      this.#pass();
    });
    for (const socket of [client, server]) {
      socket.on('error', () => undefined);
      socket.once('close', () => this.close());
    }
    this.begin();
  }

  /** Goes on as the path is now. */
  begin(): void {
    const path = this.#pathNow();
    this.#path = path;
    if (path.kind === 'stuck') this.#bytesLeft = path.afterBytes;
    else this.#bytesLeft = path.kind === 'cut' ? path.afterBytes() : Number.POSITIVE_INFINITY;
    this.#pass();
  }

  close(): void {
    this.#client.destroy();
    this.#server.destroy();
  }

  #pass(): void {
    if (this.#path.kind === 'trickling') return this.#trickle(this.#path.everyMs);
    const passed = this.#held.subarray(0, this.#bytesLeft);
    this.#held = this.#held.subarray(passed.length);
    this.#bytesLeft -= passed.length;
    if (this.#path.kind === 'cut' && this.#bytesLeft === 0) {
      this.#client.end(passed);
      this.#server.destroy();
    } else if (passed.length > 0) this.#client.write(passed);
  }

  #trickle(everyMs: number): void {
    if (this.#nextByte || this.#held.length === 0) return;
    this.#nextByte = true;
    const next = (): void => {
      this.#nextByte = false;
      if (this.#path.kind !== 'trickling') return;
      this.#client.write(this.#held.subarray(0, 1));
      this.#held = this.#held.subarray(1);
      this.#trickle(everyMs);
    };
    if (everyMs === 0) setImmediate(next);
    else setTimeout(next, everyMs);
  }
}
