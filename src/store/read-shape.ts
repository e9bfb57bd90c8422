import { ASKING, type CommandWriter } from '../cluster/resp/command-writer.ts';
import { ColumnValues } from '../cluster/resp/column-values.ts';
import { KeyedCommand } from '../cluster/resp/keyed-command.ts';
import { INCOMPLETE, type Reply, type ReplyReader } from '../cluster/resp/reply-reader.ts';
import { ReplySize } from '../cluster/reply-size.ts';
import type { Batch } from '../cluster/row-exchange.ts';
import { FeatureStoreError } from '../errors.ts';
import { checkNames, decodeBytes, decodeRow, decodeText, isSame } from './codec.ts';
import type { EntityKeys } from './entity-keys.ts';
import type { FeatureBytes, FeatureRow, ValuesAs } from './features.ts';
import { unexpected } from './unexpected-reply.ts';

/** What all reads of the same features share: their names, checked and encoded once. */
export class ReadShape {
  readonly names: readonly string[];
  readonly #command: KeyedCommand;
  readonly replySize: ReplySize = new ReplySize();
  /** Where the values of a row are put to be read at once. */
  readonly columns: ColumnValues;
  /** A row with every feature. */
  readonly #template: FeatureRow;

  constructor(names: readonly string[]) {
    const own: unknown = Array.isArray(names) ? [...names] : names;
    checkNames(own);
    this.names = own;
    this.#command = new KeyedCommand('HMGET', own);
    this.columns = new ColumnValues(own.length);
    this.#template = templateOf(own);
    this.isDistinct = new Set(own).size === own.length;
  }

  /** Writes HMGET of the row's key. */
  encode(keys: EntityKeys, row: number, writer: CommandWriter): void {
    keys.write(row, writer, this.#command);
  }

  /** Whether no name comes twice. */
  readonly isDistinct: boolean;

  /** Bytes of the names. */
  get nameBytes(): number {
    return this.#command.tailBytes;
  }

  /** The features that `columns` holds, absent ones left out. */
  rowOf(): FeatureRow {
    const { names, columns } = this;
    const { values } = columns;
    if (columns.presentCount < names.length) return decodeRow(names, values);
    // A copy of a whole row, written over, is made in half the time of one that grows, and is
    // smaller.
    const row: Record<string, string | null> = { ...this.#template };
    for (let i = 0; i < names.length; i++) row[names[i] ?? ''] = values[i] ?? null;
    return row as FeatureRow; // all are present
  }
}

/** Reads of one shape: a row per key. */
export class ReadBatch implements Batch<FeatureRow | FeatureBytes> {
  readonly commandsPerRow = 1;
  readonly stringsAs: ValuesAs;
  readonly #shape: ReadShape;
  readonly #keys: EntityKeys;
  #featureCount = 0;

  constructor(shape: ReadShape, keys: EntityKeys, as: ValuesAs = 'text') {
    this.stringsAs = as;
    this.#shape = shape;
    this.#keys = keys;
  }

  /** Names that are read of each row. */
  get nameCount(): number {
    return this.#shape.names.length;
  }

  get rowCount(): number {
    return this.#keys.count;
  }

  /** Features in all rows that were read so far. */
  get featureCount(): number {
    return this.#featureCount;
  }

  get replySize(): ReplySize {
    return this.#shape.replySize;
  }

  slotOf(row: number): number {
    return this.#keys.slotOf(row);
  }

  bytesOf(row: number): number {
    return this.#keys.bytesOf(row) + this.#shape.nameBytes;
  }

  encode(row: number, writer: CommandWriter, asking: boolean): void {
    if (asking) writer.encoded(ASKING);
    this.#shape.encode(this.#keys, row, writer);
  }

  answerOf([reply]: readonly Reply[], row: number): FeatureRow | FeatureBytes | FeatureStoreError {
    const { names } = this.#shape;
    if (!Array.isArray(reply) || reply.length !== names.length) return unexpected('HMGET', reply);
    const features =
      this.stringsAs === 'bytes'
        ? decodeBytes(names, reply)
        : decodeText(this.#keys.idOf(row), names, reply);
    if (features instanceof FeatureStoreError) return features;
    this.#featureCount += Object.keys(features).length;
    return features;
  }

  readAnswer(reader: ReplyReader): FeatureRow | typeof INCOMPLETE | undefined {
    if (this.stringsAs === 'bytes') return undefined;
    const { columns } = this.#shape;
    const read = reader.readStrings(columns);
    if (read !== true) return read === INCOMPLETE ? INCOMPLETE : undefined;
    const row = this.#shape.rowOf();
    this.#featureCount += this.#shape.isDistinct ? columns.presentCount : Object.keys(row).length;
    return row;
  }
}

/** What a read of a VIP group has beside its keys. */
export interface GroupRead {
  readonly slot: number;
  /** The commands of all members, encoded. */
  readonly request: Uint8Array;
  readonly as: ValuesAs | undefined;
}

/**
 * Reads of a VIP group, whose keys never change and share a slot: its whole request is made once
 * per shape.
 */
export class GroupReadBatch extends ReadBatch {
  readonly slot: number;
  readonly request: Uint8Array;

  constructor(shape: ReadShape, keys: EntityKeys, { slot, request, as }: GroupRead) {
    super(shape, keys, as);
    this.slot = slot;
    this.request = request;
  }

  override slotOf(): number {
    return this.slot;
  }
}

/**
 * An object that JSON makes has room for its names and no more, and `__proto__` is a name like any
 * other. But JSON.parse of Node 24 can take a name with an escape for another: `"` for `\`. Such
 * names are set one by one.
 */
function templateOf(names: readonly string[]): FeatureRow {
  const quoted = names.map((name) => JSON.stringify(name));
  const isEscaped = quoted.some((text) => text.includes('\\'));
  if (isEscaped) return decodeRow(names, new Array(names.length).fill(''));
  return JSON.parse(`{${quoted.map((text) => `${text}:""`).join(',')}}`) as FeatureRow;
}

/**
 * Callers mostly pass the same names again, be it the same array or one that is written out at each
 * call.
 */
export class ReadShapes {
  readonly #byNames = new WeakMap<readonly string[], ReadShape>();
  #last: ReadShape | undefined;

  /** @throws FeatureStoreError INVALID_FEATURE */
  of(names: readonly string[]): ReadShape {
    if (!Array.isArray(names)) return new ReadShape(names); // which says what is wrong with it
    if (this.#last && isSame(this.#last.names, names)) return this.#last;
    let shape = this.#byNames.get(names);
    // The array can have been changed since.
    if (!shape || !isSame(shape.names, names)) {
      shape = new ReadShape(names);
      this.#byNames.set(names, shape);
    }
    this.#last = shape;
    return shape;
  }
}
