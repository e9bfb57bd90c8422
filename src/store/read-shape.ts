import {
  ColumnValues,
  KeyedCommand,
  ReplySize,
  type ColumnReplies,
  type Replies,
  type Reply,
} from '../cluster/batch.ts';
import { FeatureStoreError } from '../errors.ts';
import { checkNames, decodeBytes, decodeRow, decodeText, isSame } from './codec.ts';
import type { FeatureBytes, FeatureRow, ValuesAs } from './features.ts';
import { unexpected } from './unexpected-reply.ts';

/** What all reads of the same features share: their names, checked and encoded once. */
export class ReadShape {
  readonly names: readonly string[];
  readonly command: KeyedCommand;
  readonly replySize: ReplySize = new ReplySize();
  /** Where the values of a row are put to be read at once. */
  readonly columns: ColumnValues;
  /** Whether no name comes twice. */
  readonly isDistinct: boolean;
  /** A row with every feature. */
  readonly template: FeatureRow;

  constructor(names: readonly string[]) {
    const own: unknown = Array.isArray(names) ? [...names] : names;
    checkNames(own);
    this.names = own;
    this.command = new KeyedCommand('HMGET', own);
    this.columns = new ColumnValues(own.length);
    this.template = templateOf(own);
    this.isDistinct = new Set(own).size === own.length;
  }
}

/** Turns the replies to reads of one shape into rows of features. */
export class FeatureReplies
  implements Replies<FeatureRow | FeatureBytes>, ColumnReplies<FeatureRow>
{
  readonly stringsAs: ValuesAs;
  readonly columns: ColumnValues;
  readonly size: ReplySize;
  readonly usual: ColumnReplies<FeatureRow> | undefined;
  /** Features in all rows that were read so far. */
  featureCount = 0;
  readonly #shape: ReadShape;
  readonly #ids: readonly string[];

  /** @param ids by row */
  constructor(shape: ReadShape, ids: readonly string[], as: ValuesAs = 'text') {
    this.stringsAs = as;
    this.columns = shape.columns;
    this.size = shape.replySize;
    this.usual = as === 'text' ? this : undefined;
    this.#shape = shape;
    this.#ids = ids;
  }

  answerOf([reply]: readonly Reply[], row: number): FeatureRow | FeatureBytes | FeatureStoreError {
    const { names } = this.#shape;
    if (!Array.isArray(reply) || reply.length !== names.length) return unexpected('HMGET', reply);
    const features =
      this.stringsAs === 'bytes'
        ? decodeBytes(names, reply)
        : decodeText(this.#ids[row] ?? '', names, reply);
    if (features instanceof FeatureStoreError) return features;
    this.featureCount += Object.keys(features).length;
    return features;
  }

  answerOfColumns(): FeatureRow {
    const { names, template, isDistinct } = this.#shape;
    const { values, presentCount } = this.columns;
    if (presentCount < names.length) {
      const partial = decodeRow(names, values);
      this.featureCount += isDistinct ? presentCount : Object.keys(partial).length;
      return partial;
    }
    // A copy of a whole row, written over, is made in half the time of one that grows, and is
    // smaller.
    const row: Record<string, string | null> = { ...template };
    for (let i = 0; i < names.length; i++) row[names[i] ?? ''] = values[i] ?? null;
    this.featureCount += isDistinct ? presentCount : Object.keys(row).length;
    return row as FeatureRow; // all are present
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
