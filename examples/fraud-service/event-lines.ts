/**
 * Events as JSON lines, such as of standard input; in place of a consumer of yours. The offset of an
 * event is the number of its line. It is kept in a file, and lines up to it are passed over.
 *
 *   {"id":"u0001","at_ms":1764288000000,"tx_count_5m":3,"session_country":"DE"}
 */

import { readFile, writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Features } from 'cluster-feature-store';
import type { EventSource, PaymentEvent } from './stream.ts';

export class EventLines implements EventSource {
  readonly #input: Readable;
  readonly #offsetFile: string;
  readonly #stop = new AbortController();

  constructor(input: Readable, offsetFile: string) {
    this.#input = input;
    this.#offsetFile = offsetFile;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<PaymentEvent> {
    const settled = Number(await readFile(this.#offsetFile, 'utf8').catch(() => '0'));
    let offset = 0;
    for await (const line of createInterface({ input: this.#input, signal: this.#stop.signal })) {
      if (++offset > settled) yield eventOf(line, offset);
    }
  }

  async commit(offset: number): Promise<void> {
    await writeFile(this.#offsetFile, String(offset));
  }

  stop(): void {
    this.#stop.abort();
    this.#input.destroy();
  }
}

/** Of a line that is no event one that the store refuses: it is counted, and the next one comes. */
function eventOf(line: string, offset: number): PaymentEvent {
  try {
    const { id, at_ms: atMs, ...features } = JSON.parse(line) as Features & EventHead;
    return { offset, id, atMs: Number(atMs), features };
  } catch {
    return { offset, id: '', atMs: 0, features: {} };
  }
}

interface EventHead {
  readonly id: string;
  readonly at_ms: number;
}
