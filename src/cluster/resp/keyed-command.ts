/**
 * A command of which only the key differs from row to row, such as HMGET of the same names.
 *
 *   *4␍␊$5␍␊HMGET␍␊$9␍␊p:▢▢▢▢▢▢▢␍␊$1␍␊a␍␊$1␍␊b␍␊
 *
 * For ids of one length the bytes are the same but for the id. They are made once per length, copied
 * as a whole, and the id is written into its place: a third of the work of writing word by word.
 */

import { CommandWriter, encodeWords } from './command-writer.ts';

/** Longer ids are written word by word: templates shall be few. */
const MAX_TEMPLATE_ID = 64;

interface Template {
  readonly prefix: Uint8Array;
  readonly bytes: Uint8Array;
  /** Where the id belongs. */
  readonly idAt: number;
}

export class KeyedCommand {
  /** `*4\r\n$5\r\nHMGET\r\n`; the key and `#tail` follow. */
  readonly #head: Uint8Array;
  readonly #tail: Uint8Array;
  /** By the id's length. */
  readonly #templates: (Template | undefined)[] = [];

  constructor(name: string, wordsBehindKey: readonly string[]) {
    const head = new CommandWriter();
    head.arrayHeader(2 + wordsBehindKey.length);
    head.bulkString(name);
    this.#head = Uint8Array.from(head.view());
    this.#tail = encodeWords(...wordsBehindKey);
  }

  /** Bytes of the words behind the key. */
  get tailBytes(): number {
    return this.#tail.length;
  }

  write(writer: CommandWriter, key: string): void {
    writer.encoded(this.#head);
    writer.bulkString(key);
    writer.encoded(this.#tail);
  }

  /** The command for the key of `prefix` and `id`, which is ASCII. */
  writeBehind(writer: CommandWriter, prefix: Uint8Array, id: string): void {
    const { length } = id;
    let template = this.#templates[length];
    if (template?.prefix !== prefix) {
      template = this.#templateOf(prefix, length);
      if (length <= MAX_TEMPLATE_ID) this.#templates[length] = template;
    }
    writer.filled(template.bytes, template.idAt, id);
  }

  #templateOf(prefix: Uint8Array, idLength: number): Template {
    const writer = new CommandWriter();
    writer.encoded(this.#head);
    writer.bulkBytes(prefix, idLength);
    const idAt = writer.length - 2 - idLength;
    writer.encoded(this.#tail);
    return { prefix, bytes: Uint8Array.from(writer.view()), idAt };
  }
}
