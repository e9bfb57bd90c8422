/** Checks that options share. Each error names the option, the value, the limit, and what to do. */

import { FeatureStoreError, shownText } from '../errors.ts';
import { MAX_EVENT_TIME_MS, MAX_TTL_SECONDS, SHOWN_VALUE_CHARACTERS } from './limits.ts';

export function refuse(message: string): never {
  throw new FeatureStoreError('INVALID_OPTION', message);
}

/** Refuses what is not an object, and keys that nobody would read. */
export function checkKeys(path: string, options: unknown, known: readonly string[]): void {
  if (!isRecord(options)) {
    refuse(`${path} must be an object of options, but is ${showKind(options)}.`);
  }
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) {
      refuse(`${pathTo(path, key)} is not an option; known are ${known.join(', ')}.`);
    }
  }
}

export function checkInteger(
  path: string,
  value: unknown,
  { min, max }: { min: number; max: number },
): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) {
    return value;
  }
  return refuse(`${path} must be a whole number from ${min} to ${max}, but is ${show(value)}.`);
}

export function checkTtlSeconds(path: string, value: unknown): number {
  return checkInteger(path, value, { min: 1, max: MAX_TTL_SECONDS });
}

/** A time-out of a store. */
export function checkTimeoutMs(path: string, value: unknown): number {
  if (typeof value === 'number' && value > 0) return value;
  return refuse(`${path} must be a positive number of milliseconds, but is ${show(value)}.`);
}

/** What is left of a caller's time: it may be nothing, and then the call ends with TIMEOUT. */
export function checkTimeLeftMs(path: string, value: unknown): number {
  if (typeof value === 'number' && !Number.isNaN(value)) return value;
  return refuse(`${path} must be a number of milliseconds, but is ${show(value)}.`);
}

/** The time of an event, if it is one. @throws FeatureStoreError INVALID_OPTION */
export function checkEventTimeMs(id: string, value: unknown): number | undefined {
  if (value === undefined) return undefined;
  const range = { min: 0, max: MAX_EVENT_TIME_MS };
  return checkInteger(`Entity ${show(id)}: eventTimeMs`, value, range);
}

export function checkBoolean(path: string, value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  return refuse(`${path} must be true or false, but is ${show(value)}.`);
}

/** One of some words. */
export function checkWord<Word extends string>(
  path: string,
  value: unknown,
  words: readonly Word[],
): Word {
  const word = words.find((known) => known === value);
  if (word !== undefined) return word;
  const list = words.map((known) => `'${known}'`).join(' or ');
  return refuse(`${path} must be ${list}, but is ${show(value)}.`);
}

export function checkSignal(path: string, value: unknown): AbortSignal | undefined {
  if (value === undefined || value instanceof AbortSignal) return value;
  return refuse(`${path} must be an AbortSignal, but is ${show(value)}.`);
}

export function checkFunction(path: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'function') {
    refuse(`${path} must be a function, but is ${show(value)}.`);
  }
}

/**
 * An object of values by name: a plain one, or an instance of somebody's class. What keeps its
 * content elsewhere, such as a Map, a Date, or a Promise that was not awaited, is none: it would
 * look empty.
 */
export function isRecord(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return true;
  return tagOf(value) === 'Object';
}

/** A key, which may be anything, as text shows it: `vip`, `'a b'`. */
export function showKey(key: string): string {
  const shown = show(key);
  return shown === `'${key}'` && /^\S+$/.test(key) ? key : shown;
}

/** The path of a key: `vipGroups.vip`, `vipGroups['a b']`. */
export function pathTo(path: string, key: string): string {
  const shown = showKey(key);
  return shown === key ? `${path}.${key}` : `${path}[${shown}]`;
}

/** A value as an error message shows it: short, on one line, and quoted where it is a string. */
export function show(value: unknown): string {
  if (typeof value === 'string') {
    const { length } = value;
    const quoted = shownText(value);
    return length > SHOWN_VALUE_CHARACTERS ? `${quoted} (${length} characters)` : quoted;
  }
  if (typeof value === 'bigint') {
    const digits = String(value);
    return digits.length > SHOWN_VALUE_CHARACTERS
      ? `${digits.slice(0, SHOWN_VALUE_CHARACTERS)}…`
      : digits;
  }
  if (typeof value === 'object' && value !== null) return kindOf(value);
  return typeof value === 'function' || typeof value === 'symbol'
    ? `a ${typeof value}`
    : String(value);
}

/** A value that may be a feature, or hold a password: what kind it is, and nothing of it. */
export function showKind(value: unknown): string {
  const isSecret = typeof value === 'string' || typeof value === 'bigint' || Number.isFinite(value);
  return isSecret ? `a ${typeof value}` : show(value);
}

/** What it is, but nothing that is in it. */
function kindOf(value: object): string {
  try {
    if (Array.isArray(value)) return 'an array';
    const tag = tagOf(value);
    if (tag === 'Map') return 'a Map';
    return tag !== 'Object' && /^\w{1,40}$/.test(tag) ? `an object (${tag})` : 'an object';
  } catch {
    return 'an object'; // a proxy that refuses every question
  }
}

/** `Object`, `Date`, `Promise`, … */
function tagOf(value: object): string {
  return Object.prototype.toString.call(value).slice('[object '.length, -1);
}
