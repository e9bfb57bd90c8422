/**
 * Which of a cluster's 16384 slots a key belongs to: CRC16 (XMODEM) of the key's UTF-8 bytes, or of
 * its hash tag alone, when the key holds a `{…}` that is not empty. Source: the cluster
 * specification, https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/.
 * The keys of a batch get theirs in key-table.ts.
 */

import { SLOT_COUNT } from '../limits.ts';

const POLYNOMIAL = 0x1021;

/** What a byte makes of a CRC of 0. */
export const BY_BYTE: Uint16Array = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ POLYNOMIAL : crc << 1;
  return crc & 0xffff;
});
/** What a byte and a 0 after it make of a CRC of 0. */
export const BY_BYTE_AND_ZERO: Uint16Array = BY_BYTE.map((crc) => step(crc, 0));

/** The slot of `key`, 0 … 16383. */
export function slotOf(key: string): number {
  return crcOf(Buffer.from(hashTagOf(key) ?? key)) % SLOT_COUNT;
}

export function crcOf(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) crc = step(crc, byte);
  return crc;
}

/** What is between the first `{` and the first `}` after it, unless that is nothing. */
function hashTagOf(key: string): string | undefined {
  const open = key.indexOf('{');
  if (open === -1) return undefined;
  const close = key.indexOf('}', open + 1);
  return close > open + 1 ? key.slice(open + 1, close) : undefined;
}

function step(crc: number, byte: number): number {
  return ((crc << 8) ^ (BY_BYTE[((crc >> 8) ^ byte) & 0xff] ?? 0)) & 0xffff;
}
