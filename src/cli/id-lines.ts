/**
 * Cuts bytes into ids, one per line, in bounded memory whatever the bytes are.
 *
 * - Lines end with LF or CRLF; a byte order mark at the start is not part of the first id.
 * - Lines that are empty, or white space only, are skipped. Other ids are taken as they are.
 * - A line that is not UTF-8, or too long for any id, is no id: it is handed to `onMalformed`,
 *   because a replacement character in it would silently make it another id.
 */

import { isUtf8 } from 'node:buffer';

/** Above every id that a store takes, so a line past it need not be held. */
export const MAX_LINE_BYTES = 65_536;

/** How much of a malformed line is shown. */
const SHOWN_BYTES = 80;

export interface MalformedLine {
  /** From 1. */
  readonly lineNumber: number;
  /** How it begins, as far as it can be read. */
  readonly text: string;
  readonly reason: string;
}

const LINE_FEED = 0x0a;
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/** Ids in their order, those of one piece of input at a time. */
export async function* idLines(
  input: AsyncIterable<Uint8Array>,
  onMalformed: (line: MalformedLine) => void,
): AsyncGenerator<string[]> {
  const cutter = new LineCutter(onMalformed);
  for await (const bytes of input) {
    const ids = cutter.cut(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    if (ids.length > 0) yield ids;
  }
  const ids = cutter.end();
  if (ids.length > 0) yield ids;
}

class LineCutter {
  readonly #onMalformed: (line: MalformedLine) => void;
  /** The start of a line whose end has not come. */
  #rest: Buffer = Buffer.alloc(0);
  /** Its bytes that are no longer held, because it is too long. */
  #droppedBytes = 0;
  #lineNumber = 1;
  #ids: string[] = [];

  constructor(onMalformed: (line: MalformedLine) => void) {
    this.#onMalformed = onMalformed;
  }

  cut(bytes: Buffer): string[] {
    const firstEnd = bytes.indexOf(LINE_FEED);
    if (firstEnd === -1) {
      this.#hold(bytes);
      return this.#take();
    }
    this.#hold(bytes.subarray(0, firstEnd));
    this.#endLine();
    const lastEnd = bytes.lastIndexOf(LINE_FEED);
    if (lastEnd > firstEnd) this.#addLines(bytes.subarray(firstEnd + 1, lastEnd));
    this.#hold(bytes.subarray(lastEnd + 1));
    return this.#take();
  }

  end(): string[] {
    this.#endLine();
    return this.#take();
  }

  #take(): string[] {
    const ids = this.#ids;
    this.#ids = [];
    return ids;
  }

  #hold(bytes: Buffer): void {
    const room = MAX_LINE_BYTES - this.#rest.length;
    // A copy: the input may use its memory again.
    this.#rest = Buffer.concat([this.#rest, bytes.subarray(0, room)]);
    this.#droppedBytes += Math.max(0, bytes.length - room);
  }

  #endLine(): void {
    const line = this.#rest;
    const lineBytes = line.length + this.#droppedBytes;
    this.#rest = Buffer.alloc(0);
    this.#droppedBytes = 0;
    if (lineBytes > MAX_LINE_BYTES) {
      this.#malformed(line, `it has ${lineBytes} bytes; the limit is ${MAX_LINE_BYTES}`);
      this.#lineNumber++;
    } else {
      this.#addLines(line);
    }
  }

  /** Whole lines, without the last line feed. */
  #addLines(lines: Buffer): void {
    if (isUtf8(lines)) {
      for (const line of lines.toString('utf8').split('\n')) this.#addLine(line);
      return;
    }
    for (let from = 0; from <= lines.length;) {
      const end = lines.indexOf(LINE_FEED, from);
      const line = lines.subarray(from, end === -1 ? lines.length : end);
      if (isUtf8(line)) this.#addLine(line.toString('utf8'));
      else {
        this.#malformed(line, 'it is not UTF-8');
        this.#lineNumber++;
      }
      from += line.length + 1;
    }
  }

  #addLine(line: string): void {
    const text = this.#lineNumber === 1 && line.startsWith('\ufeff') ? line.slice(1) : line;
    this.#lineNumber++;
    if (text.trim() === '') return;
    this.#ids.push(text.endsWith('\r') ? text.slice(0, -1) : text);
  }

  #malformed(line: Buffer, reason: string): void {
    const hasMark = this.#lineNumber === 1 && line.subarray(0, 3).equals(BYTE_ORDER_MARK);
    const text = line.subarray(hasMark ? 3 : 0, SHOWN_BYTES).toString('utf8');
    this.#onMalformed({ lineNumber: this.#lineNumber, text, reason });
  }
}
