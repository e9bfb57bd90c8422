/**
 * What Redis holds, for people and for JSON. Bytes that are no text are shown in base64, not
 * guessed at.
 */

import { isUtf8 } from 'node:buffer';
import type { TextOrBytes } from '../index.ts';

/** Longer bytes are cut: they are there to be recognized. */
const SHOWN_BYTES = 48;

/** Text as it is, also where it is given as bytes; `12 bytes: AACAPwAAAEAAAEBA` for others. */
export function shownValue(value: TextOrBytes): string {
  if (typeof value === 'string') return value;
  if (isUtf8(value)) return Buffer.from(value).toString();
  const begin = base64(value.subarray(0, SHOWN_BYTES));
  return `${value.length} bytes: ${begin}${value.length > SHOWN_BYTES ? '…' : ''}`;
}

/** Text as a string; bytes whole, as `{ "base64": "AACAPw==" }`, which no text is taken for. */
export function jsonValue(value: TextOrBytes): string | { readonly base64: string } {
  return typeof value === 'string' ? value : { base64: base64(value) };
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64');
}
