/**
 * A command of which only the key differs from row to row, such as HMGET of the same names.
 *
 *   *4␍␊$5␍␊HMGET␍␊$9␍␊p:▢▢▢▢▢▢▢␍␊$1␍␊a␍␊$1␍␊b␍␊
 *
 * For keys of one length the bytes are the same but for what follows the prefix. They are made once
 * per length, copied as a whole, and the rest of the key is put in its place: a third of the work
 * of writing word by word.
 */

import { CommandWriter, encodeHead, encodeWords } from './command-writer.ts';

/** For longer ones no template is kept: they are few. */
const MAX_TEMPLATE_REST = 64;

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

  constructor(name: string, wordsBehindKey: readonly string[]) {
    this.#head = encodeHead(2 + wordsBehindKey.length, name);
    this.#tail = encodeWords(...wordsBehindKey);
  }

  /** Bytes of the words after the key. */
  get tailBytes(): number {
    return this.#tail.length;
  }

  /** The command for the key of `prefix` and the bytes of `rests` from `begin` to `end`. */
  write(
    writer: CommandWriter,
    prefix: Uint8Array,
    rests: Uint8Array,
    begin: number,
    end: number,
  ): void {
    const restLength = end - begin;
    let template = this.#templates[restLength];
    if (template?.prefix !== prefix) {
      template = this.#templateOf(prefix, restLength);
      if (restLength <= MAX_TEMPLATE_REST) this.#templates[restLength] = template;
    }
    writer.filled(template.bytes, template.restAt, rests, begin, end);
  }

  #templateOf(prefix: Uint8Array, restLength: number): Template {
    const writer = new CommandWriter();
    writer.encoded(this.#head);
    writer.bulkBytes(prefix, restLength);
    const restAt = writer.length - 2 - restLength;
    writer.encoded(this.#tail);
    return { prefix, bytes: Uint8Array.from(writer.view()), restAt };
  }
}
