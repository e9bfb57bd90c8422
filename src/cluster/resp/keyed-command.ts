/**
 * A command of which only the key differs from row to row, such as HMGET of the same names.
 *
 *   *4␍␊$5␍␊HMGET␍␊$9␍␊p:▢▢▢▢▢▢▢␍␊$1␍␊a␍␊$1␍␊b␍␊
 *
 * For keys of one length the bytes are the same but for what follows the prefix. They are made once
 * per length, copied as a whole, and the rest of the key is put in its place: a third of the work
 * of writing word by word.
 */

import type { KeyTable } from '../routing/key-table.ts';
import { CommandWriter, encodeHead, encodeWords } from './command-writer.ts';
import { MAX_TEMPLATE_REST } from '../limits.ts';

interface Template {
  readonly prefix: Uint8Array;
  readonly bytes: Uint8Array;
  /** Where the rest of the key belongs. */
  readonly restAt: number;
}

export class KeyedCommand {
  /** `*4\r\n$5\r\nHMGET\r\n`; the key and `#tail` follow. */
  readonly #head: Uint8Array;
  readonly #tail: Uint8Array;
  /** By the length of what follows the prefix. */
  readonly #templates: (Template | undefined)[] = [];

  constructor(name: string, wordsAfterKey: readonly (string | number)[] = []) {
    this.#head = encodeHead(2 + wordsAfterKey.length, name);
    this.#tail = encodeWords(...wordsAfterKey);
  }

  /** Bytes of the words after the key. */
  get tailBytes(): number {
    return this.#tail.length;
  }

  /** Writes the command with the key of that row. */
  write({ prefix, rests, bounds }: KeyTable, row: number, writer: CommandWriter): void {
    const begin = bounds[row] ?? 0;
    const end = bounds[row + 1] ?? 0;
    let template = this.#templates[end - begin];
    if (template?.prefix !== prefix.bytes) template = this.#templateOf(prefix.bytes, end - begin);
    writer.filled(template.bytes, template.restAt, rests, begin, end);
  }

  #templateOf(prefix: Uint8Array, restLength: number): Template {
    const writer = new CommandWriter();
    writer.encoded(this.#head);
    writer.bulkBytes(prefix, restLength);
    const restAt = writer.length - 2 - restLength;
    writer.encoded(this.#tail);
    const template = { prefix, bytes: Uint8Array.from(writer.view()), restAt };
    if (restLength <= MAX_TEMPLATE_REST) this.#templates[restLength] = template;
    return template;
  }
}

/** The same command for every key of a table: what a batch sends. One reply each. */
export class KeyedRows {
  /** The commands of all rows in order, where they are encoded already. Nobody changes them. */
  readonly whole: Uint8Array | undefined;
  readonly #command: KeyedCommand;
  readonly #keys: KeyTable;
  readonly #fixedBytes: number;

  constructor(command: KeyedCommand, keys: KeyTable, whole?: Uint8Array) {
    this.#command = command;
    this.#keys = keys;
    this.#fixedBytes = command.tailBytes + keys.prefix.bytes.length;
    this.whole = whole;
  }

  /**
   * Writes the row's command, after `before` where that is given. Gives the number of its replies.
   */
  write(row: number, writer: CommandWriter, before: Uint8Array | undefined): number {
    if (before !== undefined) writer.encoded(before);
    this.#command.write(this.#keys, row, writer);
    return 1;
  }

  bytesOf(row: number): number {
    const { bounds } = this.#keys;
    return this.#fixedBytes + (bounds[row + 1] ?? 0) - (bounds[row] ?? 0);
  }

  repliesOf(): readonly number[] {
    return ONE_REPLY;
  }
}

const ONE_REPLY: readonly number[] = [1];
