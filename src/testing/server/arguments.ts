/** The words of a command after its name, read as the servers read them. */

import { textOf, type Bytes } from './bytes.ts';
import { NEVER } from './keyspace.ts';
import { NO_INTEGER, Refusal, SYNTAX } from './refusal.ts';

/** Seconds or milliseconds; from now on, or since 1970. */
export interface TimeUnit {
  readonly ms: 1 | 1_000;
  readonly isPoint: boolean;
}

export const SECONDS: TimeUnit = { ms: 1_000, isPoint: false };
export const MILLISECONDS: TimeUnit = { ms: 1, isPoint: false };
export const AT_SECOND: TimeUnit = { ms: 1_000, isPoint: true };
export const AT_MILLISECOND: TimeUnit = { ms: 1, isPoint: true };

/** @throws Refusal `ERR value is not an integer or out of range` */
export function integerOf(word: Bytes | undefined): number {
  const text = word === undefined ? '' : textOf(word);
  const value = Number(text);
  if (!/^-?(0|[1-9]\d*)$/.test(text) || !Number.isSafeInteger(value)) throw new Refusal(NO_INTEGER);
  return value;
}

/** When a TTL that is given as this word ends, in milliseconds since 1970. */
export function endOf(word: Bytes | undefined, { ms, isPoint }: TimeUnit, nowMs: number): number {
  return (isPoint ? 0 : nowMs) + integerOf(word) * ms;
}

export function upper(word: Bytes | undefined): string {
  return word === undefined ? '' : textOf(word).toUpperCase();
}

/**
 * The words after FIELDS: how many there are, and they, of which each item takes `perItem`.
 * @throws Refusal where FIELDS or the number is not what follows
 */
export function fieldsOf(words: readonly Bytes[], at: number, perItem: 1 | 2 = 1): Bytes[] {
  if (upper(words[at]) !== 'FIELDS') {
    throw new Refusal('ERR Mandatory argument FIELDS is missing or not at the right position');
  }
  const count = integerOf(words[at + 1]);
  const fields = words.slice(at + 2);
  if (count < 1) throw new Refusal('ERR Parameter `numFields` should be greater than 0');
  if (fields.length !== count * perItem) {
    throw new Refusal('ERR The `numfields` parameter must match the number of arguments');
  }
  return fields;
}

const CONDITIONS = ['NX', 'XX', 'GT', 'LT'] as const;
export type Condition = (typeof CONDITIONS)[number];

export function conditionOf(word: Bytes | undefined): Condition | undefined {
  const given = upper(word);
  return CONDITIONS.find((condition) => condition === given);
}

/** Whether a TTL may be set by the condition, of what ends at `current`: none counts as endless. */
export function holds(condition: Condition | undefined, current: number, next: number): boolean {
  if (condition === 'NX') return current === NEVER;
  if (condition === 'XX') return current !== NEVER;
  if (condition === 'GT') return next > current;
  return condition !== 'LT' || next < current;
}

export function syntaxError(): never {
  throw new Refusal(SYNTAX);
}
