/**
 * A server that says what its test wants, for replies that a real one can't be made to give. It
 * greets as a standalone server would, or as a node of a cluster; every other command is the
 * script's to answer.
 */

import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** Answers a command with the text that it gives, or later by `connection.say`. */
export type Script = (
  command: readonly string[],
  connection: ScriptedConnection,
) => string | undefined;

const NOT_A_CLUSTER = '-ERR This instance has cluster support disabled\r\n';

export class ScriptedConnection {
  readonly socket: Socket;
  /** Bytes of each read of the socket. */
  readonly reads: number[] = [];
  /** Commands but for those of the greeting, in order. */
  readonly commands: (readonly string[])[] = [];
  readonly #server: ScriptedServer;
  #bytes: Buffer = Buffer.alloc(0);

  constructor(socket: Socket, server: ScriptedServer) {
    this.socket = socket;
    this.#server = server;
    socket.setNoDelay(true);
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => this.#hear(chunk));
  }

  say(text: string): void {
    if (this.socket.writable) this.socket.write(text);
  }

  #hear(chunk: Buffer): void {
    this.reads.push(chunk.length);
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    for (let command = this.#next(); command !== undefined; command = this.#next()) {
      const greeting = this.#server.greet(command);
      if (greeting !== undefined) {
        this.say(greeting);
        continue;
      }
      this.commands.push(command);
      const answer = this.#server.script(command, this);
      if (answer !== undefined) this.say(answer);
    }
  }

  /** The next whole command, as an array of bulk strings. */
  #next(): string[] | undefined {
    let at = 0;
    const line = (): number => {
      const end = this.#bytes.indexOf('\r\n', at);
      const text = end === -1 ? undefined : this.#bytes.toString('latin1', at + 1, end);
      at = end + 2;
      return text === undefined ? Number.NaN : Number(text);
    };
    const words: string[] = [];
    if (this.#bytes.length === 0) return undefined;
    const wordCount = line();
    if (Number.isNaN(wordCount)) return undefined;
    while (words.length < wordCount) {
      if (at >= this.#bytes.length) return undefined;
      const byteCount = line();
      if (Number.isNaN(byteCount) || this.#bytes.length < at + byteCount + 2) return undefined;
      words.push(this.#bytes.toString('utf8', at, at + byteCount));
      at += byteCount + 2;
    }
    this.#bytes = this.#bytes.subarray(at);
    return words;
  }
}

export class ScriptedServer {
  readonly connections: ScriptedConnection[] = [];
  /** Whether new connections are greeted; a server that is not polite stays silent. */
  polite = true;
  /** The reply to CLUSTER SLOTS of a server that is a node of a cluster. */
  slots: string | undefined;
  /** What it says to CLUSTER INFO. */
  epoch = 1;
  script: Script;
  readonly #server: Server;

  private constructor(script: Script, halfOpen: boolean) {
    this.script = script;
    this.#server = createServer({ allowHalfOpen: halfOpen }, (socket) => {
      this.connections.push(new ScriptedConnection(socket, this));
    });
  }

  /**
   * Ends with the test.
   * @param halfOpen keeps its side of a connection open when the client ends its own
   */
  static async start(
    script: Script,
    { halfOpen = false }: { readonly halfOpen?: boolean } = {},
  ): Promise<ScriptedServer> {
    const server = new ScriptedServer(script, halfOpen);
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server, 'listening');
    onTestFinished(async () => {
      for (const { socket } of server.connections) socket.destroy();
      server.#server.close();
      await once(server.#server, 'close');
    });
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port; // it listens
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Every command of every connection, but for those of the greeting. */
  get commands(): (readonly string[])[] {
    return this.connections.flatMap(({ commands }) => commands);
  }

  /** What a server says to the commands by which a client introduces itself. */
  greet([name = '', sub = '']: readonly string[]): string | undefined {
    switch (`${name} ${sub}`.toUpperCase()) {
      case 'HELLO 3':
        return this.polite ? '%2\r\n+server\r\n+redis\r\n+proto\r\n:3\r\n' : '';
      case 'CLIENT SETINFO':
      case 'CLIENT SETNAME':
        return this.polite ? '+OK\r\n' : '';
      case 'CLUSTER SLOTS':
        return this.slots ?? NOT_A_CLUSTER;
      case 'CLUSTER INFO':
        return `+cluster_current_epoch:${this.epoch}\r\n`;
      case `GET ${sub}`.toUpperCase():
        return '$-1\r\n'; // the record of VIP groups
      case 'INFO ':
        return '$13\r\nredis_mode:x\r\n\r\n';
      default:
        return undefined;
    }
  }
}
