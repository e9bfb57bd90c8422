/**
 * Features as Redis holds them. A hash field is bytes, so every value is stored as a string that
 * reads back exactly: a boolean as `true` or `false`, a number as `String(value)`, or as the bytes
 * that were given. What would not come back as it went in is refused, with the entity and the
 * feature named.
 */

import { isAnyArrayBuffer, isProxy, isUint8Array } from 'node:util/types';
import { encodeWords, MAX_BULK_INTEGER, type CommandWriter } from '../cluster/batch.ts';
import { FeatureStoreError } from '../errors.ts';
import type { FeatureBytes, FeatureRow, Features } from './features.ts';
import { isRecord, show, showKind } from './option-checks.ts';
import {
  MAX_FEATURES,
  MAX_KEPT_NAME_BYTES,
  MAX_NAME_BYTES,
  MAX_ROW_BYTES,
  MAX_VALUE_BYTES,
} from './limits.ts';

/** The field of an entity's event time; of a stream by name `@event_time:{stream}`. */
export const EVENT_TIME = '@event_time';

/** From here on it matters that a character may take three bytes. */
const LONG_TEXT = 4_096;

const NO_BYTES = new Uint8Array();

/** Whether two lists of names are the same, name by name. */
export function isSame(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** The features of a row. */
export interface TakenFeatures {
  readonly names: readonly string[];
  /** By name, in the same order. */
  readonly values: readonly unknown[];
  /** The names whose value was null. */
  readonly deleted: readonly string[];
}

const NO_NAMES: readonly string[] = [];

/** Encodes rows that mostly have the same names: each name is checked and encoded once. */
export class FeatureEncoder {
  readonly #encodedNames = new Map<string, Uint8Array>();
  #encodedBytes = 0;
  /** The names of the row before, and those encoded: mostly the next row has the same. */
  #lastNames: readonly string[] = [];
  #lastEncoded: readonly Uint8Array[] = [];

  /** The names of an entity's features. @throws FeatureStoreError INVALID_FEATURE */
  namesOf(id: string, features: Features): string[] {
    const names = keysOf(id, features);
    if (names === undefined) {
      return refuse(
        id,
        `The features must be an object of values by name, but are ${showKind(features)}.`,
      );
    }
    if (names.length <= MAX_FEATURES) return names;
    return refuse(id, `${names.length} features; the limit is ${MAX_FEATURES} in one row.`);
  }

  /**
   * The features of an entity, taken apart: what is written, and what is deleted.
   * @throws FeatureStoreError INVALID_FEATURE, but not yet for every name and value
   */
  take(id: string, features: Features): TakenFeatures {
    const names = this.namesOf(id, features);
    const values = valuesOf(id, features, names);
    if (!values.includes(null)) return { names, values, deleted: NO_NAMES };
    const isKept = (_: unknown, at: number): boolean => values[at] !== null;
    const deleted = names.filter((_, at) => values[at] === null);
    return { names: names.filter(isKept), values: values.filter(isKept), deleted };
  }

  /**
   * Writes `name value name value …`, as HSET takes them.
   * @throws FeatureStoreError INVALID_FEATURE
   */
  writePairs(id: string, { names, values }: TakenFeatures, writer: CommandWriter): void {
    const encodedNames = this.#encodeNames(id, names);
    const begin = writer.length;
    for (let i = 0; i < names.length; i++) {
      const value = values[i];
      writer.encoded(encodedNames[i] ?? NO_BYTES);
      if (isSmallInteger(value)) writer.bulkInteger(value);
      else writer.bulk(encodeValue(id, names[i] ?? '', value));
      if (writer.length - begin > MAX_ROW_BYTES) refuseRow(id);
    }
  }

  /** Writes `name name …`, as HEXPIRE takes them. */
  writeNames(id: string, names: readonly string[], writer: CommandWriter): void {
    for (const encoded of this.#encodeNames(id, names)) writer.encoded(encoded);
  }

  /**
   * Refuses what `writePairs` would. Gives the number of features.
   * @throws FeatureStoreError INVALID_FEATURE
   */
  check(id: string, features: Features): number {
    const names = this.namesOf(id, features);
    this.#encodeNames(id, names);
    const values = valuesOf(id, features, names);
    let bytes = 0;
    for (let i = 0; i < values.length; i++) {
      const value = values[i];
      if (typeof value === 'string') {
        checkText(id, names[i] ?? '', value);
        bytes += value.length > LONG_TEXT ? Buffer.byteLength(value) : value.length;
        if (bytes > MAX_ROW_BYTES) refuseRow(id);
      } else if (typeof value !== 'boolean' && !Number.isFinite(value) && value !== null) {
        bytes += encodeValue(id, names[i] ?? '', value).length;
        if (bytes > MAX_ROW_BYTES) refuseRow(id);
      }
    }
    return names.length;
  }

  #encodeNames(id: string, names: readonly string[]): readonly Uint8Array[] {
    if (isSame(names, this.#lastNames)) return this.#lastEncoded;
    const encoded = names.map((name) => this.#encodeName(id, name));
    this.#lastNames = names;
    this.#lastEncoded = encoded;
    return encoded;
  }

  #encodeName(id: string, name: string): Uint8Array {
    const known = this.#encodedNames.get(name);
    if (known !== undefined) return known;
    checkNewName(name, `Entity ${show(id)}: `);
    const encoded = encodeWords(name);
    this.#encodedBytes += encoded.length;
    if (this.#encodedNames.size >= MAX_FEATURES || this.#encodedBytes > MAX_KEPT_NAME_BYTES) {
      this.#encodedNames.clear();
      this.#encodedBytes = encoded.length;
    }
    this.#encodedNames.set(name, encoded);
    return encoded;
  }
}

/** Nothing where they are no features at all. A proxy may throw at every question. */
function keysOf(id: string, features: unknown): string[] | undefined {
  try {
    return isRecord(features) ? Object.keys(features) : undefined;
  } catch (error) {
    return refuse(id, 'The features cannot be listed: the object throws; see the cause.', error);
  }
}

/** A copy of features that were checked, down to the bytes of their values. */
export function copyOf(features: Features): Features {
  const copies = Object.entries(features).map(([name, value]) => [
    name,
    isUint8Array(value) ? Uint8Array.from(value) : value,
  ]);
  return Object.fromEntries(copies) as Features;
}

function isSmallInteger(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= MAX_BULK_INTEGER;
}

/**
 * The values of the names, all at once: asking for one after the other takes several times as long.
 */
function valuesOf(id: string, features: Features, names: readonly string[]): readonly unknown[] {
  // A proxy may list its names in another order the next time.
  if (!isProxy(features)) {
    try {
      const values = Object.values(features);
      // A getter may add or take away another feature.
      if (values.length === names.length) return values;
    } catch {
      // Told below, with its name.
    }
  }
  return names.map((name) => valueOf(id, features, name));
}

function valueOf(id: string, features: Features, name: string): unknown {
  try {
    return features[name];
  } catch (error) {
    const problem = `Feature ${show(name)} cannot be read: its getter throws; see the cause.`;
    return refuse(id, problem, error);
  }
}

/** @throws FeatureStoreError INVALID_FEATURE */
export function encodeValue(id: string, name: string, value: unknown): string | Uint8Array {
  switch (typeof value) {
    case 'string':
      return checkText(id, name, value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'number':
      if (Number.isFinite(value)) return String(value);
  }
  // Of any realm: a test runner has classes of its own.
  if (isUint8Array(value)) return checkBytes(id, name, value);
  const remedy =
    ArrayBuffer.isView(value) || isAnyArrayBuffer(value)
      ? 'Give its bytes: new Uint8Array(buffer, byteOffset, byteLength).'
      : 'Leave the feature out, or write what the model should see instead; null deletes it.';
  return refuse(
    id,
    `Feature ${show(name)} is ${showKind(value)}; a value is a string, a finite number, ` +
      `a boolean or a Uint8Array. ${remedy}`,
  );
}

/** Names as they are asked for. @throws FeatureStoreError INVALID_FEATURE */
export function checkNames(names: unknown): asserts names is readonly string[] {
  if (!Array.isArray(names)) {
    throw new FeatureStoreError(
      'INVALID_FEATURE',
      `Feature names must be an array, but are ${show(names)}.`,
    );
  }
  if (names.length > MAX_FEATURES) {
    throw new FeatureStoreError(
      'INVALID_FEATURE',
      `${names.length} feature names; the limit is ${MAX_FEATURES} in one read.`,
    );
  }
  for (const name of names) checkName(name, '');
}

/** The values as they are, which they must all be as bytes. */
export function decodeBytes(names: readonly string[], values: readonly unknown[]): FeatureBytes {
  const row: FeatureBytes = {};
  for (let i = 0; i < names.length; i++) {
    const value = values[i];
    if (value instanceof Uint8Array) setFeature(row, names[i] ?? '', value);
  }
  return row;
}

/** `decodeRow`, or the error of a row that holds what is not text. */
export function decodeText(
  id: string,
  names: readonly string[],
  values: readonly unknown[],
): FeatureRow | FeatureStoreError {
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (value instanceof Uint8Array) return notText(id, names[i] ?? '', value.length);
  }
  return decodeRow(names, values);
}

export function notText(id: string, name: string, byteCount: number): FeatureStoreError {
  return new FeatureStoreError(
    'NOT_TEXT',
    `Entity ${show(id)}: Feature ${show(name)} is ${byteCount} bytes that are not UTF-8 text. ` +
      "Read it with { as: 'bytes' }, or leave it out.",
  );
}

/** The values of HMGET by name, in the order of the names; absent features left out. */
export function decodeRow(names: readonly string[], values: readonly unknown[]): FeatureRow {
  const row: FeatureRow = {};
  for (let i = 0; i < names.length; i++) {
    const value = values[i];
    if (typeof value === 'string') setFeature(row, names[i] ?? '', value);
  }
  return row;
}

/** `__proto__` is a name like any other, but assigning to it would not make a feature of it. */
export function setFeature<Value>(row: Record<string, Value>, name: string, value: Value): void {
  if (name === '__proto__') {
    const own = { value, enumerable: true, writable: true, configurable: true };
    Object.defineProperty(row, name, own);
  } else {
    row[name] = value;
  }
}

/** Whether it is the name under which the store keeps the time of the event that was written last. */
export function isEventTime(name: string): boolean {
  return (
    name.startsWith(EVENT_TIME) &&
    (name.length === EVENT_TIME.length || name[EVENT_TIME.length] === ':')
  );
}

/** A name under which a feature is written. @throws FeatureStoreError INVALID_FEATURE */
export function checkNewName(name: unknown, where = ''): asserts name is string {
  checkName(name, where);
  if (!isEventTime(name)) return;
  throw new FeatureStoreError(
    'INVALID_FEATURE',
    `${where}A feature name must not be ${show(name)}: the store keeps event times under it. ` +
      'It can be read, and is written by { eventTimeMs }.',
  );
}

function checkName(name: unknown, where: string): asserts name is string {
  const problem =
    typeof name !== 'string'
      ? `must be a string, but is ${show(name)}`
      : name === ''
        ? 'must not be empty'
        : !name.isWellFormed()
          ? `${show(name.toWellFormed())} has a lone surrogate, which UTF-8 cannot hold`
          : name.length * 3 > MAX_NAME_BYTES && Buffer.byteLength(name) > MAX_NAME_BYTES
            ? `${show(name)} has ${Buffer.byteLength(name)} bytes; the limit is ${MAX_NAME_BYTES}`
            : undefined;
  if (problem === undefined) return;
  throw new FeatureStoreError('INVALID_FEATURE', `${where}A feature name ${problem}.`);
}

function checkText(id: string, name: string, text: string): string {
  if (!text.isWellFormed()) {
    refuse(id, `Feature ${show(name)} has a lone surrogate, which UTF-8 cannot hold.`);
  }
  if (text.length * 3 > MAX_VALUE_BYTES && Buffer.byteLength(text) > MAX_VALUE_BYTES) {
    const bytes = Buffer.byteLength(text);
    refuse(id, `Feature ${show(name)} has ${bytes} bytes; the limit is ${MAX_VALUE_BYTES}.`);
  }
  return text;
}

function checkBytes(id: string, name: string, bytes: Uint8Array): Uint8Array {
  if (bytes.length > MAX_VALUE_BYTES) {
    refuse(id, `Feature ${show(name)} has ${bytes.length} bytes; the limit is ${MAX_VALUE_BYTES}.`);
  }
  if (bytes.length === 0 && isDetached(bytes.buffer)) {
    refuse(id, `Feature ${show(name)} has lost its bytes: their buffer was transferred elsewhere.`);
  }
  return bytes;
}

/** A buffer that was transferred looks empty, but no view of it can be made. */
function isDetached(buffer: ArrayBufferLike): boolean {
  try {
    void new Uint8Array(buffer);
    return false;
  } catch {
    return true;
  }
}

function refuseRow(id: string): never {
  refuse(id, `The features take more than ${MAX_ROW_BYTES} bytes, the limit of one row.`);
}

function refuse(id: string, problem: string, ...causes: [] | [cause: unknown]): never {
  const options = causes.length > 0 ? { cause: causes[0] } : undefined;
  throw new FeatureStoreError('INVALID_FEATURE', `Entity ${show(id)}: ${problem}`, options);
}
