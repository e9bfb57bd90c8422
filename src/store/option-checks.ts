/** Checks that options share. Each error names the option, the value, the limit, and what to do. */

import { FeatureStoreError } from '../errors.ts';

/** Longest time that a Node timer can wait. */
export const MAX_TIMEOUT_MS = 2_147_483_647;

/** A hundred years: below every limit that servers put on an expiry. */
export const MAX_TTL_SECONDS = 3_153_600_000;

export function refuse(message: string): never {
  throw new FeatureStoreError('INVALID_OPTION', message);
}

/** Refuses what is not an object, and keys that nobody would read. */
export function checkKeys(path: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    refuse(`${path} must be an object of options, but is ${show(options)}.`);
  }
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) {
      refuse(`${path}.${key} is not an option; known are ${known.join(', ')}.`);
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

export function checkTimeoutMs(path: string, value: unknown): number {
  return checkInteger(path, value, { min: 1, max: MAX_TIMEOUT_MS });
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

/** An object of values by name; a Map or an array, whose entries are elsewhere, is none. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  return !(Array.isArray(value) || value instanceof Map || value instanceof Set);
}

/** A value as an error message shows it: short, and quoted where it is a string. */
export function show(value: unknown): string {
  if (typeof value === 'string') {
    return value.length > 60
      ? `'${value.slice(0, 60).toWellFormed()}…' (${value.length} characters)`
      : `'${value}'`;
  }
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  if (value === null || typeof value === 'boolean' || value === undefined) return String(value);
  if (Array.isArray(value)) return 'an array';
  if (value instanceof Map) return 'a Map';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
