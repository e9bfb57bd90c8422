/**
 * A thread that asks servers while the event loop of its test is held: so a test can hold the loop
 * until what it has sent is answered, however busy the machine is.
 */

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { onTestFinished } from 'vitest';

const LONGEST_MS = 20_000;
/**
 * Between two answers to a PING a server reads up to 16 kB of each other connection, and answers
 * it.
 */
const PINGS = 16;

/** Sets the shared number to 1 when every server has answered its PINGs, one after the other. */
const THREAD = `
  const { once } = require('node:events');
  const { connect } = require('node:net');
  const { parentPort, workerData } = require('node:worker_threads');
  const { urls, answered } = workerData;
  const sockets = urls.map((url) => connect(Number(new URL(url).port), new URL(url).hostname));
  const ask = async (socket) => {
    for (let n = 0; n < ${PINGS}; n++) {
      socket.write('PING\\r\\n');
      await once(socket, 'data');
    }
  };
  parentPort.on('message', async () => {
    await Promise.all(sockets.map(ask));
    Atomics.store(answered, 0, 1);
    Atomics.notify(answered, 0);
  });
  Promise.all(sockets.map((socket) => once(socket, 'connect'))).then(() => {
    parentPort.postMessage('connected');
  });
`;

export class ServerProbe {
  readonly #thread: Worker;
  readonly #answered: Int32Array;

  private constructor(thread: Worker, answered: Int32Array) {
    this.#thread = thread;
    this.#answered = answered;
  }

  /** Ends with the test. */
  static async start(urls: readonly string[]): Promise<ServerProbe> {
    const answered = new Int32Array(new SharedArrayBuffer(4));
    const thread = new Worker(THREAD, { eval: true, workerData: { urls, answered } });
    onTestFinished(async () => {
      await thread.terminate();
    });
    await once(thread, 'message');
    return new ServerProbe(thread, answered);
  }

  /** Holds the event loop until the servers have answered what was written to them before. */
  holdUntilAnswered(): void {
    Atomics.store(this.#answered, 0, 0);
    this.#thread.postMessage('ask', []);
    if (Atomics.wait(this.#answered, 0, 0, LONGEST_MS) === 'timed-out') {
      throw new Error(`the servers did not answer within ${LONGEST_MS} ms`);
    }
  }
}
