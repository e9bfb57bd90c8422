import { ASKING, CommandWriter, encodeWords } from '../cluster/resp/command-writer.ts';
import { INCOMPLETE, type ReplyReader } from '../cluster/resp/reply-reader.ts';
import type { Batch } from '../cluster/row-exchange.ts';
import { slotOf } from '../cluster/slot.ts';
import { checkNames, decodeRow, isSame } from './codec.ts';
import type { FeatureRow } from './features.ts';
import { unexpected } from './unexpected-reply.ts';

/** What all reads of the same features share: their names, checked and encoded once. */
export class ReadShape {
  readonly names: readonly string[];
  /** `*8\r\n$5\r\nHMGET\r\n`; the key and `encodedNames` follow. */
  readonly #head: Uint8Array;
  readonly #encodedNames: Uint8Array;
  /** Where the values of a row are put to be read at once. */
  readonly #values: (string | null)[];

  constructor(names: readonly string[]) {
    checkNames(names);
    this.names = [...names];
    const head = new CommandWriter();
    head.arrayHeader(2 + names.length);
    head.bulkString('HMGET');
    this.#head = Uint8Array.from(head.view());
    this.#encodedNames = encodeWords(...names);
    this.#values = names.map(() => null);
  }

  batch(keys: readonly string[]): Batch<FeatureRow> {
    return {
      rowCount: keys.length,
      slotOf: (row) => slotOf(keys[row] ?? ''),
      commandsPerRow: 1,
      encode: (row, writer, asking) => {
        if (asking) writer.encoded(ASKING);
        writer.encoded(this.#head);
        writer.bulkString(keys[row] ?? '');
        writer.encoded(this.#encodedNames);
      },
      answerOf: ([reply]) =>
        Array.isArray(reply) && reply.length === this.names.length
          ? decodeRow(this.names, reply)
          : unexpected('HMGET', reply),
      readAnswer: this.#readAnswer,
      bytesOf: (row) => (keys[row]?.length ?? 0) + this.#encodedNames.length,
    };
  }

  readonly #readAnswer = (reader: ReplyReader): FeatureRow | typeof INCOMPLETE | undefined => {
    const read = reader.readStrings(this.#values);
    if (read === INCOMPLETE) return INCOMPLETE;
    return read === true ? decodeRow(this.names, this.#values) : undefined;
  };
}

/** Callers mostly pass the same array of names again: its shape is kept as long as the array is. */
export class ReadShapes {
  readonly #byNames = new WeakMap<readonly string[], ReadShape>();

  /** @throws FeatureStoreError INVALID_FEATURE */
  of(names: readonly string[]): ReadShape {
    const known = Array.isArray(names) ? this.#byNames.get(names) : undefined;
    // The array can have been changed since.
    if (known && isSame(known.names, names)) return known;
    const shape = new ReadShape(names);
    this.#byNames.set(names, shape);
    return shape;
  }
}
