/**
 * Features as Redis holds them. A hash field is bytes, so every value is stored as a string that
 * reads back exactly: a boolean as `true` or `false`, a number as `String(value)`. What would not
 * come back as it went in is refused, with the entity and the feature named.
 */

import { FeatureStoreError } from '../errors.ts';
import type { FeatureRow, Features } from './features.ts';
import { show } from './option-checks.ts';

export const MAX_NAME_BYTES = 4_096;
export const MAX_VALUE_BYTES = 8_388_608;
export const MAX_FEATURES = 10_000;

/** `[name, value, name, value, …]`, as HSET takes it. */
export interface EncodedFeatures {
  readonly flat: readonly string[];
  /** Characters in `flat`: close to the bytes on the wire. */
  readonly bytes: number;
}

/** @throws FeatureStoreError INVALID_FEATURE */
export function encodeFeatures(id: string, features: Features): EncodedFeatures {
  if (typeof features !== 'object' || features === null || Array.isArray(features)) {
    refuse(id, `The features must be an object of values by name, but are ${show(features)}.`);
  }
  const flat: string[] = [];
  let bytes = 0;
  for (const name of Object.keys(features)) {
    checkName(name, `Entity ${show(id)}: `);
    const value = encodeValue(id, name, features[name]);
    flat.push(name, value);
    bytes += name.length + value.length;
  }
  if (flat.length > 2 * MAX_FEATURES) {
    refuse(id, `${flat.length / 2} features; the limit is ${MAX_FEATURES} in one row.`);
  }
  return { flat, bytes };
}

/** @throws FeatureStoreError INVALID_FEATURE */
export function encodeValue(id: string, name: string, value: unknown): string {
  switch (typeof value) {
    case 'string':
      return checkText(id, name, value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'number':
      if (Number.isFinite(value)) return String(value);
  }
  return refuse(
    id,
    `Feature ${show(name)} is ${show(value)}; a value is a string, a finite number or a boolean. ` +
      'Leave the feature out, or write what the model shall see instead.',
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

/** The values of HMGET by name, in the order of the names; absent features left out. */
export function decodeRow(names: readonly string[], values: readonly unknown[]): FeatureRow {
  const row: FeatureRow = {};
  for (const [index, name] of names.entries()) {
    const value = values[index];
    if (typeof value === 'string') setFeature(row, name, value);
  }
  return row;
}

/** `__proto__` is a name like any other, but assigning to it would not make a feature of it. */
function setFeature(row: FeatureRow, name: string, value: string): void {
  if (name === '__proto__') {
    const own = { value, enumerable: true, writable: true, configurable: true };
    Object.defineProperty(row, name, own);
  } else {
    row[name] = value;
  }
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

function refuse(id: string, problem: string): never {
  throw new FeatureStoreError('INVALID_FEATURE', `Entity ${show(id)}: ${problem}`);
}
